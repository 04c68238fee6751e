import type { LeaderEpoch, NodeId, Offset, Uuid } from "../ids.ts";

/** Vote (key 52), version 2: asks a voter for its vote, or, beforehand, whether it would give it. */
export interface VoteRequest {
  readonly clusterId: string | null;
  /** Whom it is meant for. */
  readonly voterId: NodeId;
  readonly topics: readonly {
    readonly topicName: string;
    readonly partitions: readonly VotePartition[];
  }[];
}

export interface VotePartition {
  readonly partitionIndex: number;
  /** Epoch of the one who asks. */
  readonly replicaEpoch: LeaderEpoch;
  readonly replicaId: NodeId;
  readonly replicaDirectoryId: Uuid;
  /** Of the disk that the request is meant for; "" when it is not known. KIP-853. */
  readonly voterDirectoryId: Uuid;
  /** Epoch of the last record of the one who asks; 0 for an empty log. */
  readonly lastOffsetEpoch: LeaderEpoch;
  /** End of the log of the one who asks. */
  readonly lastOffset: Offset;
  /** KIP-996. */
  readonly preVote: boolean;
}

export interface VoteResponse {
  readonly errorCode: number;
  readonly topics: readonly {
    readonly topicName: string;
    readonly partitions: readonly VotePartitionResponse[];
  }[];
}

export interface VotePartitionResponse {
  readonly partitionIndex: number;
  readonly errorCode: number;
  /** -1 when not known. */
  readonly leaderId: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  readonly voteGranted: boolean;
}
