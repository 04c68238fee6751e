import type { World } from "../sim/world.ts";
import type { RunFindings } from "./findings.ts";
import type { FaultRecord } from "./ghost/fault-record.ts";
import type { Ghost } from "./ghost/ghost.ts";
import type { History } from "./history/history.ts";
import { reportLosses } from "./oracle/loss-report.ts";
import type { Plan } from "./plan/plan.ts";
import { producerPromises } from "./promises.ts";
import type { HarnessFailure, IdleFaults, Stall, Verdict } from "./verdict.ts";

/** What a run leaves behind. */
export interface RunRemains {
  readonly plan: Plan;
  readonly world: World;
  readonly findings: RunFindings;
  readonly ghost: Ghost;
  readonly history: History;
  readonly faults: FaultRecord;
  readonly stalls: readonly Stall[];
  readonly harness: readonly HarnessFailure[];
}

/** Sums a finished run up. */
export function verdictOf(remains: RunRemains): Verdict {
  const { plan, world, findings, ghost, history, faults, stalls, harness } = remains;
  const { violations } = findings;
  const { struck, idle } = faultsOf(world);
  return {
    verdict: harness.length > 0 ? "unproven" : violations.length > 0 ? "fail" : "pass",
    scenario: plan.scenario,
    seed: plan.seed,
    violations,
    losses: reportLosses({ plan, ghost, history, faults, producers: producerPromises(plan) }),
    duplicates: history.duplicates,
    skips: history.skips,
    reorders: history.reorders,
    stalls,
    traceHash: world.hash.digest(),
    virtualMs: Math.floor(world.nowUs / 1000),
    events: world.events,
    frames: world.frames,
    records: {
      sent: history.sends.length,
      acked: history.acked,
      failed: history.failed,
      unknown: history.unknown + history.open,
      consumed: history.consumed,
    },
    faults: struck,
    idleFaults: idle,
    checks: sorted(findings.checks),
    situations: sorted(findings.situations),
    leaderChanges: ghost.leaderChanges,
    truncations: ghost.truncations,
    isrChanges: ghost.isrChanges,
    harness,
  };
}

function faultsOf(world: World): { struck: Record<string, number>; idle: IdleFaults } {
  const struck: Record<string, number> = {};
  let noOp = 0;
  let refused = 0;
  for (const [kind, count] of Object.entries(world.faultCounts())) {
    if (count.struck > 0) struck[kind] = count.struck;
    noOp += count.noOp + count.waiting;
    refused += count.refused;
  }
  return { struck, idle: { noOp, refused } };
}

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
