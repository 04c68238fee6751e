/** What a plan says of partitions. */
import type { Plan } from "../plan/plan.ts";
import { effectiveSetting } from "../plan/settings.ts";

const MIN_ISR = "min.insync.replicas";

/** Names of the partitions of all topics of the plan. */
export function partitionsOf(plan: Plan): string[] {
  return plan.topics.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, index) => `${name}-${index}`),
  );
}

/** The highest min.insync.replicas that the topic has at any time. */
export function minIsrOf(plan: Plan, topic: string): number {
  const own = plan.topics.find(({ name }) => name === topic)?.settings ?? {};
  let highest = Number(effectiveSetting(plan, "topic", own, MIN_ISR));
  for (const operation of plan.workload) {
    if (operation.op !== "alter-configs" || operation.topic !== topic) continue;
    highest = Math.max(highest, Number(operation.configs[MIN_ISR] ?? 1));
  }
  return highest;
}
