/** Heartbeat and LeaveGroup (classicGroupHeartbeat, classicGroupLeave in GroupMetadataManager.java). */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import { NO_MEMBER_ID } from "../../ids.ts";
import type {
  HeartbeatRequest,
  LeaveGroupRequest,
  LeaveGroupResponse,
} from "../../protocol/group-membership.ts";
import type { ClassicGroup } from "./classic-group.ts";
import type { Effect, GroupContext } from "./group-context.ts";
import { NO_EFFECT } from "./group-context.ts";
import { maybeCompleteJoin, rebalance, removeMember } from "./join-phase.ts";
import { tellRemoved } from "./member-facts.ts";
import { cancelSession, resetSession } from "./sessions.ts";

/** What to tell the member. `isRefused`: at once, else once what was written before is committed. */
export interface HeartbeatResult {
  readonly error: ErrorCode;
  readonly isRefused: boolean;
}

export function heartbeat(context: GroupContext, request: HeartbeatRequest): HeartbeatResult {
  const { rules, state } = context;
  const { groupId, memberId, groupInstanceId, generationId } = request;
  const group = state.groups.get(groupId);
  if (group === undefined) return refused(Errors.UNKNOWN_MEMBER_ID);
  if (group.state === "Dead") return refused(Errors.COORDINATOR_NOT_AVAILABLE);
  const member = group.find(memberId, groupInstanceId, rules);
  if (typeof member === "number") return refused(member);
  const generationError = rules.generationError(generationId, group.generation);
  if (generationError !== Errors.NONE) return refused(generationError);
  resetSession(context, group, member);
  return { error: rules.heartbeatError(group.state), isRefused: false };
}

function refused(error: ErrorCode): HeartbeatResult {
  return { error, isRefused: true };
}

type Leaving = LeaveGroupRequest["members"][number];

/** Takes members out; null when there is no such group. */
export function leave(
  context: GroupContext,
  request: LeaveGroupRequest,
): { readonly response: LeaveGroupResponse; readonly effect: Effect } | null {
  const group = context.state.groups.get(request.groupId);
  if (group === undefined) return null;
  if (group.state === "Dead") {
    const response = { errorCode: Errors.COORDINATOR_NOT_AVAILABLE, members: [] };
    return { response, effect: NO_EFFECT };
  }
  let hasLeft = false;
  const members = request.members.map((leaving) => {
    const errorCode = leaveOne(context, group, leaving);
    if (errorCode === Errors.NONE) hasLeft = true;
    const { memberId, groupInstanceId } = leaving;
    return { memberId, groupInstanceId, errorCode };
  });
  const response = { errorCode: Errors.NONE, members };
  return { response, effect: hasLeft ? afterLeaving(context, group) : NO_EFFECT };
}

function leaveOne(context: GroupContext, group: ClassicGroup, leaving: Leaving): ErrorCode {
  const { memberId, groupInstanceId } = leaving;
  if (group.pendingJoin.has(memberId)) {
    group.remove(memberId);
    cancelSession(context, group, memberId);
    tellRemoved(context, group, memberId, null, "left");
    return Errors.NONE;
  }
  // An admin names a static member by its instance alone.
  const isByInstance = memberId === NO_MEMBER_ID && groupInstanceId !== null;
  const member = isByInstance
    ? (group.members.get(group.staticMembers.get(groupInstanceId) ?? "") ??
      Errors.UNKNOWN_MEMBER_ID)
    : group.find(memberId, groupInstanceId, context.rules);
  if (typeof member === "number") return member;
  cancelSession(context, group, member.memberId);
  removeMember(context, group, member, "left");
  return Errors.NONE;
}

function afterLeaving(context: GroupContext, group: ClassicGroup): Effect {
  switch (group.state) {
    case "Stable":
    case "CompletingRebalance":
      return rebalance(context, group, "members left");
    case "PreparingRebalance":
      return maybeCompleteJoin(context, group);
    case "Empty":
    case "Dead":
      return NO_EFFECT;
  }
}
