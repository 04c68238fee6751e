import { MS, SECOND } from "../../properties/generate/time.ts";
import { FlowObserver } from "../narrate/flow.ts";
import { flowPlan } from "../narrate/flow-plan.ts";
import { roundRobinSteps } from "../narrate/flows/round-robin.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";

const NAME = "round-robin-flow";
const VALUES = ["book", "table", "chair"];

export const roundRobinFlow: Scenario = defineScenario({
  name: NAME,
  story:
    "Records without keys, round robin: three of them go to three partitions with three leaders, and " +
    "three members work on them at the same time.",
  flow: roundRobinSteps,
  invariants: (findings, plan) => [new FlowObserver(roundRobinSteps, findings, plan)],
  plan(draw, { seed }) {
    const atUs = draw.between(2500, 3500) * MS;
    return flowPlan({
      scenario: NAME,
      seed,
      draw,
      sends: VALUES.map((value) => ({ atUs, key: null, value })),
      producerSettings: { "partitioner.class": "round-robin", "linger.ms": 0 },
      joinUs: 5 * SECOND,
      workUs: 50 * MS,
    });
  },
});
