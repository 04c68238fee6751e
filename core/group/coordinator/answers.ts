/** Answers to members, as their groups are. Bytes are copied: whoever gets an answer may keep it. */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { MemberId } from "../../ids.ts";
import { NO_GENERATION, NO_MEMBER_ID } from "../../ids.ts";
import type { JoinGroupResponse } from "../../protocol/join-group.ts";
import type { SyncGroupResponse } from "../../protocol/sync-group.ts";
import type { ClassicGroup } from "./classic-group.ts";
import type { GroupMember } from "./group-member.ts";
import { NO_ASSIGNMENT } from "./group-member.ts";

export function joinError(
  errorCode: ErrorCode,
  memberId: MemberId = NO_MEMBER_ID,
): JoinGroupResponse {
  return {
    errorCode,
    generationId: NO_GENERATION,
    protocolType: null,
    protocolName: null,
    leader: NO_MEMBER_ID,
    skipAssignment: false,
    memberId,
    members: [],
  };
}

/** The present generation; its leader is told who else is in it. */
export function joinAnswer(
  group: ClassicGroup,
  member: GroupMember,
  skipAssignment: boolean,
): JoinGroupResponse {
  const { generation, protocolType, protocol, leader } = group;
  const isLeader = leader === member.memberId;
  return {
    errorCode: Errors.NONE,
    generationId: generation,
    protocolType,
    protocolName: protocol,
    leader: leader ?? NO_MEMBER_ID,
    skipAssignment,
    memberId: member.memberId,
    members: isLeader ? membersOf(group) : [],
  };
}

export function syncError(errorCode: ErrorCode): SyncGroupResponse {
  return { errorCode, protocolType: null, protocolName: null, assignment: NO_ASSIGNMENT };
}

export function syncAnswer(group: ClassicGroup, member: GroupMember): SyncGroupResponse {
  const { protocolType, protocol } = group;
  const assignment = member.assignment.slice();
  return { errorCode: Errors.NONE, protocolType, protocolName: protocol, assignment };
}

function membersOf({ members, protocol }: ClassicGroup): JoinGroupResponse["members"] {
  return [...members.values()].map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.instanceId,
    metadata: member.metadata(protocol ?? "").slice(),
  }));
}
