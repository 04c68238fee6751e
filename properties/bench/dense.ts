/** Short plans full of faults: what a campaign spends its time on, so fixed costs of a run count here. */
import { SeededStream } from "../../sim/random.ts";
import { drawDensePlan } from "../generate/dense-plan.ts";
import { readPlan } from "../plan/parse-plan.ts";
import type { Plan } from "../plan/plan.ts";

/** What the benchmark can time: plans by seed, drawing and reading included. */
export type PlanOfSeed = (seed: string) => Plan;

export const densePlan: PlanOfSeed = (seed) =>
  readPlan({ ...drawDensePlan(new SeededStream(`dense/${seed}`), seed) }, { bugs: [] });
