import { expect, it } from "vitest";
import { planVocabulary } from "../plan-vocabulary.ts";
import { makePlan, NO_CHANGES, runTrial } from "../trial.ts";
import { lastReplicaStanding } from "./last-replica-standing.ts";

const seeds = Array.from({ length: 8 }, (_, index) => `cure/${index + 1}`);

it.each(seeds)("loses by flush.messages, and nothing once that is 1 (seed %s)", async (seed) => {
  const verdictWith = async (settings: Readonly<Record<string, number>>) => {
    const changes = { ...NO_CHANGES, settings };
    const plan = makePlan(lastReplicaStanding, seed, null, changes, planVocabulary);
    return runTrial(plan, lastReplicaStanding, { isolate: false, recheck: false });
  };

  const careless = await verdictWith({});
  expect(careless.verdict).toBe("pass");
  expect(careless.losses.map(({ because }) => because.setting)).toContain("flush.messages");

  const careful = await verdictWith({ "flush.messages": 1 });
  expect(careful.verdict).toBe("pass");
  expect(careful.losses).toEqual([]);
});
