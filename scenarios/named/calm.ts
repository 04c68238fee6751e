import { consumer, producer } from "../../properties/generate/cluster-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";

export const calm: Scenario = defineScenario({
  name: "calm",
  story:
    "Three brokers, two producers, one consumer, no faults: every record is acknowledged, and read " +
    "once and in order.",
  plan(draw, { seed }) {
    const topics = [{ name: "orders", partitions: 3, replicationFactor: 3, settings: {} }];
    const everyUs = draw.between(5, 40) * MS;
    const count = draw.between(100, 500);
    return storyPlan({
      scenario: "calm",
      seed,
      profile: "calm",
      topics,
      settings: { "linger.ms": draw.pick([0, 5, 20]) },
      latency: drawLatency(draw.fork("latency")),
      clients: [producer("p1"), producer("p2"), consumer("r1", topics)],
      workload: [
        ...stream({ prefix: "v", client: "p1", fromUs: SECOND, everyUs, count }),
        ...stream({ prefix: "w", client: "p2", fromUs: SECOND + 3 * MS, everyUs, count }),
      ],
      healAt: SECOND + count * everyUs,
    });
  },
});
