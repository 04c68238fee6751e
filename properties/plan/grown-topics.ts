/**
 * Topics may grow in a run. What names a partition of theirs (a send, a consumer, a fault) may name one
 * that an operation of the plan makes: whether it is there by then is for the run to show.
 */
import type { TopicPlan } from "./plan.ts";

/** Far above any plan, and low enough that a slip of the pen does not fill the memory. */
export const MAX_PARTITIONS = 10_000;

/**
 * The topics, each with as many partitions as it can have at the end. What is wrong with an operation
 * is said where it is read.
 */
export function grownTopics(topics: readonly TopicPlan[], workload: unknown): readonly TopicPlan[] {
  if (!Array.isArray(workload)) return topics;
  const counts = new Map<string, number>();
  for (const operation of workload as readonly unknown[]) {
    if (typeof operation !== "object" || operation === null) continue;
    const { op, topic, count } = operation as Readonly<Record<string, unknown>>;
    if (op !== "create-partitions" || typeof topic !== "string") continue;
    if (!Number.isSafeInteger(count) || (count as number) > MAX_PARTITIONS) continue;
    counts.set(topic, Math.max(count as number, counts.get(topic) ?? 0));
  }
  if (counts.size === 0) return topics;
  return topics.map((topic) => {
    return { ...topic, partitions: Math.max(topic.partitions, counts.get(topic.name) ?? 0) };
  });
}
