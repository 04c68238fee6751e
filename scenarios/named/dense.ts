import { drawDenseChaosPlan, drawDensePlan } from "../../properties/generate/dense-plan.ts";
import { mandatorySituations } from "../../properties/situations.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";

export const dense: Scenario = defineScenario({
  name: "dense",
  story:
    "A few seconds of order events, in which as much goes wrong as elsewhere in half a minute: made " +
    "to be run by the thousand.",
  mustSee: { situations: mandatorySituations, invariantsFrom: 1000 },
  plan: (draw, { seed, profile }) =>
    (profile === "chaos" ? drawDenseChaosPlan : drawDensePlan)(draw, seed),
});
