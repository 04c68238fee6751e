/** SyncGroup (classicGroupSync in GroupMetadataManager.java). */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { MemberId } from "../../ids.ts";
import type { SyncGroupRequest } from "../../protocol/sync-group.ts";
import { syncAnswer, syncError } from "./answers.ts";
import { applyAssignments, resetAssignments } from "./assignments.ts";
import type { ClassicGroup } from "./classic-group.ts";
import { appendErrorToAnswer } from "./coordinator-errors.ts";
import type { Effect, GroupContext } from "./group-context.ts";
import { groupRecord, NO_EFFECT, transition } from "./group-context.ts";
import type { GroupMember, SyncAnswer } from "./group-member.ts";
import { NO_ASSIGNMENT } from "./group-member.ts";
import { notePendingSync, rebalance } from "./join-phase.ts";

export function sync(context: GroupContext, request: SyncGroupRequest, answer: SyncAnswer): Effect {
  const group = context.state.groups.get(request.groupId);
  if (group === undefined || group.state === "Empty") {
    answer(syncError(Errors.UNKNOWN_MEMBER_ID));
    return NO_EFFECT;
  }
  const member = memberOf(context, group, request);
  if (typeof member === "number") {
    answer(syncError(member));
    return NO_EFFECT;
  }
  switch (group.state) {
    case "PreparingRebalance":
      answer(syncError(Errors.REBALANCE_IN_PROGRESS));
      return NO_EFFECT;
    case "Stable":
      notePendingSync(context, group, member.memberId);
      answer(syncAnswer(group, member));
      return NO_EFFECT;
    case "CompletingRebalance":
      member.awaitingSync = answer;
      notePendingSync(context, group, member.memberId);
      return group.leader === member.memberId ? store(context, group, request) : NO_EFFECT;
    case "Dead":
      answer(syncError(Errors.COORDINATOR_NOT_AVAILABLE));
      return NO_EFFECT;
  }
}

/** The member that asks, or why it may not. */
function memberOf(
  { rules }: GroupContext,
  group: ClassicGroup,
  request: SyncGroupRequest,
): GroupMember | ErrorCode {
  if (group.state === "Dead") return Errors.COORDINATOR_NOT_AVAILABLE;
  const member = group.find(request.memberId, request.groupInstanceId, rules);
  if (typeof member === "number") return member;
  const error = rules.generationError(request.generationId, group.generation);
  if (error !== Errors.NONE) return error;
  const isConsistent =
    areConsistent(request.protocolType, group.protocolType) &&
    areConsistent(request.protocolName, group.protocol);
  return isConsistent ? member : Errors.INCONSISTENT_GROUP_PROTOCOL;
}

function areConsistent(given: string | null, known: string | null): boolean {
  return given === null || known === null || given === known;
}

/** The leader has decided: the generation is written, and then all who wait are told. */
function store(context: GroupContext, group: ClassicGroup, request: SyncGroupRequest): Effect {
  const assignments = new Map<MemberId, Uint8Array>();
  for (const { memberId, assignment } of request.assignments) assignments.set(memberId, assignment);
  const { generationId } = request;
  return {
    records: [groupRecord(group, ({ memberId }) => assignments.get(memberId) ?? NO_ASSIGNMENT)],
    ended: (error) => {
      if (!context.rules.appliesAssignment(group.state, generationId, group.generation)) return;
      if (error === null) {
        applyAssignments(context, group, assignments);
        transition(context, group, "Stable", "the assignment is committed");
        return;
      }
      resetAssignments(context, group, appendErrorToAnswer(error));
      // Nobody waits at a Join, so that this writes nothing.
      rebalance(context, group, "the assignment was not written");
    },
  };
}
