/**
 * `npm run bench`: what runs cost in CPU time, in a warm process, beside the exact work that they do.
 * It reports and asserts nothing: times depend on the machine, and on what else it does. Run it with
 * `node --single-threaded` where helper threads are to be kept out of the times. `--long` makes
 * the long cases full-sized, which takes minutes: a million records, six idle hours, a thousand runs.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plan } from "../plan/plan.ts";
import { formatPlan } from "../plan/saved-plan.ts";
import { run } from "../run.ts";
import { calm, longTrial, orderEvents, shippedEvents } from "./cases.ts";
import { densePlan } from "./dense.ts";
import { reportRebalance, reportSteadyGroup } from "./groups.ts";
import { eagerSnapshots, idle } from "./idle.ts";
import { timeTurns } from "./measure.ts";
import {
  fixed,
  print,
  reportCampaign,
  reportGrowth,
  reportResidue,
  reportRuns,
  reportSpeed,
} from "./report.ts";
import type { HeapBytes } from "./residue.ts";
import { heapBytes } from "./residue.ts";

const SEEDS = Array.from({ length: 10 }, (_, index) => `s/${index + 1}`);
const USUAL = { warmUp: 8, passes: 7 };
const LARGE = { warmUp: 1, passes: 3 };
const MIB = 1048576;

const isLong = process.argv.includes("--long");
const events = shippedEvents();
const shipped = SEEDS.map((seed) => orderEvents(events, seed));

reportPlans();
// Before the large cases, as the peak is that of the whole process so far.
reportMemory(shipped, isLong ? 990 : 90);
reportRuns("order-events, as shipped", shipped, USUAL);
reportRuns(
  "60 virtual s, 10,000 records",
  SEEDS.slice(0, 4).map((seed) => longTrial(events, seed)),
  LARGE,
);
reportCampaign("dense, 300 records, many faults", densePlan, 40);
reportRuns("calm, 2,000 records", [calm()], USUAL);
reportGrowth("brokers 3 -> 15", [calm(), calm({ brokers: 15 })], USUAL);
reportGrowth("partitions 12 -> 768", [calm({ partitions: 12 }), calm({ partitions: 768 })], LARGE);
reportSpeed("idle, 10 virtual minutes", idle(600), LARGE);
const hours = isLong ? 6 : 1;
reportResidue(
  `idle, 10 minutes -> ${hours} h`,
  idle(600, eagerSnapshots),
  idle(hours * 3600, eagerSnapshots),
);
const most = isLong ? 1_000_000 : 100_000;
reportGrowth(
  `records 10,000 -> ${most.toLocaleString("en")}`,
  [calm({ records: 10_000 }), calm({ records: most })],
  { warmUp: 0, passes: 1 },
);
reportSteadyGroup(LARGE);
reportRebalance(100, 1000, 5);
reportShell(shipped[0]!);

function reportPlans(): void {
  const [time] = timeTurns([() => SEEDS.forEach((seed) => orderEvents(events, seed))], 20, 20);
  print("a plan, drawn and read", `${fixed(time!.bestMs / SEEDS.length)} ms`);
}

/** From the shell's point of view: a process that starts, reads a plan, and runs it once. */
function reportShell(plan: Plan): void {
  const directory = mkdtempSync(join(tmpdir(), "trial-bench-"));
  const file = join(directory, "plan.json");
  writeFileSync(file, formatPlan(plan));
  const program = fileURLToPath(new URL("../../scenarios/cli.js", import.meta.url));
  const elapsed: number[] = [];
  for (let n = 0; n < 5; n += 1) {
    const from = process.hrtime.bigint();
    spawnSync(process.execPath, [program, "replay", file], { cwd: directory });
    elapsed.push(Number(process.hrtime.bigint() - from) / 1e6);
  }
  rmSync(directory, { recursive: true });
  elapsed.sort((a, b) => a - b);
  print("trial replay, cold", `${fixed(elapsed[0]!)} ms of wall clock, the best of ${5}`);
}

/** What runs leave behind, and the peak so far. */
function reportMemory(plans: readonly Plan[], more: number): void {
  const heapAfter = (runs: number): HeapBytes => {
    for (let n = 0; n < runs; n += 1) run(plans[n % plans.length]!);
    return heapBytes();
  };
  const [early, late] = [heapAfter(10), heapAfter(more)];
  const growth = (from: number, to: number): string =>
    `${fixed(from / MIB)} -> ${fixed(to / MIB)} MiB (${fixed(100 * (to / from - 1))} %)`;
  const peak = process.resourceUsage().maxRSS / 1024;
  print(`heap after 10 runs, and ${more} more`, `objects ${growth(early.objects, late.objects)}`);
  print("", `compiled code ${growth(early.code, late.code)}`);
  print("peak of the process", `${fixed(peak)} MiB resident`);
}
