import { drawChaosPlan } from "../../properties/generate/chaos-plan.ts";
import { drawOrderEventsPlan } from "../../properties/generate/order-events-plan.ts";
import { mandatorySituations } from "../../properties/situations.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";

export const orderEvents: Scenario = defineScenario({
  name: "order-events",
  story:
    "A stream of order events goes through a topic with three replicas while brokers crash and lose " +
    "power, links break, disks fail and clocks drift. Nothing acknowledged is lost, doubled or " +
    "reordered. In the profile chaos settings promise less and disks are lost too: whatever is lost " +
    "then is explained.",
  takesInput: true,
  mustSee: { situations: mandatorySituations, invariantsFrom: 1000 },
  plan: (draw, { seed, input, profile }) =>
    (profile === "chaos" ? drawChaosPlan : drawOrderEventsPlan)(draw, seed, input ?? []),
});
