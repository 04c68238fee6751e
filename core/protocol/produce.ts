import type { LeaderEpoch, NodeId, Offset, TopicId } from "../ids.ts";
import type { BatchBody } from "../record/batch.ts";

/** Produce (key 0), version 13: topics by id (KIP-516). */
export interface ProduceRequest {
  readonly transactionalId: string | null;
  /** 0, 1, or -1 for all. */
  readonly acks: number;
  readonly timeoutMs: number;
  readonly topicData: readonly {
    readonly topicId: TopicId;
    readonly partitionData: readonly ProducePartitionData[];
  }[];
}

export interface ProducePartitionData {
  readonly index: number;
  /** Exactly one batch, or the partition is refused with INVALID_RECORD. */
  readonly records: readonly BatchBody[];
}

export interface ProduceResponse {
  readonly responses: readonly {
    readonly topicId: TopicId;
    readonly partitionResponses: readonly ProducePartitionResponse[];
  }[];
}

export interface ProducePartitionResponse {
  readonly index: number;
  readonly errorCode: number;
  /** -1 when refused, or when a duplicate is too old to know its offset. */
  readonly baseOffset: Offset;
  readonly logStartOffset: Offset;
  /** A hint with NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH (KIP-951); null otherwise. */
  readonly currentLeader: LeaderHint | null;
}

/** KIP-951: who leads now, as far as the answering broker knows. */
export interface LeaderHint {
  readonly leaderId: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  /** Where clients reach it (NodeEndpoints); absent unless the answering broker takes it for alive. */
  readonly leaderHost?: string;
}
