/** A small plan for one program, and the run of it. */
import type { Fault } from "../../sim/faults/fault.ts";
import { STORY_TOPIC, storyPlan } from "../generate/story-plan.ts";
import { SECOND } from "../generate/time.ts";
import type { Plan, TopicPlan } from "../plan/plan.ts";
import type { RunAsyncOptions } from "../run.ts";
import { runAsync } from "../run.ts";
import type { Verdict } from "../verdict.ts";
import type { App, AppMain } from "./app.ts";

export const topics: readonly TopicPlan[] = [
  { name: STORY_TOPIC, partitions: 2, replicationFactor: 3, settings: {} },
];

export function plan(faults: readonly Fault[] = [], changes: Partial<Plan> = {}): Plan {
  const story = storyPlan({
    scenario: "app",
    seed: "1",
    topics,
    workload: [],
    faults,
    healAt: 10 * SECOND,
  });
  return { ...story, ...changes };
}

export function runApp(
  p1: AppMain,
  options: RunAsyncOptions = {},
  of: Plan = plan(),
): Promise<Verdict> {
  return runAsync(of, { ...options, apps: { p1 } });
}

/** Ten records, one after the other. */
export async function tenRecords({ producer, sleep, random }: App): Promise<void> {
  await producer.connect();
  for (let n = 1; n <= 10; n += 1) {
    await producer.send({ topic: STORY_TOPIC, messages: [{ key: `k${n % 3}`, value: `v${n}` }] });
    await sleep(random.below("pause", 400));
  }
}

export const killClient: Fault = {
  id: "f1",
  kind: "kill",
  target: { node: "p1" },
  at: 2 * SECOND,
  for: SECOND,
};
