import { MS, SECOND } from "../../properties/generate/time.ts";
import { FlowObserver } from "../narrate/flow.ts";
import type { Written } from "../narrate/flow-plan.ts";
import { flowPlan } from "../narrate/flow-plan.ts";
import { keyedOrderSteps } from "../narrate/flows/keyed-order.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";

const NAME = "keyed-order-flow";
const KEYS = ["order-1", "order-2"];
const STEPS = ["created", "paid", "shipped"];

export const keyedOrderFlow: Scenario = defineScenario({
  name: NAME,
  story:
    "Records with keys, as a primer tells it: the hash of a key gives its partition, one member of " +
    "the group owns that, and works on what happened to an order in the order in which it was sent.",
  flow: keyedOrderSteps,
  invariants: (findings, plan) => [new FlowObserver(keyedOrderSteps, findings, plan)],
  plan(draw, { seed }) {
    const sends: Written[] = [];
    let atUs = draw.between(2500, 3500) * MS;
    for (const value of STEPS) {
      for (const key of draw.shuffled(KEYS)) {
        sends.push({ atUs, key, value });
        atUs += draw.between(10, 200) * MS;
      }
    }
    return flowPlan({
      scenario: NAME,
      seed,
      draw,
      sends,
      producerSettings: {},
      joinUs: 5 * SECOND,
      workUs: draw.between(1, 20) * MS,
    });
  },
});
