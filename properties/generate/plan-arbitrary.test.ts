import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../sim/canonical-json.ts";
import { readPlan } from "../plan/parse-plan.ts";
import type { Plan } from "../plan/plan.ts";
import { drawPlan, planArbitrary } from "./plan-arbitrary.ts";

describe("drawn plans", () => {
  it("pass the checks that strangers' plans must pass, and come out of them unchanged", () => {
    const outcome = fc.check(
      fc.property(planArbitrary(), (plan) => {
        const read = readPlan(JSON.parse(JSON.stringify(plan)), { bugs: [] });
        return canonicalJson(read) === canonicalJson(plan);
      }),
      { numRuns: 100 },
    );

    expect(outcome.counterexample).toBeNull();
  });

  it("depend on their seed and on nothing else", () => {
    expect(canonicalJson(drawPlan("7"))).toBe(canonicalJson(drawPlan("7")));
    expect(canonicalJson(drawPlan("7"))).not.toBe(canonicalJson(drawPlan("8")));
  });

  it("cover every kind of fault, both ways to strike, and fault-free runs", () => {
    const plans: Plan[] = Array.from({ length: 300 }, (_, seed) => drawPlan(`cover/${seed}`));
    const faults = plans.flatMap((plan) => plan.faults);

    expect([...new Set(faults.map(({ kind }) => kind))].sort()).toEqual([
      "bandwidth",
      "bit-rot",
      "block",
      "clock-drift",
      "clock-offset",
      "clock-step",
      "delay",
      "disk-error",
      "disk-full",
      "disk-slow",
      "disk-stall",
      "kill",
      "lose-request",
      "lose-response",
      "lost-sync",
      "pause",
      "power-loss",
      "reset",
      "restart",
      "stop",
    ]);
    const triggered = faults.filter(({ when }) => when !== undefined).length;
    // What begins at one moment, as a partition of several links does, is one thing.
    const timed = new Set(
      plans.flatMap((plan) => plan.faults.map(({ at }) => `${plan.seed} ${at}`)),
    );
    const share = triggered / (triggered + timed.size);
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);
    expect(plans.some((plan) => plan.faults.length === 0)).toBe(true);
  });

  it("send nothing after 31 s and strike by the clock between 3 s and 30 s only", () => {
    for (let seed = 0; seed < 100; seed += 1) {
      const plan = drawPlan(`times/${seed}`);
      for (const { at, op } of plan.workload) {
        if (op === "send") expect(at).toBeGreaterThanOrEqual(1_000_000);
        expect(at).toBeLessThanOrEqual(31_000_000);
      }
      for (const { at = 3_000_000 } of plan.faults) {
        expect(at).toBeGreaterThanOrEqual(3_000_000);
        expect(at).toBeLessThanOrEqual(30_000_000);
      }
    }
  });
});
