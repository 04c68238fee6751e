import type { BrokerEpoch, LeaderEpoch, NodeId, Offset, TopicId, Uuid } from "../ids.ts";
import type { Batch } from "../record/batch.ts";
import type { LeaderHint } from "./produce.ts";

/** Fetch (key 1), version 17: of consumers (replicaId -1), of followers, and of the metadata log. */
export interface FetchRequest {
  readonly clusterId: string | null;
  readonly replicaState: { readonly replicaId: NodeId; readonly replicaEpoch: BrokerEpoch };
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  /** 0 read_uncommitted, 1 read_committed. */
  readonly isolationLevel: number;
  /** KIP-227: 0 asks for a new session (with epoch 0) or for none (with epoch -1). */
  readonly sessionId: number;
  readonly sessionEpoch: number;
  /** Within a session: only the partitions that are new or changed. */
  readonly topics: readonly {
    readonly topicId: TopicId;
    readonly partitions: readonly FetchPartition[];
  }[];
  readonly forgottenTopicsData: readonly {
    readonly topicId: TopicId;
    readonly partitions: readonly number[];
  }[];
  readonly rackId: string;
}

export interface FetchPartition {
  readonly partition: number;
  /** -1 when the fetcher does not say. */
  readonly currentLeaderEpoch: LeaderEpoch;
  readonly fetchOffset: Offset;
  /** Epoch of the last record that the fetcher has; -1 from consumers. KIP-595. */
  readonly lastFetchedEpoch: LeaderEpoch;
  /** Of the follower; -1 from consumers. */
  readonly logStartOffset: Offset;
  readonly partitionMaxBytes: number;
  /** Metadata log only: the disk of the fetcher (KIP-853). */
  readonly replicaDirectoryId?: Uuid;
}

export interface FetchResponse {
  readonly errorCode: number;
  readonly sessionId: number;
  readonly responses: readonly {
    readonly topicId: TopicId;
    readonly partitions: readonly FetchPartitionResponse[];
  }[];
}

export interface FetchPartitionResponse {
  readonly partitionIndex: number;
  readonly errorCode: number;
  readonly highWatermark: Offset;
  readonly lastStableOffset: Offset;
  readonly logStartOffset: Offset;
  /** The fetcher's log parts from this one at or below `endOffset` of `epoch`; then no records. */
  readonly divergingEpoch: { readonly epoch: LeaderEpoch; readonly endOffset: Offset } | null;
  readonly currentLeader: LeaderHint | null;
  /** Metadata log only: fetch this snapshot first. */
  readonly snapshotId: { readonly endOffset: Offset; readonly epoch: LeaderEpoch } | null;
  readonly records: readonly Batch[];
}
