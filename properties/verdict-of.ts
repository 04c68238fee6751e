import type { World } from "../sim/world.ts";
import type { RunFindings } from "./findings.ts";
import type { FaultRecord } from "./ghost/fault-record.ts";
import type { Ghost } from "./ghost/ghost.ts";
import type { History } from "./history/history.ts";
import type { Core } from "./liveness/core.ts";
import type { HealPhase } from "./liveness/heal-phase.ts";
import { PROBE_CLIENT } from "./liveness/probe-client.ts";
import { reportLosses } from "./oracle/loss-report.ts";
import type { Plan } from "./plan/plan.ts";
import { producerPromises } from "./promises.ts";
import type { HarnessFailure, IdleFaults, RecordCounts, Stall, Verdict } from "./verdict.ts";

/** What a run leaves behind. */
export interface RunRemains {
  readonly plan: Plan;
  readonly world: World;
  readonly findings: RunFindings;
  readonly ghost: Ghost;
  readonly history: History;
  /** Null for a run that ended before its heal; likewise `healPhase`. */
  readonly core: Core | null;
  readonly healPhase: HealPhase | null;
  readonly faults: FaultRecord;
  readonly stalls: readonly Stall[];
  readonly harness: readonly HarnessFailure[];
}

/** Sums a finished run up. */
export function verdictOf(remains: RunRemains): Verdict {
  const { plan, world, findings, ghost, history, core, healPhase, faults, stalls, harness } =
    remains;
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
    stalls: [...(healPhase?.stalls ?? []), ...stalls],
    excused: excusedOf(healPhase),
    core: core?.servers ?? [],
    timeToHealMs: timeToHealMs(healPhase),
    traceHash: world.hash.digest(),
    virtualMs: Math.floor(world.nowUs / 1000),
    events: world.events,
    frames: world.frames,
    records: recordsOf(history),
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

/** Of the plan's own clients: probes are the harness's. */
function recordsOf(history: History): RecordCounts {
  let { acked, failed, consumed } = history;
  let sent = history.sends.length;
  let unknown = history.unknown + history.open;
  for (const { client, status, partition, offset } of history.sends) {
    if (client !== PROBE_CLIENT) continue;
    sent -= 1;
    if (status === "ok") acked -= 1;
    else if (status === "fail") failed -= 1;
    else unknown -= 1;
    if (partition === null || offset < 0) continue;
    if (history.partition(partition).read[offset] !== undefined) consumed -= 1;
  }
  return { sent, acked, failed, unknown, consumed };
}

function excusedOf(phase: HealPhase | null): Record<string, number> {
  const counts = [...(phase?.excused ?? [])].map(([reason, of]) => [reason, of.size] as const);
  return sorted(new Map(counts));
}

function timeToHealMs(phase: HealPhase | null): number | null {
  const us = phase?.timeToHealUs ?? null;
  return us === null ? null : Math.round(us / 1000);
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
