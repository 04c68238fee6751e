import { describe, expect, it } from "vitest";
import { SeededStream } from "../../sim/random.ts";
import { spread, subset, weighted } from "./draw.ts";

describe("draws of a plan", () => {
  it("give each choice its weight", () => {
    const draw = new SeededStream("weights");
    const counts = { often: 0, seldom: 0, never: 0 };
    for (let n = 0; n < 4000; n += 1) {
      const choice = weighted(draw, [
        ["often", 3],
        ["seldom", 1],
        ["never", 0],
      ] as const);
      counts[choice] += 1;
    }

    expect(counts.never).toBe(0);
    expect(counts.often / counts.seldom).toBeGreaterThan(2.5);
    expect(counts.often / counts.seldom).toBeLessThan(3.5);
  });

  it("take subsets in the order of the whole", () => {
    const draw = new SeededStream("subsets");
    for (let n = 0; n < 100; n += 1) {
      const taken = subset(draw, [1, 2, 3, 4, 5], 3);

      expect(taken.length).toBe(3);
      expect([...taken].sort((a, b) => a - b)).toEqual(taken);
    }
  });

  it("spread over magnitudes and stay within the bounds", () => {
    const draw = new SeededStream("spread");
    const drawn = Array.from({ length: 4000 }, () => spread(draw, 10, 10_000));

    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(10_000);
    expect(drawn.filter((value) => value < 320).length).toBeGreaterThan(1600);
    expect(drawn.filter((value) => value >= 5120).length).toBeGreaterThan(200);
  });
});
