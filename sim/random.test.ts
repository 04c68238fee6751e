import { expect, it } from "vitest";
import { combine, hashString, stableHash } from "./hash.ts";
import { KeyedDraws, scale, SeededStream } from "./random.ts";
import { TraceHash } from "./trace-hash.ts";

it("gives the same draw for the same seed, purpose and occasion, whatever was drawn before", () => {
  const one = new KeyedDraws("seed");
  const other = new KeyedDraws("seed");
  for (let i = 0; i < 50; i++) other.draw(1, 2, 3, i);
  expect(other.draw(7, 8, 9, 10)).toBe(one.draw(7, 8, 9, 10));
  expect(new KeyedDraws("seee").draw(7, 8, 9, 10)).not.toBe(one.draw(7, 8, 9, 10));
});

it("changes the draw with each of its four keys", () => {
  const draws = new KeyedDraws("x");
  const seen = new Set<number>();
  for (let p = 0; p < 8; p++)
    for (let a = 0; a < 8; a++)
      for (let b = 0; b < 8; b++) for (let c = 0; c < 8; c++) seen.add(draws.draw(p, a, b, c));
  // Of 4,096 draws of 32 bits two are equal with a chance of about 1 in 500.
  expect(seen.size).toBeGreaterThanOrEqual(4095);
});

it("draws evenly", () => {
  const draws = new KeyedDraws("even");
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 20_000; i++) counts[draws.below(10, 5, 6, i, 0)]!++;
  for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(250);
});

it("keeps draws inside their bounds", () => {
  expect(scale(0xffffffff, 7)).toBe(6);
  expect(scale(0, 7)).toBe(0);
  expect(scale(0xffffffff, 4294967296)).toBe(0xffffffff);
});

it("repeats a seeded stream, and gives forks a life of their own", () => {
  const take = (stream: SeededStream): number[] => [1, 2, 3].map(() => stream.below(1_000_000));
  expect(take(new SeededStream("s"))).toEqual(take(new SeededStream("s")));
  const drawn = new SeededStream("s");
  drawn.below(10);
  expect(take(drawn.fork("f"))).toEqual(take(new SeededStream("s").fork("f")));
  expect(take(drawn.fork("f"))).not.toEqual(take(drawn.fork("g")));
  expect(drawn.shuffled([1, 2, 3, 4]).sort()).toEqual([1, 2, 3, 4]);
});

it("has hashes that never change", () => {
  expect(stableHash("")).toBe("09f45f69fa4e3eeb");
  expect(stableHash("kafka")).toBe("76b79e07a7da76c9");
  expect([hashString("a"), hashString("b"), combine(1, 2), combine(2, 1)]).toEqual([
    530429928, -968704237, 1192803532, 1192442289,
  ]);
  const trace = new TraceHash();
  for (const n of [0, 1, -1, 4294967296, Number.MAX_SAFE_INTEGER, -5_000_000_000]) trace.mix(n);
  trace.event(5_000_000_000, 3, 1, 100);
  expect(trace.digest()).toBe("196b5d2c1ae9d192");
});

it("tells apart traces that differ in one number, or in the order of two", () => {
  const digest = (numbers: readonly number[]): string => {
    const trace = new TraceHash();
    for (const n of numbers) trace.mix(n);
    return trace.digest();
  };
  const traces = [[1, 2], [2, 1], [1], [1, 3], [4294967297, 2], [1, 4294967298]];
  expect(new Set(traces.map(digest)).size).toBe(traces.length);
});
