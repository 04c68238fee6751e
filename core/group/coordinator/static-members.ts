/**
 * A static member that was started again takes its place (updateStaticMemberThenRebalanceOrCompleteJoin in
 * GroupMetadataManager.java, KIP-345): its instance gets a new member id, and whoever still waits at
 * the old one is fenced.
 *
 *   Stable               it gets the assignment of before, once the new id is committed; a rebalance
 *                        only if another assignor would be chosen now
 *   CompletingRebalance  a rebalance: the leader assigns to the old id
 *   PreparingRebalance   it has joined
 */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { MemberId } from "../../ids.ts";
import { joinAnswer, joinError, syncError } from "./answers.ts";
import { answerSync } from "./assignments.ts";
import type { ClassicGroup } from "./classic-group.ts";
import { appendErrorToAnswer } from "./coordinator-errors.ts";
import type { Effect, GroupContext } from "./group-context.ts";
import { groupRecord, NO_EFFECT } from "./group-context.ts";
import type { GroupMember } from "./group-member.ts";
import type { Joining } from "./joining.ts";
import { answerJoin, maybeCompleteJoin, prepareRebalance, rebalance } from "./join-phase.ts";
import { tellAdded, tellRemoved } from "./member-facts.ts";
import { resetSession } from "./sessions.ts";

export function replaceStaticMember(
  context: GroupContext,
  group: ClassicGroup,
  { request, answer }: Pick<Joining, "request" | "answer">,
  old: GroupMember,
  memberId: MemberId,
): Effect {
  const { protocols, rebalanceTimeoutMs, sessionTimeoutMs } = old;
  const member = takeOver(context, group, old, memberId);
  resetSession(context, group, member);
  group.update(
    member,
    request.protocols,
    request.rebalanceTimeoutMs,
    request.sessionTimeoutMs,
    answer,
  );
  switch (group.state) {
    case "CompletingRebalance":
      return prepareRebalance(context, group, "a static member was started again");
    case "PreparingRebalance":
      return maybeCompleteJoin(context, group);
    case "Stable":
      break;
    default:
      answerJoin(group, member, joinError(Errors.UNKNOWN_SERVER_ERROR));
      return NO_EFFECT;
  }
  if (group.selectProtocol() !== group.protocol) {
    return rebalance(context, group, "a static member knows other assignors");
  }
  const ended = (error: ErrorCode | null): void => {
    if (error === null) {
      welcomeBack(context, group, member);
    } else if (group.members.get(memberId) === member) {
      // The group's last record has the old id.
      answerJoin(group, member, joinError(appendErrorToAnswer(error)));
      group.update(member, protocols, rebalanceTimeoutMs, sessionTimeoutMs, null);
      resetSession(context, group, takeOver(context, group, member, old.memberId));
    }
  };
  if (context.rules.persistsReplacement(group.state)) {
    return { records: [groupRecord(group, ({ assignment }) => assignment)], ended };
  }
  ended(null);
  return NO_EFFECT;
}

/** It goes on in the generation that it was in. */
function welcomeBack({ rules }: GroupContext, group: ClassicGroup, member: GroupMember): void {
  const isLeader = group.leader === member.memberId;
  // A rebalance began meanwhile: its leader is answered when that is over.
  const mayTellMembers = group.state === "Stable" || group.state === "CompletingRebalance";
  if (isLeader && !mayTellMembers) return;
  answerJoin(group, member, joinAnswer(group, member, rules.skipsAssignment(isLeader)));
}

function takeOver(
  context: GroupContext,
  group: ClassicGroup,
  old: GroupMember,
  memberId: MemberId,
): GroupMember {
  answerJoin(group, old, joinError(Errors.FENCED_INSTANCE_ID, old.memberId));
  answerSync(old, syncError(Errors.FENCED_INSTANCE_ID));
  const member = group.replace(old, memberId);
  tellRemoved(context, group, old.memberId, old.instanceId, "replaced");
  tellAdded(context, group, member, old.memberId);
  return member;
}
