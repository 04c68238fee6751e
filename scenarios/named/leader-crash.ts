import type { Fault } from "../../sim/faults/fault.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { factOccurs } from "./promises.ts";

const PARTITION = `${STORY_TOPIC}-0`;

export const leaderCrash: Scenario = defineScenario({
  name: "leader-crash",
  story:
    "The leader is killed right when it acknowledges a record, three times over: another in-sync " +
    "replica takes the lead with everything that was acknowledged.",
  plan(draw, { seed }) {
    const faults: Fault[] = [];
    let nth = draw.between(20, 60);
    for (const id of ["f1", "f2", "f3"]) {
      faults.push({
        id,
        kind: "kill",
        target: { role: "leader", of: PARTITION },
        when: {
          event: "ack-sent",
          where: { partition: PARTITION },
          nth,
          edge: edgeOf(draw.below(2)),
        },
        for: draw.between(500, 6000) * MS,
      });
      nth += draw.between(40, 120);
    }
    return storyPlan({
      scenario: "leader-crash",
      seed,
      settings: { "delivery.timeout.ms": 30000 },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({ fromUs: SECOND, everyUs: 40 * MS, count: 600 }),
      faults,
      healAt: 26 * SECOND,
    });
  },
  invariants: (findings) => [
    factOccurs(findings, "leader-crash", "became-leader", "a change of leader", (fact) => {
      return fact.partition === PARTITION && fact.leaderEpoch > 0;
    }),
  ],
});

function edgeOf(bit: number): "before" | "after" {
  return bit === 0 ? "before" : "after";
}
