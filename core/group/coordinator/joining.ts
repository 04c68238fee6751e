/**
 * JoinGroup (classicGroupJoin and its neighbours in GroupMetadataManager.java).
 *
 * Differs from Kafka: the Uuid at the end of a member id has 22 characters, as Kafka's other ids.
 */
import { Errors } from "../../errors.ts";
import type { MemberId } from "../../ids.ts";
import { NO_MEMBER_ID } from "../../ids.ts";
import type { JoinGroupRequest } from "../../protocol/join-group.ts";
import { joinAnswer, joinError } from "./answers.ts";
import { ClassicGroup } from "./classic-group.ts";
import type { Effect, GroupContext } from "./group-context.ts";
import { newGroupRecord, NO_EFFECT } from "./group-context.ts";
import type { JoinAnswer } from "./group-member.ts";
import { GroupMember } from "./group-member.ts";
import { rebalance } from "./join-phase.ts";
import { tellAdded, tellRemoved } from "./member-facts.ts";
import { beginSession, NEW_MEMBER_JOIN_TIMEOUT_MS, resetSession } from "./sessions.ts";
import { replaceStaticMember } from "./static-members.ts";

/** A Join with who sent it. */
export interface Joining {
  readonly request: JoinGroupRequest;
  readonly clientId: string;
  readonly clientHost: string;
  /** Called once, now or when the join phase is over. */
  readonly answer: JoinAnswer;
}

export function join(context: GroupContext, joining: Joining): Effect {
  const { request, answer } = joining;
  const { groupId, memberId } = request;
  const known = context.state.groups.get(groupId);
  if (known === undefined && memberId !== NO_MEMBER_ID) {
    answer(joinError(Errors.UNKNOWN_MEMBER_ID, memberId));
    return NO_EFFECT;
  }
  const group = known ?? new ClassicGroup(groupId, context.ports.clock.wallMs());
  const effect = joinGroup(context, group, joining);
  if (known !== undefined || effect !== NO_EFFECT) return effect;
  // A new group is there only once it is written, whatever came of the Join.
  return { records: [newGroupRecord(group)] };
}

function joinGroup(context: GroupContext, group: ClassicGroup, joining: Joining): Effect {
  const { rules, settings } = context;
  const { request, answer } = joining;
  const { memberId } = request;
  const member = group.members.get(memberId);
  const accepts = rules.acceptsMember(
    group.state,
    member !== undefined,
    member !== undefined && member.awaitingJoin !== null,
    group.members.size,
    group.awaitingJoin,
    settings["group.max.size"],
  );
  if (!accepts) {
    const isKnown = member !== undefined || group.pendingJoin.has(memberId);
    group.remove(memberId);
    if (isKnown) tellRemoved(context, group, memberId, member?.instanceId ?? null, "group-full");
    answer(joinError(Errors.GROUP_MAX_SIZE_REACHED));
    return NO_EFFECT;
  }
  if (group.state === "Dead") {
    answer(joinError(Errors.COORDINATOR_NOT_AVAILABLE, memberId));
    return NO_EFFECT;
  }
  if (!group.supports(request.protocolType, request.protocols)) {
    answer(joinError(Errors.INCONSISTENT_GROUP_PROTOCOL, memberId));
    return NO_EFFECT;
  }
  return memberId === NO_MEMBER_ID
    ? joinUnknown(context, group, joining)
    : joinKnown(context, group, joining);
}

/** Somebody without an id: new, or a static member that was started again. */
function joinUnknown(context: GroupContext, group: ClassicGroup, joining: Joining): Effect {
  const { request, answer, clientId } = joining;
  const { groupInstanceId, sessionTimeoutMs } = request;
  const id = context.newMemberId(groupInstanceId ?? clientId);
  if (!context.rules.mustKnowItsId(groupInstanceId !== null)) {
    const current = group.staticMembers.get(groupInstanceId ?? "");
    const old = current === undefined ? undefined : group.members.get(current);
    return old === undefined
      ? addMember(context, group, joining, id)
      : replaceStaticMember(context, group, joining, old, id);
  }
  group.pendingJoin.add(id);
  beginSession(context, group.groupId, id, sessionTimeoutMs);
  answer(joinError(Errors.MEMBER_ID_REQUIRED, id));
  return NO_EFFECT;
}

function joinKnown(context: GroupContext, group: ClassicGroup, joining: Joining): Effect {
  const { request, answer } = joining;
  const { memberId, groupInstanceId, protocols } = request;
  if (group.pendingJoin.has(memberId)) {
    if (groupInstanceId === null) return addMember(context, group, joining, memberId);
    // Static members are never asked to come again with an id.
    answer(joinError(Errors.UNKNOWN_SERVER_ERROR, memberId));
    return NO_EFFECT;
  }
  const member = group.find(memberId, groupInstanceId, context.rules);
  if (typeof member === "number") {
    answer(joinError(member, memberId));
    return NO_EFFECT;
  }
  const isLeader = group.leader === member.memberId;
  switch (group.state) {
    case "PreparingRebalance":
      return joinAgain(context, group, joining, member);
    case "CompletingRebalance":
    case "Stable":
      if (context.rules.rejoinRebalances(group.state, isLeader, member.matches(protocols))) {
        return joinAgain(context, group, joining, member);
      }
      // It may have missed the answer: it is told of the generation that it is in.
      answer(joinAnswer(group, member, false));
      return NO_EFFECT;
    case "Empty":
    case "Dead":
      answer(joinError(Errors.UNKNOWN_MEMBER_ID, memberId));
      return NO_EFFECT;
  }
}

function joinAgain(
  context: GroupContext,
  group: ClassicGroup,
  { request, answer }: Joining,
  member: GroupMember,
): Effect {
  const { protocols, rebalanceTimeoutMs, sessionTimeoutMs } = request;
  group.update(member, protocols, rebalanceTimeoutMs, sessionTimeoutMs, answer);
  return rebalance(context, group, "a member joins again");
}

function addMember(
  context: GroupContext,
  group: ClassicGroup,
  { request, answer, clientId, clientHost }: Joining,
  memberId: MemberId,
): Effect {
  const { groupInstanceId, rebalanceTimeoutMs, sessionTimeoutMs, protocols } = request;
  const member = new GroupMember({
    memberId,
    instanceId: groupInstanceId,
    clientId,
    clientHost,
    rebalanceTimeoutMs,
    sessionTimeoutMs,
    protocols,
  });
  member.isNew = true;
  member.awaitingJoin = answer;
  if (group.state === "PreparingRebalance" && group.previousState === "Empty") {
    group.hasNewMember = true;
  }
  if (group.members.size === 0) group.protocolType = request.protocolType;
  group.add(member);
  tellAdded(context, group, member, null);
  // It does not send heartbeats before it is answered, and may be gone by then.
  resetSession(context, group, member, NEW_MEMBER_JOIN_TIMEOUT_MS);
  return rebalance(context, group, "a new member joins");
}
