import type { LeaderEpoch, NodeId, Offset, Uuid } from "../ids.ts";
import type { LeaderHint } from "./produce.ts";

/** What a snapshot holds: all that was committed below `endOffset`; `epoch` is that of its last record. */
export interface SnapshotId {
  readonly endOffset: Offset;
  readonly epoch: LeaderEpoch;
}

/** FetchSnapshot (key 59), version 1: a piece of a snapshot of the metadata log. KIP-630. */
export interface FetchSnapshotRequest {
  readonly clusterId: string | null;
  readonly replicaId: NodeId;
  readonly maxBytes: number;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly FetchSnapshotPartition[];
  }[];
}

export interface FetchSnapshotPartition {
  readonly partition: number;
  readonly currentLeaderEpoch: LeaderEpoch;
  readonly snapshotId: SnapshotId;
  /** Bytes that the fetcher has. */
  readonly position: number;
  readonly replicaDirectoryId: Uuid;
}

export interface FetchSnapshotResponse {
  readonly errorCode: number;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly FetchSnapshotPartitionResponse[];
  }[];
}

export interface FetchSnapshotPartitionResponse {
  readonly index: number;
  readonly errorCode: number;
  readonly snapshotId: SnapshotId;
  readonly currentLeader: LeaderHint | null;
  /** Of the whole snapshot, in bytes. */
  readonly size: number;
  readonly position: number;
  readonly unalignedRecords: Uint8Array;
}
