/** What is told of the members of a group. */
import type { InstanceId, MemberId } from "../../ids.ts";
import type { MemberRemoval } from "../group-facts.ts";
import type { ClassicGroup } from "./classic-group.ts";
import type { GroupContext } from "./group-context.ts";
import type { GroupMember } from "./group-member.ts";

export function tellAdded(
  { ports, leaderEpoch }: GroupContext,
  group: ClassicGroup,
  member: GroupMember,
  replaces: MemberId | null,
): void {
  const { probe } = ports;
  if (probe === null) return;
  probe.emit({
    kind: "group-member-added",
    group: group.groupId,
    leaderEpoch,
    member: member.memberId,
    instance: member.instanceId,
    replaces,
    client: member.clientId,
  });
}

export function tellRemoved(
  { ports, leaderEpoch }: GroupContext,
  group: ClassicGroup,
  member: MemberId,
  instance: InstanceId | null,
  why: MemberRemoval,
): void {
  const { probe } = ports;
  if (probe === null) return;
  const { groupId } = group;
  probe.emit({ kind: "group-member-removed", group: groupId, leaderEpoch, member, instance, why });
}
