import { drawLatency } from "../../properties/generate/latency.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { factOccurs } from "./promises.ts";

const PARTITION = `${STORY_TOPIC}-0`;

export const slowFollower: Scenario = defineScenario({
  name: "slow-follower",
  story:
    "One follower hears from its leader only after seconds: it leaves the in-sync replicas, records " +
    "are acknowledged without it, and it joins again when it has caught up.",
  plan(draw, { seed }) {
    return storyPlan({
      scenario: "slow-follower",
      seed,
      settings: { "delivery.timeout.ms": 30000 },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({ fromUs: SECOND, everyUs: 40 * MS, count: 550 }),
      faults: [
        {
          id: "f1",
          kind: "delay",
          target: {
            link: [
              { role: "leader", of: PARTITION },
              { role: "isr-follower", of: PARTITION },
            ],
          },
          at: draw.between(3000, 6000) * MS,
          for: draw.between(8000, 12000) * MS,
          us: draw.between(4000, 7000) * MS,
        },
      ],
      healAt: 24 * SECOND,
    });
  },
  invariants: (findings) => [
    factOccurs(findings, "slow-follower", "isr-committed", "a follower left the ISR", (fact) => {
      return fact.removed.length > 0;
    }),
    factOccurs(findings, "slow-follower", "isr-committed", "a follower joined the ISR", (fact) => {
      return fact.added.length > 0;
    }),
  ],
});
