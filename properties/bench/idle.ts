/** A cluster with nothing to do: heartbeats, fetches that find nothing, and the quorum's own records. */
import { consumer, producer } from "../generate/cluster-parts.ts";
import { storyPlan } from "../generate/story-plan.ts";
import { SECOND } from "../generate/time.ts";
import type { Plan, SettingValues } from "../plan/plan.ts";

const TOPIC = { name: "orders", partitions: 3, replicationFactor: 3, settings: {} };

/** Three brokers, three controllers, six clients, Kafka's own settings; it ends at its horizon. */
export function idle(seconds: number, settings: SettingValues = {}): Plan {
  const plan = storyPlan({
    scenario: "idle",
    seed: "bench",
    profile: "calm",
    controllers: 3,
    topics: [TOPIC],
    clients: [
      producer("p1"),
      producer("p2"),
      consumer("r1", [TOPIC]),
      consumer("r2", [TOPIC]),
      consumer("r3", [TOPIC]),
      { id: "a1", kind: "admin", settings: {} },
    ],
    workload: [{ id: "last", at: seconds * SECOND, client: "a1", op: "describe-topics" }],
    healAt: seconds * SECOND,
  });
  return { ...plan, settings: { "auto.create.topics.enable": false, ...settings } };
}

/**
 * Snapshots of the metadata log every minute, and no more of it kept than some of them: what grows with
 * the hours does not hide behind retention.
 */
export const eagerSnapshots: SettingValues = {
  "metadata.log.max.snapshot.interval.ms": 60_000,
  "metadata.log.max.record.bytes.between.snapshots": 8192,
  "metadata.log.segment.bytes": 16_384,
  "metadata.log.segment.ms": 60_000,
  "metadata.max.retention.bytes": 32_768,
  "metadata.max.retention.ms": 300_000,
};
