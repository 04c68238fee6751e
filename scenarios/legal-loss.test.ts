/** What the last replica loses is a matter of one setting; and a scenario's expectation can fail. */
import { expect, it } from "vitest";
import { lastReplicaStanding } from "./named/last-replica-standing.ts";
import { planVocabulary } from "./plan-vocabulary.ts";
import { defineScenario } from "./scenario.ts";
import { makePlan, NO_CHANGES, runTrial } from "./trial.ts";
import type { PlanChanges } from "./trial.ts";

const SEEDS = Array.from({ length: 10 }, (_, index) => `legal/${index + 1}`);
const once = { isolate: false, recheck: false };

function planOf(seed: string, changes: Partial<PlanChanges> = {}): ReturnType<typeof makePlan> {
  return makePlan(lastReplicaStanding, seed, null, { ...NO_CHANGES, ...changes }, planVocabulary);
}

it("the last replica loses what it had not synced, and flush.messages is blamed", async () => {
  for (const seed of SEEDS) {
    const verdict = await runTrial(planOf(seed), lastReplicaStanding, once);
    expect(verdict.violations).toEqual([]);
    expect(verdict.losses.map(({ because }) => because.setting)).toContain("flush.messages");
  }
});

it("the same plans lose nothing with flush.messages=1", async () => {
  for (const seed of SEEDS) {
    const plan = planOf(seed, { settings: { "flush.messages": 1 } });
    expect(plan.faults).toEqual(planOf(seed).faults);
    const verdict = await runTrial(plan, lastReplicaStanding, once);
    expect(verdict.violations).toEqual([]);
    expect(verdict.faults).toMatchObject({ "power-loss": 1 });
    expect(verdict.losses).toEqual([]);
  }
});

it("the same plans lose nothing in strict, which refuses the loss of power", async () => {
  const verdict = await runTrial(
    planOf("legal/1", { profile: "strict" }),
    lastReplicaStanding,
    once,
  );
  expect(verdict.violations).toEqual([]);
  expect(verdict.idleFaults.refused).toBe(1);
  expect(verdict.losses).toEqual([]);
});

it("a run that is not what its scenario expects fails in the scenario's name", async () => {
  const { name, story, plan, expects } = lastReplicaStanding;
  const scenario = defineScenario({ name, story, plan, expects: expects! });
  const verdict = await runTrial({ ...planOf("legal/1"), faults: [] }, scenario, once);
  expect(verdict.verdict).toBe("fail");
  expect(verdict.violations).toMatchObject([
    { invariant: "last-replica-standing", message: expect.stringContaining("flush.messages") },
  ]);
  expect(verdict.harness).toEqual([]);
});
