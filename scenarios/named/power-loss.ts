import type { Fault } from "../../sim/faults/fault.ts";
import { brokerNames, CONTROLLER } from "../../properties/generate/cluster-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { nodeEnds } from "./promises.ts";

export const powerLoss: Scenario = defineScenario({
  name: "power-loss",
  story:
    "Every host loses power again and again, sometimes all at once, but flush.messages=1 puts each " +
    "record on disk before it is acknowledged: none is lost.",
  plan(draw, { seed }) {
    const brokers = draw.pick([1, 3]);
    const hosts = [...brokerNames(brokers), CONTROLLER];
    const faults: Fault[] = [];
    for (let at = 3 * SECOND; at < 18 * SECOND; at += draw.between(2000, 6000) * MS) {
      const struck = draw.chance(1, 3) ? hosts : [draw.pick(hosts)];
      for (const node of struck) {
        const outage = draw.between(200, 3000) * MS;
        const id = `f${faults.length + 1}`;
        faults.push({ id, kind: "power-loss", target: { node }, at, for: outage });
      }
    }
    return storyPlan({
      scenario: "power-loss",
      seed,
      brokers,
      settings: { "flush.messages": 1, "delivery.timeout.ms": 30000 },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({ fromUs: SECOND, everyUs: 50 * MS, count: 380 }),
      faults,
      healAt: 20 * SECOND,
    });
  },
  invariants: (findings) => [nodeEnds(findings, "power-loss", "power-loss")],
});
