import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { UsableBroker } from "./replica-placer.ts";
import { placeReplicas } from "./replica-placer.ts";

const FIRST = { below: (): number => 0 };

function broker(id: number, rack: string | null = null, fenced: boolean = false): UsableBroker {
  return { id, rack, fenced };
}

describe("placeReplicas", () => {
  it("uses each broker at most once in a partition, and fenced ones last", () => {
    const brokers = fc.uniqueArray(
      fc.record({
        id: fc.nat(50),
        rack: fc.constantFrom(null, "a", "b", "c"),
        fenced: fc.boolean(),
      }),
      { selector: (one) => one.id, minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(brokers, fc.nat(20), fc.nat(20), (usable, start, factor) => {
        const unfenced = usable.filter((one) => !one.fenced).length;
        const draw = { below: (_: string, bound: number): number => start % bound };
        const placed = placeReplicas(draw, "t", usable, 5, factor + 1);
        if (unfenced === 0 || factor + 1 > usable.length) {
          expect(placed).toHaveProperty("problem");
          return;
        }
        if (!("replicas" in placed)) throw new Error("not placed");
        for (const replicas of placed.replicas) {
          expect(replicas).toHaveLength(factor + 1);
          expect(new Set(replicas).size).toBe(factor + 1);
          const isFenced = replicas.map((id) => usable.find((one) => one.id === id)?.fenced);
          expect(isFenced).toEqual([...isFenced].sort((a, b) => Number(a) - Number(b)));
        }
      }),
    );
  });

  it("puts the replicas of a partition into different racks", () => {
    const brokers = [1, 2, 3, 4, 5, 6].map((id) => broker(id, ["a", "b", "c"][id % 3]));
    const placed = placeReplicas(FIRST, "t", brokers, 6, 3);
    if (!("replicas" in placed)) throw new Error("not placed");
    for (const replicas of placed.replicas) {
      expect(new Set(replicas.map((id) => id % 3)).size).toBe(3);
    }
  });
});
