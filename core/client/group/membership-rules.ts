import type { Generation, MemberId, Offset } from "../../ids.ts";
import { NO_GENERATION, NO_MEMBER_ID } from "../../ids.ts";
import { Errors } from "../../errors.ts";
import type { ConsumerPartition } from "../consumer-partition.ts";

const ABSTRACT = "AbstractCoordinator.java";
const COORDINATOR = "ConsumerCoordinator.java";
const HEARTBEAT = "Heartbeat.java";

/** What a member gives up before it joins again. */
export type Surrender =
  /** Everything, as lost: it is no member any more. */
  | "lose-all"
  /** Everything, after the listener was told (eager). */
  | "revoke-all"
  /** What it does not subscribe to any more (cooperative, KIP-429). */
  | "revoke-unsubscribed";

/** What a failed join or sync makes of a member's place in the group. */
export type Reset = "nothing" | "generation" | "generation-and-member-id";

/** What a member of a group decides: what it owns, what it commits, when it is lost. */
export class MembershipRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    cooperates: `KIP-429, ${COORDINATOR}`,
    isLost: COORDINATOR,
    surrender: `KIP-429, ${COORDINATOR} onJoinPrepare`,
    revokesAfterSync: `KIP-429, ${COORDINATOR} onJoinComplete`,
    rejoinsAfterRevoking: `KIP-429, ${COORDINATOR} onJoinComplete`,
    mayAssign: `KAFKA-12984, ${COORDINATOR} validateCooperativeAssignment`,
    acceptsAssignment: `${COORDINATOR} onJoinComplete`,
    beginOwnership: "SubscriptionState.java assignFromSubscribed",
    acceptsCommitted: `KAFKA-4682, ${COORDINATOR} PendingCommittedOffsetRequest`,
    positionToCommit: "SubscriptionState.java allConsumed",
    commitsBeforeRecords: `${COORDINATOR} poll`,
    commitsBeforeJoin: `${COORDINATOR} onJoinPrepare`,
    stopsBeforeCommit: `KAFKA-13419, ${COORDINATOR} maybeMarkPartitionsPendingRevocation`,
    waitsForCommit: `KAFKA-13563, ${COORDINATOR} onJoinPrepare`,
    mayCommit: `${COORDINATOR} sendOffsetCommitRequest`,
    isRetriableCommit: `${COORDINATOR} OffsetCommitResponseHandler`,
    isRetriableRead: `KIP-447, ${COORDINATOR} OffsetFetchResponseHandler`,
    isRetriable: "RetriableException.java",
    losesCoordinator: ABSTRACT,
    resetOn: `KAFKA-12257, KAFKA-10122, ${ABSTRACT}`,
    joinsAgainAtOnce: `${ABSTRACT} joinGroupIfNeeded`,
    tellsLeaving: `KIP-345, ${ABSTRACT} maybeLeaveGroup`,
    heartbeats: `${ABSTRACT} HeartbeatThread`,
    rejoinsOnHeartbeat: `${ABSTRACT} HeartbeatResponseHandler`,
    sessionIsOver: HEARTBEAT,
    polledInTime: `KIP-62, ${HEARTBEAT}`,
  };

  // ---- what it owns ---------------------------------------------------------------------------

  /** Only if every assignor that it offers can do it. */
  cooperates(allCan: boolean): boolean {
    return allCan;
  }

  /** A member without generation or id has nothing to keep: others may own it already. */
  isLost(generation: Generation, member: MemberId): boolean {
    return generation === NO_GENERATION || member === NO_MEMBER_ID;
  }

  /** What is given up before the next join. */
  surrender(isCooperative: boolean, isLost: boolean): Surrender {
    if (isLost) return "lose-all";
    return isCooperative ? "revoke-unsubscribed" : "revoke-all";
  }

  /** Whether an owned partition is given up when a cooperative round is over. */
  revokesAfterSync(isAssigned: boolean): boolean {
    return !isAssigned;
  }

  /** What was revoked after a round can be given to others only in the next one. */
  rejoinsAfterRevoking(revokedCount: number): boolean {
    return revokedCount > 0;
  }

  /** Whether the leader of a cooperative group may give that partition to a member. */
  mayAssign(isOwnedByAnother: boolean): boolean {
    return !isOwnedByAnother;
  }

  /** Whether a part of an assignment fits what the user subscribes to by now. */
  acceptsAssignment(isSubscribed: boolean): boolean {
    return isSubscribed;
  }

  // ---- where it reads -------------------------------------------------------------------------

  /** It begins where the group is, not where it was itself before: others may have read on. */
  beginOwnership(partition: ConsumerPartition): void {
    partition.forget();
  }

  /** A committed offset is of use only in the generation in which it was asked for. */
  acceptsCommitted(asked: Generation, now: Generation): boolean {
    return asked === now;
  }

  // ---- what it commits ------------------------------------------------------------------------

  /** What poll() handed out counts, not what waits in the buffer. */
  positionToCommit(delivered: Offset, _fetched: Offset): Offset {
    return delivered;
  }

  /** Records that this very poll returns are not processed yet. */
  commitsBeforeRecords(): boolean {
    return true;
  }

  /** What was processed is committed before others may go on from there. */
  commitsBeforeJoin(isAutoCommit: boolean): boolean {
    return isAutoCommit;
  }

  /** Nothing more is handed out of what is about to be revoked, or the commit would be too low. */
  stopsBeforeCommit(isCooperative: boolean): boolean {
    return !isCooperative;
  }

  /** How long the commit may hold up the join: the group waits for the rebalance timeout. */
  waitsForCommit(sinceMs: number, rebalanceTimeoutMs: number): boolean {
    return sinceMs < rebalanceTimeoutMs;
  }

  /** Whether a member may commit now; who assigned partitions by hand may at any time. */
  mayCommit(isMember: boolean, isStable: boolean): boolean {
    return !isMember || isStable;
  }

  isRetriableCommit(error: number): boolean {
    return (
      error === Errors.COORDINATOR_LOAD_IN_PROGRESS ||
      error === Errors.UNKNOWN_TOPIC_OR_PARTITION ||
      error === Errors.COORDINATOR_NOT_AVAILABLE ||
      error === Errors.NOT_COORDINATOR ||
      error === Errors.REQUEST_TIMED_OUT ||
      error === Errors.NETWORK_EXCEPTION
    );
  }

  /** Whether committed offsets are read again after that error; a partition may be unstable. */
  isRetriableRead(error: number, isOfPartition: boolean): boolean {
    return isOfPartition ? error === Errors.UNSTABLE_OFFSET_COMMIT : this.isRetriable(error);
  }

  // ---- its place in the group -----------------------------------------------------------------

  /** Whether a request to find, join or ask a coordinator may be tried again. */
  isRetriable(error: number): boolean {
    return (
      this.isRetriableCommit(error) ||
      error === Errors.UNSTABLE_OFFSET_COMMIT ||
      error === Errors.LEADER_NOT_AVAILABLE ||
      error === Errors.KAFKA_STORAGE_ERROR ||
      error === Errors.NOT_ENOUGH_REPLICAS ||
      error === Errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND
    );
  }

  /** Whether another coordinator has to be looked for. */
  losesCoordinator(error: number): boolean {
    return error === Errors.COORDINATOR_NOT_AVAILABLE || error === Errors.NOT_COORDINATOR;
  }

  /** A member id outlives a generation, so that the group need not wait for its removal. */
  resetOn(error: number): Reset {
    if (error === Errors.ILLEGAL_GENERATION) return "generation";
    const isGone = error === Errors.UNKNOWN_MEMBER_ID || error === Errors.FENCED_INSTANCE_ID;
    return isGone ? "generation-and-member-id" : "nothing";
  }

  /** Whether a failed join is repeated without a pause. */
  joinsAgainAtOnce(error: number): boolean {
    return (
      error === Errors.UNKNOWN_MEMBER_ID ||
      error === Errors.ILLEGAL_GENERATION ||
      error === Errors.REBALANCE_IN_PROGRESS ||
      error === Errors.MEMBER_ID_REQUIRED
    );
  }

  /** A static member is expected back within its session. */
  tellsLeaving(isStatic: boolean): boolean {
    return !isStatic;
  }

  /** A member that waits for the others to join need not show that it is alive. */
  heartbeats(hasJoined: boolean): boolean {
    return hasJoined;
  }

  rejoinsOnHeartbeat(error: number, isStable: boolean): boolean {
    return error === Errors.REBALANCE_IN_PROGRESS && isStable;
  }

  /** Without an answer for so long, the coordinator may have removed it. */
  sessionIsOver(sinceAnswerMs: number, sessionTimeoutMs: number): boolean {
    return sinceAnswerMs >= sessionTimeoutMs;
  }

  /** Who does not poll does not process: its partitions had better go to others. */
  polledInTime(sincePollMs: number, maxPollIntervalMs: number): boolean {
    return sincePollMs < maxPollIntervalMs;
  }
}
