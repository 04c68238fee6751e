import { expect, it } from "vitest";
import { makePlan, NO_CHANGES, runTrial } from "../trial.ts";
import { planVocabulary } from "../plan-vocabulary.ts";
import { lastReplicaStanding } from "./last-replica-standing.ts";

/** The verdict is made when the observers have had their say: what it explains is checked here. */
it.each(["1", "2", "3"])("explains each loss by flush.messages (seed %s)", async (seed) => {
  const plan = makePlan(lastReplicaStanding, seed, null, NO_CHANGES, planVocabulary);
  const verdict = await runTrial(plan, lastReplicaStanding, { isolate: false, recheck: false });

  expect(verdict.verdict).toBe("pass");
  expect(verdict.losses.length).toBeGreaterThan(0);
  expect([...new Set(verdict.losses.map(({ because }) => because.setting))]).toEqual([
    "flush.messages",
  ]);
});
