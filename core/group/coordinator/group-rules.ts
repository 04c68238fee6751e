import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { Generation, LeaderEpoch, MemberId, Offset } from "../../ids.ts";
import type { GroupStateName } from "../group-facts.ts";

/** What a group coordinator decides: joins, generations, fencing, committed offsets. */
export class GroupRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    mayReply: "DeferredEventQueue.java completeUpTo",
    takesHighWatermark: "HighWatermarkListener in CoordinatorRuntime.java; KAFKA-20634",
    mayAppend: "CoordinatorPartitionWriter.scala append, CoordinatorRuntime.java flushCurrentBatch",
    loadsAnew: "CoordinatorRuntime.java scheduleLoadOperation",
    unloads: "CoordinatorRuntime.java scheduleUnloadOperation",
    fetchErrorWhileLoading: "CoordinatorRuntime.java withActiveContextOrThrow; KAFKA-5600",
    fetchReadsCommitted: "GroupCoordinatorService.java fetchOffsets; KIP-447",
    sessionTimeoutIsValid: "GroupCoordinatorService.java joinGroup",
    acceptsMember: "GroupMetadataManager.java acceptJoiningMember; KIP-389",
    mustKnowItsId: "KIP-394; JoinGroupRequest.java requiresKnownMemberId",
    instanceError: "ClassicGroup.java validateMember; KIP-345, KAFKA-8225",
    generationError: "GroupMetadataManager.java validateSyncGroup, validateClassicGroupHeartbeat",
    rejoinRebalances: "GroupMetadataManager.java classicGroupJoinExistingMember",
    delaysFirstJoinPhase: "GroupMetadataManager.java prepareRebalance; KIP-134",
    extendsFirstJoinPhase: "GroupMetadataManager.java tryCompleteInitialRebalanceElseSchedule",
    joinPhaseIsOver: "ClassicGroup.java hasAllMembersJoined; KIP-394",
    keepsMember: "GroupMetadataManager.java completeClassicGroupJoin; KIP-345",
    persistsReplacement:
      "KAFKA-10284; updateStaticMemberThenRebalanceOrCompleteJoin in GroupMetadataManager.java",
    skipsAssignment:
      "KIP-814; updateStaticMemberThenRebalanceOrCompleteJoin in GroupMetadataManager.java",
    appliesAssignment: "GroupMetadataManager.java classicGroupSyncToClassicGroup",
    sessionIsKept: "ClassicGroupMember.java hasSatisfiedHeartbeat",
    heartbeatError: "GroupMetadataManager.java classicGroupHeartbeatToClassicGroup",
    commitError: "ClassicGroup.java validateOffsetCommit",
    commitKeepsSession: "OffsetMetadataManager.java commitOffset",
    retentionStart: "ClassicGroup.java offsetExpirationCondition; KIP-211, KAFKA-4682, KAFKA-13636",
    isExpired: "OffsetExpirationConditionImpl.java isOffsetExpired",
  };

  // ---- the replicated log -------------------------------------------------------------------------

  /** Whatever a reply tells must be in the log of all of the ISR. */
  mayReply(lastOffset: Offset, highWatermark: Offset): boolean {
    return lastOffset < highWatermark;
  }

  /**
   * Once this broker follows, the high watermark passes records of the new leader, which may lie
   * where its own were.
   */
  takesHighWatermark(
    isLeader: boolean,
    leadsSince: LeaderEpoch,
    coordinatorEpoch: LeaderEpoch,
  ): boolean {
    return isLeader && leadsSince <= coordinatorEpoch;
  }

  /** Only while it has led without a break does a coordinator know all that the log holds. */
  mayAppend(isLeader: boolean, leadsSince: LeaderEpoch, coordinatorEpoch: LeaderEpoch): boolean {
    return isLeader && leadsSince <= coordinatorEpoch;
  }

  /** Elected again: what was loaded is of use only if no other leader came between. */
  loadsAnew(isActive: boolean, leadsSince: LeaderEpoch, coordinatorEpoch: LeaderEpoch): boolean {
    return !isActive || leadsSince > coordinatorEpoch;
  }

  /** `resignedEpoch`: of who leads instead; null when this broker has no replica any more. */
  unloads(coordinatorEpoch: LeaderEpoch, resignedEpoch: LeaderEpoch | null): boolean {
    return resignedEpoch === null || coordinatorEpoch < resignedEpoch;
  }

  /** What is not loaded yet would look as if it had never been committed. */
  fetchErrorWhileLoading(): ErrorCode {
    return Errors.COORDINATOR_LOAD_IN_PROGRESS;
  }

  /** Else it reads all that was written, and is answered when that is committed. */
  fetchReadsCommitted(requireStable: boolean): boolean {
    return !requireStable;
  }

  // ---- joining ------------------------------------------------------------------------------------

  sessionTimeoutIsValid(sessionTimeoutMs: number, minMs: number, maxMs: number): boolean {
    return sessionTimeoutMs >= minMs && sessionTimeoutMs <= maxMs;
  }

  /** group.max.size; while a group rebalances, those count that have joined again. */
  acceptsMember(
    state: GroupStateName,
    isMember: boolean,
    isAwaitingJoin: boolean,
    members: number,
    awaitingJoin: number,
    maxSize: number,
  ): boolean {
    switch (state) {
      case "Empty":
      case "Dead":
        return true;
      case "PreparingRebalance":
        return isAwaitingJoin || awaitingJoin < maxSize;
      case "CompletingRebalance":
      case "Stable":
        return isMember || members < maxSize;
    }
  }

  /** A new member that never hears its id would stay in the group until its session ends. */
  mustKnowItsId(isStatic: boolean): boolean {
    return !isStatic;
  }

  /** Who comes with an instance id must be the one that has it now. */
  instanceError(given: MemberId, current: MemberId): ErrorCode {
    return given === current ? Errors.NONE : Errors.FENCED_INSTANCE_ID;
  }

  /** Of Sync and Heartbeat. */
  generationError(given: Generation, current: Generation): ErrorCode {
    return given === current ? Errors.NONE : Errors.ILLEGAL_GENERATION;
  }

  /** A member joins again: does that begin a rebalance, or is it told of the present generation? */
  rejoinRebalances(state: GroupStateName, isLeader: boolean, hasSameProtocols: boolean): boolean {
    return !hasSameProtocols || (state === "Stable" && isLeader);
  }

  /** The first member of a group waits for others. */
  delaysFirstJoinPhase(state: GroupStateName): boolean {
    return state === "Empty";
  }

  extendsFirstJoinPhase(hasNewMember: boolean, remainingMs: number): boolean {
    return hasNewMember && remainingMs !== 0;
  }

  /** Pending members know their id, so they are about to join. */
  joinPhaseIsOver(members: number, awaitingJoin: number, pending: number): boolean {
    return members === awaitingJoin && pending === 0;
  }

  /** At the end of the join phase. Static members may be away for as long as their session. */
  keepsMember(isStatic: boolean, hasJoined: boolean): boolean {
    return hasJoined || isStatic;
  }

  /** A new id for a static member is written at once where no next generation will write it. */
  persistsReplacement(state: GroupStateName): boolean {
    return state === "Stable";
  }

  skipsAssignment(isLeader: boolean): boolean {
    return isLeader;
  }

  // ---- generations --------------------------------------------------------------------------------

  /** The assignment is committed: is it still what the group waits for? */
  appliesAssignment(state: GroupStateName, synced: Generation, current: Generation): boolean {
    return state === "CompletingRebalance" && synced === current;
  }

  /** The session is over: a member that waits for an answer cannot send heartbeats meanwhile. */
  sessionIsKept(isNew: boolean, isAwaitingJoin: boolean, isAwaitingSync: boolean): boolean {
    return !isNew && (isAwaitingJoin || isAwaitingSync);
  }

  heartbeatError(state: GroupStateName): ErrorCode {
    switch (state) {
      case "Empty":
        return Errors.UNKNOWN_MEMBER_ID;
      case "PreparingRebalance":
        return Errors.REBALANCE_IN_PROGRESS;
      case "CompletingRebalance":
      case "Stable":
        return Errors.NONE;
      case "Dead":
        return Errors.COORDINATOR_NOT_AVAILABLE;
    }
  }

  // ---- offsets ------------------------------------------------------------------------------------

  /**
   * Whether a commit is refused. `memberError` is that of the member it names, `namesMember` false
   * for one of who is no member.
   */
  commitError(
    state: GroupStateName,
    namesMember: boolean,
    memberError: ErrorCode,
    given: Generation,
    current: Generation,
  ): ErrorCode {
    if (state === "Dead") return Errors.COORDINATOR_NOT_AVAILABLE;
    if (given < 0 && state === "Empty") return Errors.NONE;
    if (!namesMember) return state === "Empty" ? Errors.NONE : Errors.UNKNOWN_MEMBER_ID;
    if (memberError !== Errors.NONE) return memberError;
    if (given !== current) return Errors.ILLEGAL_GENERATION;
    return state === "CompletingRebalance" ? Errors.REBALANCE_IN_PROGRESS : Errors.NONE;
  }

  commitKeepsSession(state: GroupStateName): boolean {
    return state === "Stable" || state === "PreparingRebalance";
  }

  /**
   * From when offsets.retention.minutes counts for an offset; null while it must not expire.
   * `isSimple`: nobody ever joined. `isSubscribed` is as the last generation was; in a group that
   * rebalances that says little.
   */
  retentionStart(
    state: GroupStateName,
    isSimple: boolean,
    knowsSubscriptions: boolean,
    isSubscribed: boolean,
    stateSinceMs: number,
    committedMs: number,
  ): number | null {
    if (isSimple) return committedMs;
    if (isSubscribed) return null;
    if (state === "Empty") return stateSinceMs === -1 ? committedMs : stateSinceMs;
    return state === "Stable" && knowsSubscriptions ? committedMs : null;
  }

  /** `expireMs`: given by an old client with the commit; -1 by none. */
  isExpired(nowMs: number, sinceMs: number, retentionMs: number, expireMs: number): boolean {
    return expireMs === -1 ? nowMs - sinceMs >= retentionMs : nowMs >= expireMs;
  }
}
