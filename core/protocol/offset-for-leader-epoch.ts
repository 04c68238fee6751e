import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";

/** OffsetForLeaderEpoch (key 23), version 4: where did that epoch end? KIP-101, KIP-320. */
export interface OffsetForLeaderEpochRequest {
  /** -1 for clients. */
  readonly replicaId: NodeId;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly currentLeaderEpoch: LeaderEpoch;
      readonly leaderEpoch: LeaderEpoch;
    }[];
  }[];
}

export interface OffsetForLeaderEpochResponse {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly errorCode: number;
      /** Largest epoch at or below the one asked for; -1 when undefined. */
      readonly leaderEpoch: LeaderEpoch;
      /** End of that epoch; -1 when undefined. */
      readonly endOffset: Offset;
    }[];
  }[];
}
