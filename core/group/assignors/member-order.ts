import type { AssignorRules } from "./assignor-rules.ts";
import type { GroupIndex } from "./group-index.ts";

/** All members in the order in which range and round robin serve them. */
export function membersInTurn(index: GroupIndex, rules: AssignorRules): number[] {
  const members = index.memberIds.map((id, member) => ({
    id,
    member,
    instanceId: index.subscriptions[member]!.groupInstanceId,
  }));
  members.sort((left, right) =>
    rules.compareMembers(left.id, left.instanceId, right.id, right.instanceId),
  );
  return members.map(({ member }) => member);
}

/** By topic: who wants it, in the given order. */
export function subscribersOf(index: GroupIndex, order: readonly number[]): number[][] {
  const subscribers = index.topics.map((): number[] => []);
  for (const member of order) {
    for (const topic of index.wanted[member]!) subscribers[topic]!.push(member);
  }
  return subscribers;
}
