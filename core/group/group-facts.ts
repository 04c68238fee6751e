/**
 * What happens to groups, as their coordinator and their members tell it. What is written (the
 * assignment of a generation, commits) is told by the log: batches appended to `__consumer_offsets`.
 */
import type {
  Generation,
  GroupId,
  InstanceId,
  LeaderEpoch,
  MemberId,
  Offset,
  PartitionName,
} from "../ids.ts";

export type GroupFact = CoordinatorFact | MembershipFact;

/** ClassicGroupState.java, by the names that admin clients see. */
export type GroupStateName =
  "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable" | "Dead";

/** Why a coordinator took a member out of a group. */
export type MemberRemoval =
  | "left"
  | "session-timeout"
  | "rebalance-timeout"
  | "sync-timeout"
  | "pending-timeout"
  | "join-timeout"
  | "replaced"
  | "group-full"
  | "client-gone";

/** A committed position, as a request or an answer has it. */
export interface TopicPartitionOffset {
  readonly partition: PartitionName;
  readonly offset: Offset;
  readonly leaderEpoch: LeaderEpoch;
  readonly error: number;
}

export type CoordinatorFact =
  | {
      /** All records of that partition of `__consumer_offsets` are applied: its groups are served. */
      readonly kind: "coordinator-loaded";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      /** Read up to here. */
      readonly endOffset: Offset;
      readonly groups: readonly GroupId[];
    }
  | {
      /** This broker coordinates the groups of that partition no more. */
      readonly kind: "coordinator-unloaded";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
    }
  | {
      readonly kind: "group-state";
      readonly group: GroupId;
      /** Of `__consumer_offsets`, and the leader epoch under which its leader coordinates. */
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly from: GroupStateName;
      readonly to: GroupStateName;
      readonly generation: Generation;
      readonly reason: string;
    }
  | {
      /** A member got an id that others can know: it is in the group from here on. */
      readonly kind: "group-member-added";
      readonly group: GroupId;
      readonly leaderEpoch: LeaderEpoch;
      readonly member: MemberId;
      readonly instance: InstanceId | null;
      /** The static member whose place it takes; null for a new one. */
      readonly replaces: MemberId | null;
      readonly client: string;
    }
  | {
      readonly kind: "group-member-removed";
      readonly group: GroupId;
      readonly leaderEpoch: LeaderEpoch;
      readonly member: MemberId;
      readonly instance: InstanceId | null;
      readonly why: MemberRemoval;
    }
  | {
      /** The join phase is over. */
      readonly kind: "generation-started";
      readonly group: GroupId;
      readonly leaderEpoch: LeaderEpoch;
      readonly generation: Generation;
      readonly protocol: string | null;
      readonly leader: MemberId | null;
      /** `joined`: it asked again in this phase; else it is a static member that is kept. */
      readonly members: readonly {
        readonly member: MemberId;
        readonly instance: InstanceId | null;
        readonly joined: boolean;
      }[];
    }
  | {
      /** What a member was told, just before the answer is sent. */
      readonly kind: "group-answered";
      readonly api: "join" | "sync" | "heartbeat" | "leave";
      readonly group: GroupId;
      readonly leaderEpoch: LeaderEpoch;
      /** As the answer (join) or the request (others) names it. */
      readonly member: MemberId;
      readonly instance: InstanceId | null;
      readonly generation: Generation;
      readonly error: number;
      /** Of a sync: the bytes of the assignment. */
      readonly assignment: Uint8Array | null;
      readonly client: string;
    }
  | {
      /** A commit was answered; those without error are in the log, below its high watermark. */
      readonly kind: "offsets-committed";
      readonly group: GroupId;
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly member: MemberId;
      readonly instance: InstanceId | null;
      readonly generation: Generation;
      readonly offsets: readonly TopicPartitionOffset[];
      /** Offset in `__consumer_offsets` of the first record; -1 when nothing was written. */
      readonly baseOffset: Offset;
      readonly client: string;
    }
  | {
      /** Committed offsets were read for somebody. */
      readonly kind: "offsets-fetched";
      readonly group: GroupId;
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly offsets: readonly TopicPartitionOffset[];
      /** All records below this offset of `__consumer_offsets` were in what was read. */
      readonly readUpTo: Offset;
      readonly client: string;
    }
  | {
      /** Offsets or a whole group were dropped: tombstones were written. */
      readonly kind: "offsets-removed";
      readonly group: GroupId;
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly why: "expired" | "deleted" | "topic-deleted" | "group-deleted";
      readonly partitions: readonly PartitionName[];
      readonly state: GroupStateName;
    };

/** Told by the client of a member. */
export type MembershipFact =
  | {
      /** The coordinator made it a member of a generation. */
      readonly kind: "member-joined";
      readonly group: GroupId;
      readonly member: MemberId;
      readonly instance: InstanceId | null;
      readonly generation: Generation;
      readonly protocol: string;
      readonly isLeader: boolean;
    }
  | {
      /** The leader of a generation decided who gets what. */
      readonly kind: "assignment-made";
      readonly group: GroupId;
      readonly member: MemberId;
      readonly generation: Generation;
      readonly assignor: string;
      readonly subscribed: readonly {
        readonly member: MemberId;
        readonly topics: readonly string[];
      }[];
      readonly assigned: readonly {
        readonly member: MemberId;
        readonly partitions: readonly PartitionName[];
      }[];
      /** Partitions of the subscribed topics, as the leader knew them. */
      readonly partitions: readonly PartitionName[];
    }
  | {
      /** onPartitionsAssigned: it owns them from here on. `owned` is all that it owns now. */
      readonly kind: "partitions-assigned";
      readonly group: GroupId;
      readonly member: MemberId;
      readonly instance: InstanceId | null;
      readonly generation: Generation;
      readonly partitions: readonly PartitionName[];
      readonly owned: readonly PartitionName[];
    }
  | {
      /** onPartitionsRevoked, or onPartitionsLost: told before the listener is called. */
      readonly kind: "partitions-revoked";
      readonly group: GroupId;
      readonly member: MemberId;
      readonly instance: InstanceId | null;
      readonly generation: Generation;
      readonly partitions: readonly PartitionName[];
      readonly lost: boolean;
      readonly owned: readonly PartitionName[];
    }
  | {
      /** It learned that it is no member any more, or not in the generation that it thought. */
      readonly kind: "member-fenced";
      readonly group: GroupId;
      readonly member: MemberId;
      readonly instance: InstanceId | null;
      readonly generation: Generation;
      readonly error: number;
    }
  | {
      readonly kind: "member-left";
      readonly group: GroupId;
      readonly member: MemberId;
      readonly instance: InstanceId | null;
      readonly generation: Generation;
      readonly why: "closed" | "unsubscribed" | "poll-interval" | "crashed";
      /** A LeaveGroup request was sent. */
      readonly told: boolean;
    }
  | {
      readonly kind: "commit-sent";
      readonly group: GroupId;
      readonly member: MemberId;
      readonly generation: Generation;
      /** Counts the commits of this client. */
      readonly commit: number;
      readonly mode: "sync" | "async" | "auto" | "revoke" | "close";
      readonly offsets: readonly TopicPartitionOffset[];
    }
  | {
      readonly kind: "commit-done";
      readonly group: GroupId;
      readonly member: MemberId;
      readonly generation: Generation;
      readonly commit: number;
      /** NONE when every partition was committed. */
      readonly error: number;
    };
