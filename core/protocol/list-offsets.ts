import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";

/** ListOffsets (key 2), version 10. */
export interface ListOffsetsRequest {
  /** -1 for clients. */
  readonly replicaId: NodeId;
  readonly isolationLevel: number;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly {
      readonly partitionIndex: number;
      readonly currentLeaderEpoch: LeaderEpoch;
      /** A timestamp in ms, or LATEST_TIMESTAMP, or EARLIEST_TIMESTAMP. */
      readonly timestamp: number;
    }[];
  }[];
  readonly timeoutMs: number;
}

export const LATEST_TIMESTAMP = -1;
export const EARLIEST_TIMESTAMP = -2;

export interface ListOffsetsResponse {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly {
      readonly partitionIndex: number;
      readonly errorCode: number;
      /** -1 when asked for earliest or latest, or when nothing is found. */
      readonly timestamp: number;
      readonly offset: Offset;
      readonly leaderEpoch: LeaderEpoch;
    }[];
  }[];
}
