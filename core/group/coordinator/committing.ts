/** OffsetCommit and OffsetDelete (OffsetMetadataManager.java). */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import { NO_GENERATION, NO_MEMBER_ID } from "../../ids.ts";
import type {
  OffsetCommitRequest,
  OffsetDeleteRequest,
  OffsetDeleteResponse,
} from "../../protocol/group-offsets.ts";
import type { ClassicGroup } from "./classic-group.ts";
import type { CoordinatorRecord } from "./coordinator-state.ts";
import type { GroupContext } from "./group-context.ts";
import { GroupMember } from "./group-member.ts";
import { Removals } from "./removals.ts";
import { resetSession } from "./sessions.ts";

export interface CommitResult {
  readonly records: readonly CoordinatorRecord[];
  /** Of each partition of the request, in its order. */
  readonly errors: readonly ErrorCode[];
}

/** What a commit writes, or why it is refused as a whole. */
export function commit(
  context: GroupContext,
  request: OffsetCommitRequest,
): CommitResult | ErrorCode {
  const group = context.state.groups.get(request.groupId);
  const error =
    group === undefined
      ? errorWithoutGroup(request.generationIdOrMemberEpoch)
      : validate(context, group, request);
  if (error !== Errors.NONE) return error;
  const maxBytes = context.settings["offset.metadata.max.bytes"];
  const commitTimestamp = context.ports.clock.wallMs();
  const records: CoordinatorRecord[] = [];
  const errors: ErrorCode[] = [];
  for (const { name: topic, partitions } of request.topics) {
    for (const { partitionIndex, ...committed } of partitions) {
      const metadata = committed.committedMetadata ?? "";
      // As in Kafka, which counts letters where it says bytes.
      if (metadata.length > maxBytes) {
        errors.push(Errors.OFFSET_METADATA_TOO_LARGE);
        continue;
      }
      errors.push(Errors.NONE);
      const value = {
        offset: committed.committedOffset,
        leaderEpoch: committed.committedLeaderEpoch,
        metadata,
        commitTimestamp,
        expireTimestamp: -1,
      };
      const key = { group: request.groupId, topic, partition: partitionIndex };
      records.push({ stored: { kind: "offset", ...key, value }, group: null });
    }
  }
  return { records, errors };
}

/** Who never joined may commit for a group that there is not; the record makes it. */
function errorWithoutGroup(generation: number): ErrorCode {
  return generation < 0 ? Errors.NONE : Errors.GROUP_ID_NOT_FOUND;
}

function validate(
  context: GroupContext,
  group: ClassicGroup,
  request: OffsetCommitRequest,
): ErrorCode {
  const { rules } = context;
  const { memberId, groupInstanceId, generationIdOrMemberEpoch: generation } = request;
  const namesMember =
    generation > NO_GENERATION || memberId !== NO_MEMBER_ID || groupInstanceId !== null;
  const member = namesMember ? group.find(memberId, groupInstanceId, rules) : null;
  const memberError = typeof member === "number" ? member : Errors.NONE;
  const { state } = group;
  const error = rules.commitError(state, namesMember, memberError, generation, group.generation);
  if (error !== Errors.NONE) return error;
  if (member instanceof GroupMember && rules.commitKeepsSession(state)) {
    resetSession(context, group, member);
  }
  return Errors.NONE;
}

/** What an OffsetDelete writes, or why it is refused as a whole. */
export function deleteOffsets(
  context: GroupContext,
  request: OffsetDeleteRequest,
): { readonly removals: Removals; readonly topics: OffsetDeleteResponse["topics"] } | ErrorCode {
  const { state } = context;
  const group = state.groups.get(request.groupId);
  if (group === undefined || group.state === "Dead") return Errors.GROUP_ID_NOT_FOUND;
  if (group.state !== "Empty" && !group.usesConsumerProtocol) return Errors.NON_EMPTY_GROUP;
  const removals = new Removals(context);
  const topics = request.topics.map(({ name: topic, partitions }) => {
    const isSubscribed = group.isSubscribedTo(topic);
    const errorCode = isSubscribed ? Errors.GROUP_SUBSCRIBED_TO_TOPIC : Errors.NONE;
    for (const { partitionIndex: partition } of partitions) {
      if (isSubscribed || !state.offsets.get(request.groupId, topic, partition)) continue;
      removals.offset(group, topic, partition, "deleted");
    }
    const answers = partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }));
    return { name: topic, partitions: answers };
  });
  return { removals, topics };
}
