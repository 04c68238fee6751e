/** `trial replay`: runs a saved plan again and says whether it came out as it did before. */
import type { Plan } from "../../properties/plan/plan.ts";
import type { Verdict } from "../../properties/verdict.ts";
import { loadPlan } from "../../properties/plan/saved-plan.ts";
import type { Console, ExitStatus } from "../console.ts";
import { exitStatusOf } from "../console.ts";
import { planVocabulary } from "../plan-vocabulary.ts";
import { loadScenarios } from "../registry.ts";
import { reportRun } from "../report/run-report.ts";
import { compare, runTrial } from "../trial.ts";
import type { Comparison } from "../trial.ts";

export interface ReplayArguments {
  readonly plan: string;
  readonly import?: string;
  readonly isolate?: boolean;
  readonly json?: boolean;
}

/** Throws an InputError for a plan that cannot be run. */
export async function replayCommand(given: ReplayArguments, console: Console): Promise<ExitStatus> {
  const plan = loadPlan(given.plan, planVocabulary);
  const scenarios = await loadScenarios(given.import ?? null);
  const scenario = scenarios.ofPlan(plan.scenario);
  const knownHash = plan.expect?.traceHash;
  const options = {
    isolate: given.isolate === true,
    recheck: false,
    ...(knownHash !== undefined && { knownHash }),
  };
  const verdict = await runTrial(plan, scenario, options);
  const comparison = compare(plan, verdict);
  if (given.json === true) {
    console.out(JSON.stringify(comparison === null ? verdict : { ...verdict, replay: comparison }));
  } else {
    for (const line of reportRun(verdict)) console.out(line);
    if (comparison !== null) console.out(`replay     ${comparison}${expected(plan)}`);
  }
  return statusOf(plan, verdict, comparison);
}

function statusOf(plan: Plan, verdict: Verdict, comparison: Comparison | null): ExitStatus {
  if (verdict.verdict === "unproven" || comparison === null) return exitStatusOf(verdict.verdict);
  if (comparison === "FIXED") return 0;
  return comparison === "SAME" && plan.expect?.verdict === "pass" ? 0 : 1;
}

function expected(plan: Plan): string {
  const { verdict, invariant } = plan.expect!;
  return ` (expected: ${verdict}${invariant === undefined ? "" : ` by ${invariant}`})`;
}
