/** X5 to X7: what the harness has to prove of itself before its verdict counts. */
import type { BlackBoxAnomaly } from "../history/black-box.ts";
import { blackBoxAnomalies } from "../history/black-box.ts";
import type { Violation } from "../observation.ts";
import type { HarnessFailure } from "../verdict.ts";

/** Which invariants of the white box stand behind what clients saw. */
export const whiteBoxOf: Readonly<Record<BlackBoxAnomaly, readonly string[]>> = {
  "inconsistent-offsets": ["A4", "A6", "A11", "B1", "B2", "B6", "B7", "B8", "B12", "F2", "F4"],
  duplicate: ["D1", "D2", "D6", "D7", "F1", "F4"],
  "lost-write": ["A4", "A5", "B1", "B2", "B4", "B6", "B7", "B12", "B13", "D2", "F1", "F4", "F6"],
  // What is stuck is not read either.
  unseen: [
    ...["A4", "A5", "B1", "B2", "B4", "B6", "B7", "B12", "B13", "D2", "F1", "F6"],
    ...["L1", "L2", "L3", "L4", "L5", "L9", "L12"],
  ],
  "nonmonotonic-send": ["B1", "D1", "D3", "H2"],
  "nonmonotonic-poll": ["F1", "F6"],
  "poll-skip": ["B1", "F1", "F4", "F6"],
};

/**
 * X5: of a run that went on to its end, each anomaly that clients saw must have a violation that
 * explains it; otherwise a fact is missing or untrue.
 */
export function disagreements(violations: readonly Violation[]): HarnessFailure[] {
  const white = new Set(violations.map(({ invariant }) => invariant));
  const failures: HarnessFailure[] = [];
  for (const anomaly of blackBoxAnomalies) {
    const seen = violations.find(({ invariant }) => invariant === anomaly);
    if (seen === undefined || whiteBoxOf[anomaly].some((id) => white.has(id))) continue;
    const message = `clients saw ${anomaly}, which no invariant explains: ${seen.message}`;
    failures.push({ check: "X5", at: seen.at, message });
  }
  return failures;
}

/** What a campaign has to show for its silence. */
export interface Expectations {
  readonly runs: number;
  readonly acked: number;
  readonly minAckedPerRun: number;
  readonly checks: Readonly<Record<string, number>>;
  readonly situations: Readonly<Record<string, number>>;
  /** Situation -> runs from which it is mandatory. */
  readonly mandatory: Readonly<Record<string, number>>;
  /** Ids that must have been evaluated. */
  readonly invariants: readonly string[];
}

/** X6: why a campaign without violations proves nothing; empty when it does. */
export function vacuity(expected: Expectations): string[] {
  const reasons: string[] = [];
  const { runs, acked, minAckedPerRun, checks, situations } = expected;
  if (acked < runs * minAckedPerRun) {
    reasons.push(`only ${acked} records were acknowledged in ${runs} runs`);
  }
  for (const [name, fromRuns] of Object.entries(expected.mandatory)) {
    if (runs < fromRuns || (situations[name] ?? 0) > 0) continue;
    reasons.push(`situation ${name} did not occur in ${runs} runs`);
  }
  for (const id of expected.invariants) {
    if ((checks[id] ?? 0) === 0) reasons.push(`invariant ${id} was never evaluated`);
  }
  return reasons;
}

export interface Budgets {
  readonly events: number;
  readonly maxEvents: number;
  readonly at: number;
  /** Virtual time at which the run is cut off. */
  readonly deadline: number;
  /** What was still awaited when it stopped; null when nothing was. */
  readonly awaited: string | null;
}

/** X7: a run that ended because a budget ran out says so. */
export function budgetsHit(budgets: Budgets): HarnessFailure[] {
  const { events, maxEvents, at, deadline, awaited } = budgets;
  const failures: HarnessFailure[] = [];
  if (events >= maxEvents) {
    failures.push({ check: "X7", at, message: `the run was cut off after ${events} events` });
  }
  if (at >= deadline && awaited !== null) {
    failures.push({ check: "X7", at, message: `the deadline passed while ${awaited}` });
  }
  return failures;
}
