/** Holds a property against drawn plans; a plan that breaks it is saved, with the way to run it again. */
import fc from "fast-check";
import { planArbitrary } from "../generate/plan-arbitrary.ts";
import { replayCommand, savePlan, withExpectation } from "../plan/saved-plan.ts";
import type { Plan } from "../plan/plan.ts";
import { run } from "../run.ts";
import type { Verdict } from "../verdict.ts";
import { Witness } from "./witness.ts";

/** What is wrong with a run that this witness saw, in one sentence; null when nothing is. */
export type Complaint = (witness: Witness, plan: Plan, verdict: Verdict) => string | null;

/** The first plan that broke the property. */
export interface Broken {
  readonly complaint: string;
  /** Path of the saved plan. */
  readonly saved: string;
  /** For a person: what broke, the plan, and the command that runs it again. */
  readonly report: string;
}

export interface Hunt {
  readonly runs: number;
  /** Draws the plans; TRIAL_PROPERTY_SEED draws others, TRIAL_PROPERTY_RUNS more or fewer. */
  readonly seed: number;
  /** Known bugs built into each plan's cluster. */
  readonly bugs?: readonly string[];
}

/** Null when every plan keeps the property. */
export function brokenBy(complaint: Complaint, { runs, seed, bugs = [] }: Hunt): Broken | null {
  const { TRIAL_PROPERTY_SEED, TRIAL_PROPERTY_RUNS } = process.env;
  const details = fc.check(
    fc.property(planArbitrary(), (drawn) => judged(complaint, { ...drawn, bugs }).why === null),
    {
      numRuns: Number(TRIAL_PROPERTY_RUNS ?? runs),
      seed: Number(TRIAL_PROPERTY_SEED ?? seed),
      // A seed tells nothing about how simple its plan is, so that there is nothing to shrink.
      endOnFailure: true,
    },
  );
  if (!details.failed) return null;
  if (details.counterexample === null) throw new Error(fc.defaultReportMessage(details));
  const plan = { ...details.counterexample[0], bugs };
  const { verdict, why } = judged(complaint, plan);
  const saved = savePlan(withExpectation(plan, verdict));
  const found = why ?? `the run breaks: ${String(details.errorInstance)}`;
  const report = `${found}\nseed    ${plan.seed}\nplan    ${saved}\nreplay  ${replayCommand(saved, null)}`;
  return { complaint: found, saved, report };
}

/** The run goes on after a violation: the witness looks at the end, not at the checkers. */
function judged(complaint: Complaint, plan: Plan): { verdict: Verdict; why: string | null } {
  const witness = new Witness();
  const verdict = run(plan, { onFact: witness.onFact, toEnd: true });
  return { verdict, why: complaint(witness, plan, verdict) };
}
