/** What a generation's members are given: their leader's assignment, or the news that it is void. */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { MemberId } from "../../ids.ts";
import { syncAnswer, syncError } from "./answers.ts";
import type { ClassicGroup } from "./classic-group.ts";
import type { GroupContext } from "./group-context.ts";
import type { GroupMember } from "./group-member.ts";
import { NO_ASSIGNMENT } from "./group-member.ts";
import { resetSession } from "./sessions.ts";

/** Gives all members theirs; who is not named gets nothing. */
export function applyAssignments(
  context: GroupContext,
  group: ClassicGroup,
  assignments: ReadonlyMap<MemberId, Uint8Array>,
): void {
  for (const member of group.members.values()) {
    member.assignment = assignments.get(member.memberId) ?? NO_ASSIGNMENT;
  }
  answerSyncs(context, group, Errors.NONE);
}

/** Nobody gets anything: who waits is told why. */
export function resetAssignments(
  context: GroupContext,
  group: ClassicGroup,
  error: ErrorCode,
): void {
  for (const member of group.members.values()) member.assignment = NO_ASSIGNMENT;
  answerSyncs(context, group, error);
}

function answerSyncs(context: GroupContext, group: ClassicGroup, error: ErrorCode): void {
  for (const member of group.members.values()) {
    const response = error === Errors.NONE ? syncAnswer(group, member) : syncError(error);
    // While it waited, the end of its session went by without effect.
    if (answerSync(member, response)) resetSession(context, group, member);
  }
}

/** Answers the Sync at which a member waits; false when it does not wait. */
export function answerSync(member: GroupMember, response: ReturnType<typeof syncAnswer>): boolean {
  const answer = member.awaitingSync;
  if (answer === null) return false;
  member.awaitingSync = null;
  answer(response);
  return true;
}
