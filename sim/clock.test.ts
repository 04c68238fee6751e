import fc from "fast-check";
import { expect, it } from "vitest";
import { NodeClock } from "./clock.ts";

it("shows start, offset and steps on the wall clock only", () => {
  const source = { nowUs: 0 };
  const clock = new NodeClock(source, 1_000_000);
  source.nowUs = 5_500;
  expect([clock.monotonicMs(), clock.wallMs()]).toEqual([5, 1_000_005]);
  clock.step(-2_000_000);
  expect([clock.monotonicMs(), clock.wallMs()]).toEqual([5, 998_005]);
});

it("never goes back, and reaches each deadline, at any rate", () => {
  const change = fc.record({
    wait: fc.nat(10_000_000),
    ppm: fc.integer({ min: -500_000, max: 500_000 }),
    ahead: fc.nat(60_000_000),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
      const source = { nowUs: 0 };
      const clock = new NodeClock(source, 0);
      let last = 0;
      for (const { wait, ppm, ahead } of changes) {
        source.nowUs += wait;
        expect(clock.monotonicUs()).toBeGreaterThanOrEqual(last);
        last = clock.monotonicUs();
        clock.setDrift(ppm);
        expect(clock.monotonicUs()).toBe(last);
        const due = clock.trueTimeOf(last + ahead);
        const before = source.nowUs;
        source.nowUs = due;
        expect(clock.monotonicUs()).toBeGreaterThanOrEqual(last + ahead);
        source.nowUs = due - 1;
        if (ahead > 0) expect(clock.monotonicUs()).toBeLessThan(last + ahead);
        source.nowUs = before;
      }
    }),
  );
});
