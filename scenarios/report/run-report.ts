/** One run, told on a terminal. */
import { appClients } from "../../properties/apps/app-host.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import type { Because, Loss, Verdict } from "../../properties/verdict.ts";
import { colors } from "./colors.ts";

/** Lines for people; scripts read `--json`. */
export function reportRun(verdict: Verdict): string[] {
  const { records } = verdict;
  return [
    `scenario   ${verdict.scenario}, seed ${verdict.seed}`,
    `virtual    ${(verdict.virtualMs / 1000).toFixed(1)} s, ${count(verdict.events)} events, ${count(verdict.frames)} frames`,
    `records    ${count(records.sent)} sent, ${count(records.acked)} acked, ${count(records.consumed)} read back, ${count(records.failed)} failed, ${count(records.unknown)} unknown`,
    `faults     ${listCounts(verdict.faults)}`,
    `changes    ${changes(verdict)}`,
    healing(verdict),
    `checks     ${count(sum(verdict.checks))} comparisons by ${Object.keys(verdict.checks).length} invariants`,
    `trace      ${verdict.traceHash}`,
    ...shorten(
      verdict.duplicates.map(
        ({ topic, partition, offset, cause, because }) =>
          `duplicate  ${topic}-${partition} offset ${offset} (${cause}${blame(because)})`,
      ),
    ),
    ...shorten(
      verdict.reorders.map(({ message, because }) => `reorder    ${message}${blame(because)}`),
    ),
    ...shorten(lossLines(verdict.losses)),
    ...verdict.stalls.map(
      ({ invariant, object, waitsFor, fault }) =>
        `stall      ${invariant} by ${fault}: ${object}: ${waitsFor}`,
    ),
    ...verdict.violations.map(
      ({ invariant, at, message }) =>
        `${colors.red("violation")}  ${invariant} at ${seconds(at)}: ${message}`,
    ),
    ...verdict.harness.map(
      ({ check, message }) => `${colors.yellow("harness")}    ${check}: ${message}`,
    ),
    `verdict    ${paint(verdict.verdict)}`,
  ];
}

function healing({ core, timeToHealMs, excused }: Verdict): string {
  const time = timeToHealMs === null ? "not at rest" : `at rest after ${timeToHealMs} ms`;
  const why = Object.keys(excused).length === 0 ? "" : `; excused: ${listCounts(excused)}`;
  return `heal       core ${core.join(", ") || "none"}; ${time}${why}`;
}

/** One line for all that one mishap took of a partition: the first record's, and how many more. */
function lossLines(losses: readonly Loss[]): string[] {
  const groups = new Map<string, { readonly first: Loss; more: number }>();
  for (const loss of losses) {
    const { topic, partition, because } = loss;
    const key = JSON.stringify([topic, partition, because]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: loss, more: 0 });
    else group.more += 1;
  }
  return [...groups.values()].map(({ first, more }) => {
    const others = more === 0 ? "" : `; and ${count(more)} more in the same way`;
    return `loss       ${first.explained}${others}`;
  });
}

/** Losses and the like beyond this many are only counted: one blackout takes hundreds. */
const SHOWN = 10;

function shorten(lines: readonly string[]): string[] {
  if (lines.length <= SHOWN) return [...lines];
  return [...lines.slice(0, SHOWN), `           and ${count(lines.length - SHOWN)} more`];
}

function blame({ setting, value }: Because): string {
  return setting === null ? "" : `: ${setting}=${value}`;
}

/** Who is in the plan, on one line. */
export function describeCluster(plan: Plan): string {
  const { topology, topics, workload } = plan;
  const brokers = topology.nodes.filter(({ roles }) => roles.includes("broker")).length;
  const [topic] = topics;
  const sends = workload.filter(({ op }) => op === "send").length;
  const apps = appClients(plan);
  const code = apps.length === 0 ? "" : `, and the async code of ${apps.join(", ")}`;
  return (
    `cluster    ${brokers} brokers; topic ${topic?.name}, partitions ${topic?.partitions}, ` +
    `replication factor ${topic?.replicationFactor}; input ${count(sends)} records${code}`
  );
}

export function changes(verdict: {
  readonly leaderChanges: number;
  readonly truncations: number;
  readonly isrChanges: number;
}): string {
  const { leaderChanges, truncations, isrChanges } = verdict;
  return `${count(leaderChanges)} leader changes, ${count(truncations)} truncations, ${count(isrChanges)} ISR changes`;
}

export function listCounts(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).filter(([, n]) => n > 0);
  return entries.length === 0 ? "none" : entries.map(([name, n]) => `${name} ${n}`).join(", ");
}

/** Thousands apart, without a locale: "12,345". */
export function count(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");
}

export function seconds(us: number): string {
  return `${(us / 1_000_000).toFixed(6)} s`;
}

export function paint(verdict: "pass" | "fail" | "unproven"): string {
  switch (verdict) {
    case "pass":
      return colors.green("pass");
    case "fail":
      return colors.red("fail");
    case "unproven":
      return colors.yellow("unproven");
  }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, n) => total + n, 0);
}
