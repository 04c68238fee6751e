/** ListGroups, DescribeGroups and DeleteGroups (GroupMetadataManager.java, GroupCoordinatorShard.java). */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { GroupId } from "../../ids.ts";
import type {
  DescribeGroupsResponse,
  ListGroupsRequest,
  ListGroupsResponse,
} from "../../protocol/group-admin.ts";
import type { CoordinatorState } from "./coordinator-state.ts";
import type { GroupContext } from "./group-context.ts";
import type { GroupMember } from "./group-member.ts";
import { NO_ASSIGNMENT } from "./group-member.ts";
import { Removals } from "./removals.ts";

const CLASSIC = "classic";

export function listGroups(
  { groups }: CoordinatorState,
  { statesFilter, typesFilter }: ListGroupsRequest,
): ListGroupsResponse["groups"] {
  const states = statesFilter.map((name) => name.trim().toLowerCase());
  const types = typesFilter.map((name) => name.trim().toLowerCase());
  if (types.length > 0 && !types.includes(CLASSIC)) return [];
  return [...groups.values()]
    .filter(({ state }) => states.length === 0 || states.includes(state.toLowerCase()))
    .map(({ groupId, protocolType, state }) => ({
      groupId,
      protocolType: protocolType ?? "",
      groupState: state,
      groupType: CLASSIC,
    }));
}

type Described = DescribeGroupsResponse["groups"][number];

export function describeGroup({ groups }: CoordinatorState, groupId: GroupId): Described {
  const group = groups.get(groupId);
  if (group === undefined) {
    const errorMessage = `Group ${groupId} not found.`;
    const described = undescribed(groupId, Errors.GROUP_ID_NOT_FOUND);
    return { ...described, errorMessage, groupState: "Dead" };
  }
  const { state, protocolType } = group;
  const protocol = state === "Stable" ? group.protocol : null;
  return {
    errorCode: Errors.NONE,
    errorMessage: null,
    groupId,
    groupState: state,
    protocolType: protocolType ?? "",
    protocolData: protocol ?? "",
    members: [...group.members.values()].map((member) => describeMember(member, protocol)),
  };
}

export function undescribed(groupId: GroupId, errorCode: ErrorCode): Described {
  return {
    errorCode,
    errorMessage: null,
    groupId,
    groupState: "",
    protocolType: "",
    protocolData: "",
    members: [],
  };
}

function describeMember(
  member: GroupMember,
  protocol: string | null,
): Described["members"][number] {
  return {
    memberId: member.memberId,
    groupInstanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    memberMetadata: protocol === null ? NO_ASSIGNMENT : member.metadata(protocol).slice(),
    memberAssignment: member.assignment.slice(),
  };
}

/** What deleting groups writes: nothing of those that may not be deleted. */
export function deleteGroups(
  context: GroupContext,
  groupIds: readonly GroupId[],
): { readonly removals: Removals; readonly errors: readonly ErrorCode[] } {
  const { groups, offsets } = context.state;
  const removals = new Removals(context);
  const errors = groupIds.map((groupId): ErrorCode => {
    const group = groups.get(groupId);
    if (group === undefined || group.state === "Dead") return Errors.GROUP_ID_NOT_FOUND;
    if (group.state !== "Empty") return Errors.NON_EMPTY_GROUP;
    for (const [topic, partitions] of offsets.of(groupId) ?? []) {
      for (const partition of partitions.keys()) {
        removals.offset(group, topic, partition, "group-deleted");
      }
    }
    removals.group(group, "group-deleted");
    return Errors.NONE;
  });
  return { removals, errors };
}
