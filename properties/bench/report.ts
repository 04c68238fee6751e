/** The lines of the benchmark's report. */
import type { Plan } from "../plan/plan.ts";
import { run } from "../run.ts";
import type { PlanOfSeed } from "./dense.ts";
import { timeTurns, workOf } from "./measure.ts";
import { residueOf } from "./residue.ts";
import type { Work } from "./measure.ts";

export interface Effort {
  readonly warmUp: number;
  readonly passes: number;
}

/** One case with checkers and without: the cost of a run, of an event, and the work it stands for. */
export function reportRuns(name: string, plans: readonly Plan[], { warmUp, passes }: Effort): void {
  const work = workOf(plans);
  const [on, off] = timeTurns(
    [
      () => plans.forEach((plan) => run(plan)),
      () => plans.forEach((plan) => run(plan, { checkers: false })),
    ],
    warmUp,
    passes,
  );
  const cost = (bestMs: number, medianMs: number): string =>
    `${fixed(bestMs / work.runs)} ms/run (median ${fixed(medianMs / work.runs)}), ` +
    `${fixed((1000 * bestMs) / work.events)} us/event`;
  print(name, describe(work));
  print("  checkers on", cost(on!.bestMs, on!.medianMs));
  print("  checkers off", cost(off!.bestMs, off!.medianMs));
  print("  checkers add", `${fixed(100 * (on!.bestMs / off!.bestMs - 1))} %`);
}

/** A campaign's loop: draw a plan, read it, run it. Cost of a plan, and how many a minute that makes. */
export function reportCampaign(name: string, planOf: PlanOfSeed, seeds: number): void {
  const all = Array.from({ length: seeds }, (_, index) => `d/${index + 1}`);
  const work = workOf(all.map((seed) => planOf(seed)));
  const [whole, drawing] = timeTurns(
    [() => all.forEach((seed) => run(planOf(seed))), () => all.forEach((seed) => planOf(seed))],
    1,
    5,
  );
  const each = whole!.medianMs / seeds;
  print(name, describe(work));
  print("  checkers on", `${fixed(each)} ms/plan (median), ${fixed(60_000 / each)} plans a minute`);
  print("  of that, drawing and reading", `${fixed(drawing!.medianMs / seeds)} ms/plan`);
}

/** How much faster than real time a plan runs. */
export function reportSpeed(name: string, plan: Plan, effort: Effort): void {
  const work = workOf([plan]);
  const [time] = timeTurns([() => void run(plan)], effort.warmUp, effort.passes);
  print(name, describe(work));
  print(
    "  checkers on",
    `${(work.virtualMs / time!.medianMs).toFixed(0)} times real time (median)`,
  );
}

/** What a short and a long run of the same cluster leave on its disks and in the heap. */
export function reportResidue(name: string, short: Plan, long: Plan): void {
  const [before, after] = [residueOf(short), residueOf(long)];
  const growth = (from: number, to: number): string =>
    `${from} -> ${to} bytes, ${fixed(to / from)} times`;
  print(name, `metadata logs ${growth(before.metadataBytes, after.metadataBytes)}`);
  print("", `objects in the heap ${growth(before.objectBytes, after.objectBytes)}`);
}

/** Cost of a frame in a small and a large one of something. */
export function reportGrowth(name: string, plans: readonly [Plan, Plan], effort: Effort): void {
  const costs = plans.map((plan) => {
    const work = workOf([plan]);
    const [time] = timeTurns([() => void run(plan)], effort.warmUp, effort.passes);
    return { work, us: (1000 * time!.bestMs) / work.frames };
  });
  const [small, large] = costs as [(typeof costs)[0], (typeof costs)[0]];
  print(name, `${fixed(large.us / small.us)} times the cost of a frame`);
  for (const { work, us } of costs) print("", `${fixed(us)} us/frame; ${describe(work)}`);
}

export function print(name: string, text: string): void {
  process.stdout.write(`${name.padEnd(34)}${text}\n`);
}

export function fixed(value: number): string {
  return value.toFixed(2);
}

function describe({ runs, events, frames, facts, draws, acked, virtualMs }: Work): string {
  const each = (n: number): string => (n / runs).toFixed(0);
  const perRecord = acked === 0 ? "no record" : `${fixed(events / acked)} events/acked record`;
  return (
    `${each(events)} events, ${each(frames)} frames, ${each(facts)} facts, ` +
    `${each(draws)} draws, ${each(acked)} acked, ${each(virtualMs / 1000)} virtual s a run; ${perRecord}`
  );
}
