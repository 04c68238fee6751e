import { MS, SECOND } from "../../properties/generate/time.ts";
import { FlowObserver } from "../narrate/flow.ts";
import type { Written } from "../narrate/flow-plan.ts";
import { flowPlan } from "../narrate/flow-plan.ts";
import { stickySteps } from "../narrate/flows/sticky.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";

const NAME = "sticky-flow";
const TOGETHER = 10;
const BATCH_BYTES = 1024;
/**
 * Each of these fills a batch, behind which the producer chooses anew, maybe the same partition again.
 * That all of them stay where the ten are is one chance in three to the fifteenth power.
 */
const LATER = 16;
const FILLING = " ".repeat(BATCH_BYTES);

export const stickyFlow: Scenario = defineScenario({
  name: NAME,
  story:
    "Records without keys, as Kafka places them by itself: ten at one instant stay together, in one " +
    "partition, one batch and one request, and one member works on them; what comes later goes elsewhere.",
  flow: stickySteps,
  invariants: (findings, plan) => [new FlowObserver(stickySteps, findings, plan)],
  plan(draw, { seed }) {
    const atUs = draw.between(2500, 3500) * MS;
    const sends: Written[] = [];
    for (let n = 1; n <= TOGETHER; n += 1) sends.push({ atUs, key: null, value: `parcel-${n}` });
    let laterUs = 8 * SECOND;
    for (let n = 1; n <= LATER; n += 1) {
      sends.push({ atUs: laterUs, key: null, value: `crate-${n}${FILLING}` });
      laterUs += draw.between(100, 200) * MS;
    }
    return flowPlan({
      scenario: NAME,
      seed,
      draw,
      sends,
      producerSettings: { "linger.ms": 50, "batch.size": BATCH_BYTES },
      joinUs: 5 * SECOND,
      workUs: draw.between(1, 5) * MS,
    });
  },
});
