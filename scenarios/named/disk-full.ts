import { drawLatency } from "../../properties/generate/latency.ts";
import { storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { nodeEnds } from "./promises.ts";

export const diskFull: Scenario = defineScenario({
  name: "disk-full",
  story:
    "The disk of a broker fills up: with its only log directory gone the broker halts. When there is " +
    "space again it is restarted, and every acknowledged record is there.",
  plan(draw, { seed }) {
    const brokers = draw.pick([1, 3]);
    const fullAt = draw.between(3000, 6000) * MS;
    const outage = draw.between(1000, 5000) * MS;
    const target = { node: `b${draw.between(1, brokers)}` };
    return storyPlan({
      scenario: "disk-full",
      seed,
      brokers,
      settings: { "delivery.timeout.ms": 30000 },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({ fromUs: SECOND, everyUs: 50 * MS, count: 280 }),
      faults: [
        { id: "f1", kind: "disk-full", target, at: fullAt, for: outage },
        {
          id: "f2",
          kind: "restart",
          target,
          at: fullAt + outage + draw.between(100, 2000) * MS,
          disk: "same",
        },
      ],
      healAt: 15 * SECOND,
    });
  },
  invariants: (findings) => [nodeEnds(findings, "disk-full", "exit")],
});
