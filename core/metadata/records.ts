import type { BrokerEpoch, LeaderEpoch, NodeId, ProducerId, TopicId, Uuid } from "../ids.ts";
import type { LeaderRecoveryState } from "../protocol/alter-partition.ts";

/** The records of the metadata log (metadata/src/main/resources/common/metadata/*.json). */
export type MetadataRecord =
  | RegisterBrokerRecord
  | BrokerRegistrationChangeRecord
  | TopicRecord
  | PartitionRecord
  | PartitionChangeRecord
  | ConfigRecord
  | FeatureLevelRecord
  | ProducerIdsRecord
  | NoOpRecord;

export interface RegisterBrokerRecord {
  readonly type: "RegisterBroker";
  readonly brokerId: NodeId;
  /** The offset of this very record. */
  readonly brokerEpoch: BrokerEpoch;
  readonly incarnationId: Uuid;
  readonly host: string;
  readonly rack: string | null;
  readonly fenced: boolean;
  readonly inControlledShutdown: boolean;
  readonly logDirs: readonly Uuid[];
}

export interface BrokerRegistrationChangeRecord {
  readonly type: "BrokerRegistrationChange";
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
  /** Null: unchanged. */
  readonly fenced: boolean | null;
  readonly inControlledShutdown: boolean | null;
}

export interface TopicRecord {
  readonly type: "Topic";
  readonly name: string;
  readonly topicId: TopicId;
}

export interface PartitionRecord {
  readonly type: "Partition";
  readonly topicId: TopicId;
  readonly partitionId: number;
  readonly replicas: readonly NodeId[];
  readonly isr: readonly NodeId[];
  /** -1 for none. */
  readonly leader: NodeId;
  readonly leaderRecoveryState: LeaderRecoveryState;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: number;
  /** Log directory of each replica, in the order of the replicas (KIP-858); absent: not assigned. */
  readonly directories?: readonly Uuid[];
}

/**
 * Null fields are unchanged. Each such record raises the partition epoch by one; one that names a
 * leader (-1 included) raises the leader epoch too (PartitionRegistration.merge).
 */
export interface PartitionChangeRecord {
  readonly type: "PartitionChange";
  readonly topicId: TopicId;
  readonly partitionId: number;
  readonly isr: readonly NodeId[] | null;
  readonly leader: NodeId | null;
  readonly leaderRecoveryState: LeaderRecoveryState | null;
  /** Absent: unchanged. */
  readonly directories?: readonly Uuid[];
}

export interface ConfigRecord {
  readonly type: "Config";
  readonly resourceType: number;
  readonly resourceName: string;
  readonly name: string;
  /** Null deletes it. */
  readonly value: string | null;
}

export interface FeatureLevelRecord {
  readonly type: "FeatureLevel";
  readonly name: string;
  readonly featureLevel: number;
}

export interface ProducerIdsRecord {
  readonly type: "ProducerIds";
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
  /** First id of the block that comes after the one just given out. */
  readonly nextProducerId: ProducerId;
}

export interface NoOpRecord {
  readonly type: "NoOp";
}
