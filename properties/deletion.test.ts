/**
 * Draws inside a run are keyed by what they are for, so that a plan with one operation less is nearly
 * the same run: whoever makes a failing plan smaller depends on it. Measured here with faults on and
 * the latency model that plans have by default: how many frames are still sent by the same link and
 * channel at the same time with the same size when one operation is deleted.
 *
 * A trigger that counts what follows the traffic may strike elsewhere when a record is missing: that
 * is cause and effect, and less is asked of such plans. TRIAL_DELETIONS (per plan, 2 by default; 10
 * makes the 200 of the full measurement) and TRIAL_EVENTS measure more; the figures are printed then.
 */
import { expect, it } from "vitest";
import { SeededStream } from "../sim/random.ts";
import { drawOrderEventsPlan } from "./generate/order-events-plan.ts";
import { drawOrderEvents } from "./generate/order-input.ts";
import { countsTraffic } from "./generate/triggers.ts";
import type { Plan } from "./plan/plan.ts";
import { run } from "./run.ts";

const PLANS_OF_EACH_CLASS = 10;
const DELETIONS_PER_PLAN = Number(process.env["TRIAL_DELETIONS"] ?? 2);
const EVENTS = Number(process.env["TRIAL_EVENTS"] ?? 200);

function drawPlan(seed: string): Plan {
  const draw = new SeededStream(seed);
  const plan = drawOrderEventsPlan(draw, seed, drawOrderEvents(draw.fork("events"), EVENTS));
  return { ...plan, topology: { ...plan.topology, latency: { model: "heavy-tail" } } };
}

function isAsked(plan: Plan, counting: boolean): boolean {
  const counts = plan.faults.some(({ when }) => when !== undefined && countsTraffic(when));
  return plan.faults.length > 0 && counts === counting;
}

/** The first drawn plans whose triggers count traffic, or do not. */
function plansThat(counting: boolean): Plan[] {
  const plans: Plan[] = [];
  for (let seed = 1; plans.length < PLANS_OF_EACH_CLASS; seed += 1) {
    const plan = drawPlan(`deletion/${seed}`);
    if (isAsked(plan, counting)) plans.push(plan);
  }
  return plans;
}

/** How often each frame was sent, by all that makes it the same one in another run. */
function framesOf(plan: Plan): Map<string, number> {
  const frames = new Map<string, number>();
  run(plan, {
    checkers: false,
    onFrame: (_connection, from, to, channel, _frame, sizeBytes, sentAtUs) => {
      const frame = `${from} ${to} ${channel} ${sentAtUs} ${sizeBytes}`;
      frames.set(frame, (frames.get(frame) ?? 0) + 1);
    },
  });
  return frames;
}

/** For each deletion the share of the frames that survived it, smallest first. */
function survivals(plans: readonly Plan[]): number[] {
  const shares: number[] = [];
  for (const plan of plans) {
    const before = framesOf(plan);
    const total = [...before.values()].reduce((sum, count) => sum + count, 0);
    const deleted = new SeededStream(`delete from ${plan.seed}`).shuffled(plan.workload);
    for (const operation of deleted.slice(0, DELETIONS_PER_PLAN)) {
      const workload = plan.workload.filter((other) => other !== operation);
      let same = 0;
      for (const [frame, count] of framesOf({ ...plan, workload })) {
        same += Math.min(count, before.get(frame) ?? 0);
      }
      shares.push(same / total);
    }
  }
  return shares.sort((a, b) => a - b);
}

function measure(counting: boolean): number {
  const shares = survivals(plansThat(counting));
  const at = (part: number): number => shares[Math.floor((shares.length - 1) * part)]!;
  const show = (share: number): string => `${(100 * share).toFixed(1)} %`;
  if (process.env["TRIAL_DELETIONS"] !== undefined) {
    const of = `${shares.length} deletions, plans with${counting ? "" : "out"} traffic triggers`;
    console.log(`${of}: median ${show(at(0.5))}, lower quarter ${show(at(0.25))}`);
  }
  expect(shares).toHaveLength(PLANS_OF_EACH_CLASS * DELETIONS_PER_PLAN);
  return at(0.5);
}

it("nine frames in ten survive a deleted operation where no trigger counts traffic", () => {
  expect(measure(false)).toBeGreaterThanOrEqual(0.9);
});

it("three frames in four survive it where triggers count traffic", () => {
  expect(measure(true)).toBeGreaterThanOrEqual(0.75);
});
