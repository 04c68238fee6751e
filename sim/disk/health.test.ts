import { describe, expect, it } from "vitest";
import { DiskHealth } from "./health.ts";

describe("a slow disk", () => {
  it("takes its time, and no longer than the fault lasts", () => {
    const health = new DiskHealth();
    expect(health.timeFor(100, 0)).toBe(100);
    health.slow.push({ factor: 10, untilUs: 500 });
    expect(health.timeFor(20, 0)).toBe(200);
    // 500 us of the fault do 50 of it; the other 50 come after.
    expect(health.timeFor(100, 0)).toBe(550);
    expect(health.timeFor(100, 400)).toBe(190);
    expect(health.timeFor(100, 500)).toBe(100);
  });

  it("multiplies what stands at the same time", () => {
    const health = new DiskHealth();
    health.slow.push({ factor: 10, untilUs: 500 }, { factor: 2, untilUs: 100 });
    expect(health.timeFor(5, 0)).toBe(100);
    // 100 us do 5 of it, the next 400 do 40, and the rest is at full speed.
    expect(health.timeFor(100, 0)).toBe(555);
    health.slow.push({ factor: 3, untilUs: Infinity });
    expect(health.timeFor(100, 1000)).toBe(300);
  });
});
