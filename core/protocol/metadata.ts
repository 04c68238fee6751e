import type { LeaderEpoch, NodeId, TopicId } from "../ids.ts";

/** Metadata (key 3), version 13. */
export interface MetadataRequest {
  /** Null asks for all topics; each topic by name or by id. */
  readonly topics:
    readonly { readonly topicId: TopicId | null; readonly name: string | null }[] | null;
  readonly allowAutoTopicCreation: boolean;
}

export interface MetadataResponse {
  readonly brokers: readonly MetadataBroker[];
  readonly clusterId: string;
  readonly controllerId: NodeId;
  readonly topics: readonly MetadataTopic[];
}

export interface MetadataBroker {
  readonly nodeId: NodeId;
  readonly host: string;
  readonly rack: string | null;
}

export interface MetadataTopic {
  readonly errorCode: number;
  readonly name: string;
  readonly topicId: TopicId;
  readonly isInternal: boolean;
  readonly partitions: readonly MetadataPartition[];
}

export interface MetadataPartition {
  /** LEADER_NOT_AVAILABLE when there is no leader. */
  readonly errorCode: number;
  readonly partitionIndex: number;
  readonly leaderId: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  readonly replicaNodes: readonly NodeId[];
  readonly isrNodes: readonly NodeId[];
  readonly offlineReplicas: readonly NodeId[];
}
