import type { Fault } from "../../sim/faults/fault.ts";
import { brokerNames, CONTROLLER } from "../../properties/generate/cluster-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { factOccurs } from "./promises.ts";

const PARTITION = `${STORY_TOPIC}-0`;

export const partitionAndHeal: Scenario = defineScenario({
  name: "partition-and-heal",
  story:
    "The leader is cut off from the other brokers and the controller, while clients may still reach " +
    "it. The others go on without it; after healing it gives up what only it has.",
  plan(draw, { seed }) {
    const at = draw.between(3000, 8000) * MS;
    const duration = draw.between(4500, 9000) * MS;
    const cut = (peer: string, index: number): Fault => ({
      id: `f${index + 1}`,
      kind: "block",
      target: { link: [{ role: "leader", of: PARTITION }, peer], both: true },
      at,
      for: duration,
    });
    // Without its clients the old leader only notices; with them it is a zombie that takes records.
    const alone = draw.chance(1, 3);
    const peers = [...brokerNames(3), CONTROLLER, ...(alone ? ["p1", "r1"] : [])];
    return storyPlan({
      scenario: "partition-and-heal",
      seed,
      settings: { "delivery.timeout.ms": 30000 },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({ fromUs: SECOND, everyUs: 40 * MS, count: 500 }),
      faults: peers.map(cut),
      healAt: 22 * SECOND,
    });
  },
  invariants: (findings) => [
    factOccurs(findings, "partition-and-heal", "became-leader", "a change of leader", (fact) => {
      return fact.leaderEpoch > 0;
    }),
  ],
});
