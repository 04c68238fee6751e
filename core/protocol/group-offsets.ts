import type { Generation, GroupId, InstanceId, LeaderEpoch, MemberId, Offset } from "../ids.ts";

/** OffsetCommit (key 8), version 9. */
export interface OffsetCommitRequest {
  readonly groupId: GroupId;
  /** -1 from who is no member. */
  readonly generationIdOrMemberEpoch: Generation;
  /** "" from who is no member. */
  readonly memberId: MemberId;
  readonly groupInstanceId: InstanceId | null;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly {
      readonly partitionIndex: number;
      /** Of the next record to read. */
      readonly committedOffset: Offset;
      /** Of the last record that was read; -1 when unknown. */
      readonly committedLeaderEpoch: LeaderEpoch;
      readonly committedMetadata: string | null;
    }[];
  }[];
}

export interface OffsetCommitResponse {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly {
      readonly partitionIndex: number;
      readonly errorCode: number;
    }[];
  }[];
}

/** OffsetFetch (key 9), version 9. */
export interface OffsetFetchRequest {
  readonly groups: readonly {
    readonly groupId: GroupId;
    /** With memberEpoch, for the newer protocol only: null and -1 from classic members. */
    readonly memberId: MemberId | null;
    readonly memberEpoch: number;
    /** Null for all that the group has. */
    readonly topics:
      readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[] | null;
  }[];
  /** Answers UNSTABLE_OFFSET_COMMIT where a transaction's commit is pending. */
  readonly requireStable: boolean;
}

export interface OffsetFetchResponse {
  readonly groups: readonly {
    readonly groupId: GroupId;
    readonly topics: readonly {
      readonly name: string;
      readonly partitions: readonly {
        readonly partitionIndex: number;
        /** -1 when there is none. */
        readonly committedOffset: Offset;
        readonly committedLeaderEpoch: LeaderEpoch;
        readonly metadata: string | null;
        readonly errorCode: number;
      }[];
    }[];
    readonly errorCode: number;
  }[];
}

/** OffsetDelete (key 47), version 0. */
export interface OffsetDeleteRequest {
  readonly groupId: GroupId;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly partitionIndex: number }[];
  }[];
}

export interface OffsetDeleteResponse {
  readonly errorCode: number;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly {
      readonly partitionIndex: number;
      readonly errorCode: number;
    }[];
  }[];
}
