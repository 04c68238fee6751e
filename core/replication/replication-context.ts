/** What the parts of replication share on one broker. */
import type { BrokerEpoch, NodeId, TopicId } from "../ids.ts";
import type { MetadataImage } from "../metadata/image.ts";
import type { Ports, StorageError } from "../ports.ts";
import type { LeaderHint } from "../protocol/produce.ts";
import type { Rules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { ActionQueue } from "./action-queue.ts";
import type { Partition } from "./partition.ts";

export interface ReplicationContext {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  readonly nodeId: NodeId;
  /** The broker's published metadata. */
  readonly image: MetadataImage;
  /** Delayed operations that may be completed now; drained at the end of each step. */
  readonly actions: ActionQueue;
  /** Of this broker's registration; -1 before it. */
  brokerEpoch(): BrokerEpoch;
  /** The log directory failed: the broker halts. */
  storageFailed(error: StorageError): void;
  /** The replica on this broker, if there is one. */
  partition(topicId: TopicId, index: number): Partition | undefined;
  /** Why {@link partition} gave nothing, or gave a replica that does not lead. */
  errorOfAbsent(topicId: TopicId, index: number): number;
  /** KIP-951: who leads as far as this broker knows; null when it does not. */
  leaderHint(topicId: TopicId, index: number): LeaderHint | null;
}
