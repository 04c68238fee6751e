/** How long a coordinator waits for a member to be heard of. */
import type { GroupId, MemberId } from "../../ids.ts";
import type { ClassicGroup } from "./classic-group.ts";
import type { GroupContext } from "./group-context.ts";
import type { GroupMember } from "./group-member.ts";

/** A new member waits at its first Join for so long at most; then it has to ask again. */
export const NEW_MEMBER_JOIN_TIMEOUT_MS = 300000;

/** The member was heard of. */
export function resetSession(
  context: GroupContext,
  group: ClassicGroup,
  member: GroupMember,
  timeoutMs: number = member.sessionTimeoutMs,
): void {
  beginSession(context, group.groupId, member.memberId, timeoutMs);
}

/** Also of an id that nobody has joined with yet. */
export function beginSession(
  context: GroupContext,
  groupId: GroupId,
  memberId: MemberId,
  timeoutMs: number,
): void {
  context.timers.schedule(sessionTimer(groupId, memberId), timeoutMs, () =>
    context.sessionEnded(groupId, memberId),
  );
}

export function cancelSession(
  { timers }: GroupContext,
  group: ClassicGroup,
  memberId: MemberId,
): void {
  timers.cancel(sessionTimer(group.groupId, memberId));
}

function sessionTimer(groupId: GroupId, memberId: MemberId): string {
  return `session ${groupId} ${memberId}`;
}
