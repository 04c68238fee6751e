/** One plan has one course of events, to the microsecond, whoever runs it, when, and with whom looking. */
import { expect, it } from "vitest";
import { drawPlan } from "./generate/plan-arbitrary.ts";
import { R16 } from "./known-bugs/r16.ts";
import type { Plan } from "./plan/plan.ts";
import { run } from "./run.ts";
import type { RunOptions } from "./run.ts";
import { build, messageOf } from "./testing/built.ts";

/** With faults of many kinds, compressed batches and small segments; ties are shuffled in two. */
const plans: readonly Plan[] = ["11", "12", "13", "14", "15", "16"].map(drawPlan);
const failing: Plan = { ...R16.schedule!, bugs: ["R16"] };

function hashes(options: RunOptions = {}): string[] {
  return plans.map((plan) => run(plan, options).traceHash);
}

const expected = hashes();

it("the plans of these tests differ, and meet faults and leader changes", () => {
  const verdicts = plans.map((plan) => run(plan));

  expect(new Set(expected).size).toBe(plans.length);
  expect(plans.some(({ shuffleTies }) => shuffleTies)).toBe(true);
  expect(verdicts.filter(({ leaderChanges }) => leaderChanges > 1).length).toBeGreaterThan(2);
  for (const { traceHash } of verdicts) expect(traceHash).toMatch(/^[0-9a-f]{16}$/);
});

it("a plan runs the same a second time, and when its runs come in the opposite order", () => {
  expect(hashes()).toEqual(expected);
  expect([...plans].reverse().map((plan) => run(plan).traceHash)).toEqual([...expected].reverse());
});

it("the last of a hundred runs is as it is alone", () => {
  for (let seed = 0; seed < 99; seed += 1) {
    run({ ...drawPlan(`before/${seed}`), horizon: 6_000_000 });
  }

  expect(run(plans[0]!).traceHash).toBe(expected[0]);
});

it("a run after one that failed is as it is alone, and so is one after a run that broke", () => {
  expect(run(failing).verdict).toBe("fail");
  expect(run(plans[0]!).traceHash).toBe(expected[0]);

  const breaking = (): never => {
    throw new Error("an observer broke");
  };
  expect(() => run(plans[1]!, { onFact: breaking })).toThrow("an observer broke");
  expect(run(plans[1]!).traceHash).toBe(expected[1]);
});

it("a failing run goes on to the same end whether or not it is looked at", () => {
  const toEnd: RunOptions = { toEnd: true };

  expect(run(failing, { ...toEnd, checkers: false }).traceHash).toBe(run(failing, toEnd).traceHash);
});

it("checkers change nothing", () => {
  expect(hashes({ checkers: false })).toEqual(expected);
});

it("isolation, which copies every frame, changes nothing", () => {
  expect(hashes({ isolate: true })).toEqual(expected);
});

it("tracing changes nothing", () => {
  let told = 0;
  const count = (): void => void (told += 1);

  expect(hashes({ onEvent: count, onFact: count, onFrame: count })).toEqual(expected);
  expect(told).toBeGreaterThan(10_000);
});

it("observers change nothing", () => {
  let told = 0;
  const observer = {
    on: { appended: () => void (told += 1) },
    frameDelivered: () => void (told += 1),
  };

  expect(hashes({ observers: () => [observer] })).toEqual(expected);
  expect(told).toBeGreaterThan(1000);
});

it("a worker thread, which has run nothing else, comes to the same", async () => {
  const built = build();
  const worker = built.worker(
    `const { run } = await load("properties/run.js");
     parentPort.postMessage(data.map((plan) => run(plan).traceHash));`,
    plans,
  );
  try {
    expect(await messageOf(worker)).toEqual(expected);
  } finally {
    await worker.terminate();
    built.remove();
  }
});

it("chance, the real clock and real timers throw during a run and work again afterwards", () => {
  const uses: Readonly<Record<string, () => unknown>> = {
    "Math.random": () => Math.random(),
    "Date.now": () => Date.now(),
    "new Date()": () => new Date(),
    setTimeout: () => setTimeout(() => undefined, 0),
    setInterval: () => setInterval(() => undefined, 1_000_000),
    setImmediate: () => setImmediate(() => undefined),
    queueMicrotask: () => queueMicrotask(() => undefined),
  };
  const real = [Math.random, Date, setTimeout, setInterval, setImmediate, queueMicrotask];
  for (const [name, use] of Object.entries(uses)) {
    expect(() => run(failing, { onFact: use })).toThrow(`${name} is used during a run`);
  }

  run(failing);
  expect([Math.random, Date, setTimeout, setInterval, setImmediate, queueMicrotask]).toEqual(real);
  expect(Date.now()).toBeGreaterThan(0);
  expect(Math.random()).toBeLessThan(1);
});
