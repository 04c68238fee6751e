/**
 * How a group gets from one generation to the next (prepareRebalance and completeClassicGroupJoin
 * with their neighbours in GroupMetadataManager.java):
 *
 *   1. Something changes: the group waits for all its members to join again, at most for the longest
 *      of their rebalance timeouts. The first member of a group waits for others instead, for
 *      group.initial.rebalance.delay.ms, and longer while more come.
 *   2. Who did not join is taken out, and the rest are the next generation. All are answered.
 *   3. Who does not ask for its assignment in the same time is taken out as well.
 */
import { Errors } from "../../errors.ts";
import type { GroupId, MemberId } from "../../ids.ts";
import type { JoinGroupResponse } from "../../protocol/join-group.ts";
import type { MemberRemoval } from "../group-facts.ts";
import { joinError, joinAnswer } from "./answers.ts";
import { resetAssignments } from "./assignments.ts";
import type { ClassicGroup } from "./classic-group.ts";
import type { Effect, GroupContext } from "./group-context.ts";
import { groupRecord, NO_EFFECT, tellState, transition } from "./group-context.ts";
import type { GroupMember } from "./group-member.ts";
import { NO_ASSIGNMENT } from "./group-member.ts";
import { tellRemoved } from "./member-facts.ts";
import { cancelSession, resetSession } from "./sessions.ts";

/** Begins a rebalance, or looks whether the present join phase is over. */
export function rebalance(context: GroupContext, group: ClassicGroup, reason: string): Effect {
  return group.mayGoTo("PreparingRebalance")
    ? prepareRebalance(context, group, reason)
    : maybeCompleteJoin(context, group);
}

/** The first join phase of a group is over only when its time is. */
export function maybeCompleteJoin(context: GroupContext, group: ClassicGroup): Effect {
  if (group.state !== "PreparingRebalance" || group.previousState === "Empty") return NO_EFFECT;
  return allHaveJoined(context, group) ? completeJoin(context, group) : NO_EFFECT;
}

export function prepareRebalance(
  context: GroupContext,
  group: ClassicGroup,
  reason: string,
): Effect {
  const { rules, settings, timers } = context;
  if (group.state === "CompletingRebalance") {
    resetAssignments(context, group, Errors.REBALANCE_IN_PROGRESS);
  }
  endSyncPhase(context, group);
  const isFirst = rules.delaysFirstJoinPhase(group.state);
  transition(context, group, "PreparingRebalance", reason);
  if (isFirst) {
    const delayMs = settings["group.initial.rebalance.delay.ms"];
    scheduleFirstEnd(context, group, delayMs, Math.max(group.rebalanceTimeoutMs - delayMs, 0));
    return NO_EFFECT;
  }
  if (allHaveJoined(context, group)) return completeJoin(context, group);
  timers.schedule(joinTimer(group.groupId), group.rebalanceTimeoutMs, () =>
    context.run(() => joinTimeIsUp(context, group.groupId)),
  );
  return NO_EFFECT;
}

/** Takes a member out; whoever waits at it is told to join anew. */
export function removeMember(
  context: GroupContext,
  group: ClassicGroup,
  member: GroupMember,
  why: MemberRemoval,
): void {
  answerJoin(group, member, joinError(Errors.UNKNOWN_MEMBER_ID));
  group.remove(member.memberId);
  tellRemoved(context, group, member.memberId, member.instanceId, why);
}

/** A session ended: the member, or the id that nobody joined with, is out. */
export function sessionIsOver(context: GroupContext, groupId: GroupId, memberId: MemberId): Effect {
  const group = context.state.groups.get(groupId);
  if (group === undefined || group.state === "Dead") return NO_EFFECT;
  const member = group.members.get(memberId);
  if (member === undefined) {
    if (!group.pendingJoin.has(memberId)) return NO_EFFECT;
    group.remove(memberId);
    tellRemoved(context, group, memberId, null, "pending-timeout");
  } else {
    const { isNew, awaitingJoin, awaitingSync } = member;
    if (context.rules.sessionIsKept(isNew, awaitingJoin !== null, awaitingSync !== null)) {
      return NO_EFFECT;
    }
    removeMember(context, group, member, isNew ? "join-timeout" : "session-timeout");
    if (group.state === "Stable" || group.state === "CompletingRebalance") {
      return prepareRebalance(context, group, "the session of a member ended");
    }
  }
  const isOver = group.state === "PreparingRebalance" && allHaveJoined(context, group);
  return isOver ? completeJoin(context, group) : NO_EFFECT;
}

/** A member asked for its assignment. */
export function notePendingSync(
  { timers }: GroupContext,
  group: ClassicGroup,
  memberId: MemberId,
): void {
  group.pendingSync.delete(memberId);
  if (group.pendingSync.size === 0) timers.cancel(syncTimer(group.groupId));
}

// ---- the end of a join phase ----------------------------------------------------------------------

function completeJoin(context: GroupContext, group: ClassicGroup): Effect {
  const { timers } = context;
  timers.cancel(joinTimer(group.groupId));
  dropMissing(context, group);
  if (!group.electJoinedLeader() && group.members.size > 0) {
    // Only static members are left, and none of them joined: wait until one does, or is gone.
    timers.schedule(joinTimer(group.groupId), group.rebalanceTimeoutMs, () =>
      context.run(() => joinTimeIsUp(context, group.groupId)),
    );
    return NO_EFFECT;
  }
  const from = group.state;
  group.nextGeneration(context.ports.clock.wallMs());
  const reason = "the join phase is over";
  tellState(context, group.groupId, from, group.state, group.generation, reason);
  tellGeneration(context, group);
  if (group.state === "Empty") return { records: [groupRecord(group, () => NO_ASSIGNMENT)] };
  for (const member of group.members.values()) {
    answerJoin(group, member, joinAnswer(group, member, false));
    resetSession(context, group, member);
    member.isNew = false;
    group.pendingSync.add(member.memberId);
  }
  const { generation } = group;
  timers.schedule(syncTimer(group.groupId), group.rebalanceTimeoutMs, () =>
    context.run(() => syncTimeIsUp(context, group.groupId, generation)),
  );
  return NO_EFFECT;
}

function dropMissing(context: GroupContext, group: ClassicGroup): void {
  if (group.awaitingJoin === group.members.size) return;
  for (const member of [...group.members.values()]) {
    if (context.rules.keepsMember(member.isStatic, member.awaitingJoin !== null)) continue;
    group.remove(member.memberId);
    cancelSession(context, group, member.memberId);
    tellRemoved(context, group, member.memberId, member.instanceId, "rebalance-timeout");
  }
}

function joinTimeIsUp(context: GroupContext, groupId: GroupId): Effect {
  const group = context.state.groups.get(groupId);
  return group?.state === "PreparingRebalance" ? completeJoin(context, group) : NO_EFFECT;
}

/** The delay of a first join phase is over: it goes on while members come and there is time. */
function scheduleFirstEnd(
  context: GroupContext,
  group: ClassicGroup,
  delayMs: number,
  remainingMs: number,
): void {
  const { groupId } = group;
  const end = (): Effect => {
    const known = context.state.groups.get(groupId);
    if (known?.state !== "PreparingRebalance") return NO_EFFECT;
    if (!context.rules.extendsFirstJoinPhase(known.hasNewMember, remainingMs)) {
      return completeJoin(context, known);
    }
    known.hasNewMember = false;
    const initialMs = context.settings["group.initial.rebalance.delay.ms"];
    const nextMs = Math.min(initialMs, remainingMs);
    scheduleFirstEnd(context, known, nextMs, Math.max(remainingMs - delayMs, 0));
    return NO_EFFECT;
  };
  context.timers.schedule(joinTimer(groupId), delayMs, () => context.run(end));
}

// ---- the sync phase -------------------------------------------------------------------------------

function syncTimeIsUp(context: GroupContext, groupId: GroupId, generation: number): Effect {
  const group = context.state.groups.get(groupId);
  if (group === undefined || group.generation !== generation) return NO_EFFECT;
  const mayHaveWaited = group.state === "CompletingRebalance" || group.state === "Stable";
  if (!mayHaveWaited || group.pendingSync.size === 0) return NO_EFFECT;
  for (const memberId of [...group.pendingSync]) {
    const member = group.members.get(memberId);
    group.remove(memberId);
    cancelSession(context, group, memberId);
    if (member === undefined) continue;
    tellRemoved(context, group, memberId, member.instanceId, "sync-timeout");
  }
  return prepareRebalance(context, group, "members did not sync");
}

function endSyncPhase({ timers }: GroupContext, group: ClassicGroup): void {
  group.pendingSync.clear();
  timers.cancel(syncTimer(group.groupId));
}

// ---- helpers --------------------------------------------------------------------------------------

/** Answers the Join at which a member waits, if it does. */
export function answerJoin(
  group: ClassicGroup,
  member: GroupMember,
  response: JoinGroupResponse,
): void {
  const answer = member.awaitingJoin;
  if (answer === null) return;
  group.setAwaitingJoin(member, null);
  answer(response);
}

function allHaveJoined({ rules }: GroupContext, group: ClassicGroup): boolean {
  return rules.joinPhaseIsOver(group.members.size, group.awaitingJoin, group.pendingJoin.size);
}

function tellGeneration({ ports, leaderEpoch }: GroupContext, group: ClassicGroup): void {
  const { probe } = ports;
  if (probe === null) return;
  const { groupId, generation, protocol, leader } = group;
  probe.emit({
    kind: "generation-started",
    group: groupId,
    leaderEpoch,
    generation,
    protocol,
    leader,
    members: [...group.members.values()].map((member) => ({
      member: member.memberId,
      instance: member.instanceId,
      joined: member.awaitingJoin !== null,
    })),
  });
}

function joinTimer(groupId: GroupId): string {
  return `join ${groupId}`;
}

function syncTimer(groupId: GroupId): string {
  return `sync ${groupId}`;
}
