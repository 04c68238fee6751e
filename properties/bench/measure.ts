/** CPU time of runs, in a process that is warm, with the work that they did beside it. */
import type { Plan } from "../plan/plan.ts";
import { run } from "../run.ts";

/** What a run of each plan did: the same on every machine, and with or without checkers. */
export interface Work {
  readonly runs: number;
  readonly events: number;
  readonly frames: number;
  readonly facts: number;
  /** What was left to chance: delays, paces, ties, what a loss of power leaves. */
  readonly draws: number;
  /** Records that were acknowledged. */
  readonly acked: number;
  readonly virtualMs: number;
}

export interface Timing {
  /** ms of CPU that one pass over all plans took: the least disturbed pass, and the middle one. */
  readonly bestMs: number;
  readonly medianMs: number;
}

export function workOf(plans: readonly Plan[]): Work {
  const none = { events: 0, frames: 0, facts: 0, draws: 0, acked: 0, virtualMs: 0 };
  const work = { runs: plans.length, ...none };
  for (const plan of plans) {
    const verdict = run(plan, {
      onFact: () => (work.facts += 1),
      onEnd: ({ draws }) => (work.draws += draws.count),
    });
    work.events += verdict.events;
    work.frames += verdict.frames;
    work.acked += verdict.records.acked;
    work.virtualMs += verdict.virtualMs;
  }
  return work;
}

/**
 * `warmUp` passes are not counted. Each variant takes its turn in every pass, so that what else the
 * machine does hits all of them alike.
 */
export function timeTurns(
  variants: readonly (() => void)[],
  warmUp: number,
  passes: number,
): Timing[] {
  const times = variants.map((): number[] => []);
  for (let pass = 0; pass < warmUp + passes; pass += 1) {
    for (const [index, variant] of variants.entries()) {
      const ms = cpuMsOf(variant);
      if (pass >= warmUp) times[index]!.push(ms);
    }
  }
  return times.map((all) => {
    const sorted = all.sort((a, b) => a - b);
    return { bestMs: sorted[0]!, medianMs: sorted[sorted.length >> 1]! };
  });
}

/** User and system time of all threads of this process: the garbage collector's too. */
export function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
