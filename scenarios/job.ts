/**
 * A job: the runs of a campaign as the command line asked for them. It is plain data, so that each
 * worker can set itself up from it; which worker runs which seed changes nothing.
 */
import type { Plan } from "../properties/plan/plan.ts";
import type { Verdict } from "../properties/verdict.ts";
import { loadScenarios } from "./registry.ts";
import { readInput, shippedInput } from "./input.ts";
import type { InputEvent } from "../properties/generate/input-event.ts";
import type { Scenario } from "./scenario.ts";
import { makePlan, runTrial } from "./trial.ts";
import type { PlanChanges } from "./trial.ts";
import { planVocabulary } from "./plan-vocabulary.ts";

export interface Job {
  /** As the command line names it. */
  readonly scenario: string;
  readonly changes: PlanChanges;
  /** Null: the events that come with the program, if the scenario takes any. */
  readonly inputFile: string | null;
  readonly importedModule: string | null;
  readonly isolate: boolean;
}

/** One run to do. */
export interface Task {
  readonly seed: string;
  readonly recheck: boolean;
}

/** A run that ended, or one in which the program itself broke. */
export type Outcome =
  | { readonly kind: "ran"; readonly seed: string; readonly verdict: Verdict }
  | { readonly kind: "crashed"; readonly seed: string; readonly error: string };

/** A job with its scenario and its input at hand. */
export interface PreparedJob {
  readonly job: Job;
  readonly scenario: Scenario;
  readonly input: readonly InputEvent[] | null;
}

/** Throws an InputError. */
export async function prepareJob(job: Job): Promise<PreparedJob> {
  const scenarios = await loadScenarios(job.importedModule);
  const scenario = scenarios.find(job.scenario);
  const takesInput = scenario.takesInput === true;
  if (!takesInput) return { job, scenario, input: null };
  return { job, scenario, input: readInput(job.inputFile ?? shippedInput()) };
}

export function planOf(prepared: PreparedJob, seed: string): Plan {
  const { job, scenario, input } = prepared;
  return makePlan(scenario, seed, input, job.changes, planVocabulary);
}

export async function runTask(prepared: PreparedJob, { seed, recheck }: Task): Promise<Outcome> {
  try {
    const options = { isolate: prepared.job.isolate, recheck };
    return {
      kind: "ran",
      seed,
      verdict: await runTrial(planOf(prepared, seed), prepared.scenario, options),
    };
  } catch (error) {
    // A defect of the program must not take the other runs with it; it is reported with its seed.
    return { kind: "crashed", seed, error: error instanceof Error ? `${error.stack}` : `${error}` };
  }
}
