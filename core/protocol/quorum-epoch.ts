import type { LeaderEpoch, NodeId, Uuid } from "../ids.ts";

/** BeginQuorumEpoch (key 53), version 1: a new leader tells voters that do not fetch from it. */
export interface BeginQuorumEpochRequest {
  readonly clusterId: string | null;
  /** Whom it is meant for. */
  readonly voterId: NodeId;
  readonly topics: readonly {
    readonly topicName: string;
    readonly partitions: readonly BeginQuorumEpochPartition[];
  }[];
}

export interface BeginQuorumEpochPartition {
  readonly partitionIndex: number;
  /** Of the disk that the request is meant for; "" when it is not known. KIP-853. */
  readonly voterDirectoryId: Uuid;
  readonly leaderId: NodeId;
  readonly leaderEpoch: LeaderEpoch;
}

/** EndQuorumEpoch (key 54), version 1: a leader that resigns tells voters, and who should follow. */
export interface EndQuorumEpochRequest {
  readonly clusterId: string | null;
  readonly topics: readonly {
    readonly topicName: string;
    readonly partitions: readonly EndQuorumEpochPartition[];
  }[];
}

export interface EndQuorumEpochPartition {
  readonly partitionIndex: number;
  readonly leaderId: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  /** Those whose logs go furthest come first. */
  readonly preferredCandidates: readonly {
    readonly candidateId: NodeId;
    /** "" when it is not known. */
    readonly candidateDirectoryId: Uuid;
  }[];
}

/** The answer to either. */
export interface QuorumEpochResponse {
  readonly errorCode: number;
  readonly topics: readonly {
    readonly topicName: string;
    readonly partitions: readonly QuorumEpochPartitionResponse[];
  }[];
}

export interface QuorumEpochPartitionResponse {
  readonly partitionIndex: number;
  readonly errorCode: number;
  /** -1 when not known. */
  readonly leaderId: NodeId;
  readonly leaderEpoch: LeaderEpoch;
}
