/**
 * `npm run bench`: what runs cost in CPU time, in a warm process, beside the exact work that they do.
 * It reports and asserts nothing: times depend on the machine, and on what else it does. Run it with
 * `node --single-threaded` where helper threads are to be kept out of the times. `--long` adds the
 * case of a million records, which takes minutes.
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
import { timeTurns } from "./measure.ts";
import { fixed, print, reportGrowth, reportRuns } from "./report.ts";

const SEEDS = Array.from({ length: 10 }, (_, index) => `s/${index + 1}`);
const USUAL = { warmUp: 8, passes: 7 };
const LARGE = { warmUp: 1, passes: 3 };
const MIB = 1048576;

const events = shippedEvents();
const shipped = SEEDS.map((seed) => orderEvents(events, seed));

reportPlans();
// Before the large cases, as the peak is that of the whole process so far.
reportMemory(shipped);
reportRuns("order-events, as shipped", shipped, USUAL);
reportRuns(
  "60 virtual s, 10,000 records",
  SEEDS.slice(0, 4).map((seed) => longTrial(events, seed)),
  LARGE,
);
reportRuns("calm, 2,000 records", [calm()], USUAL);
reportGrowth("brokers 3 -> 15", [calm(), calm({ brokers: 15 })], USUAL);
reportGrowth("partitions 12 -> 768", [calm({ partitions: 12 }), calm({ partitions: 768 })], LARGE);
const most = process.argv.includes("--long") ? 1_000_000 : 100_000;
reportGrowth(
  `records 10,000 -> ${most.toLocaleString("en")}`,
  [calm({ records: 10_000 }), calm({ records: most })],
  { warmUp: 0, passes: 1 },
);
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

/** What runs leave behind needs a collector that can be called: `node --expose-gc`. */
function reportMemory(plans: readonly Plan[]): void {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) {
    print("heap after runs", "not measured: run with node --expose-gc");
    return;
  }
  const heapAfter = (runs: number): string => {
    for (let n = 0; n < runs; n += 1) run(plans[n % plans.length]!);
    collect();
    return fixed(process.memoryUsage().heapUsed / MIB);
  };
  const early = heapAfter(10);
  print("heap after runs", `${early} MiB, and ${heapAfter(290)} MiB after 290 more`);
  print("peak of the process", `${fixed(process.resourceUsage().maxRSS / 1024)} MiB resident`);
}
