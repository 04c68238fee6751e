import { expect, it } from "vitest";
import { withTraps } from "./traps.ts";

it("makes the real clock, randomness and timers throw, and gives the result of the run", () => {
  const real = [Math.random, Date, setTimeout, setImmediate, queueMicrotask];
  const uses: readonly (() => unknown)[] = [
    () => Math.random(),
    () => Date.now(),
    () => new Date(),
    () => setTimeout(() => undefined, 0),
    () => setInterval(() => undefined, 0),
    () => setImmediate(() => undefined),
    () => queueMicrotask(() => undefined),
  ];
  const result = withTraps(() => {
    for (const use of uses) expect(use).toThrow("would not be reproducible");
    return new Date(86_400_000).toISOString();
  });
  expect(result).toBe("1970-01-02T00:00:00.000Z");
  expect([Math.random, Date, setTimeout, setImmediate, queueMicrotask]).toEqual(real);
});

it("puts everything back when the run throws, also when traps are nested", () => {
  const { random } = Math;
  expect(() =>
    withTraps(() =>
      withTraps(() => {
        throw new Error("the run failed");
      }),
    ),
  ).toThrow("the run failed");
  expect(Math.random).toBe(random);
  expect(Date.now()).toBeGreaterThan(0);
});
