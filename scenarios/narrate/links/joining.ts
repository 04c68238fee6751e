/** From members that join to partitions with one owner each. */
import { ApiKeys } from "../../../core/protocol/message.ts";
import { indexOf, topicOf } from "../partition-names.ts";
import type { Chain } from "../step.ts";
import { chain, demand, need } from "../step.ts";
import type { Answered, Asked, Told, Trace } from "../trace.ts";

export interface Group {
  readonly id: string;
  readonly generation: number;
  readonly coordinator: string;
  readonly assignor: string;
  /** The member that made the assignment. */
  readonly leader: string;
  /** In the order of the plan. */
  readonly members: readonly Joined[];
  readonly started: Told<"generation-started">;
  readonly made: Told<"assignment-made">;
}

export interface Joined {
  readonly node: string;
  readonly join: Asked<typeof ApiKeys.JOIN_GROUP>;
  readonly joinAnswer: Answered<typeof ApiKeys.JOIN_GROUP>;
  readonly joined: Told<"member-joined">;
  readonly sync: Asked<typeof ApiKeys.SYNC_GROUP>;
  readonly syncAnswer: Answered<typeof ApiKeys.SYNC_GROUP>;
  readonly assigned: Told<"partitions-assigned">;
  /** Numbers of the topic's partitions that it owns. */
  readonly partitions: readonly number[];
}

/** The last generation of the plan's group, with all its members in it, and what each of them owns. */
export function joinedGroup(trace: Trace, topic: string): Group {
  const names = trace.plan.clients.filter(({ kind }) => kind === "member").map(({ id }) => id);
  const started = need(
    trace.told("generation-started", ({ fact }) => fact.members.length > 0).at(-1),
    () => "no generation of a group ever started",
  );
  const { generation, group, protocol } = started.fact;
  const members = names.map((node) => joined(trace, node, generation, topic));
  const inOther = members.find(({ join }) => join.node !== started.node);
  demand(inOther === undefined, () => `${inOther?.node} joined at ${inOther?.join.node}`);
  const made = need(
    trace.told("assignment-made", ({ fact }) => fact.generation === generation).at(-1),
    () => `nobody assigned the partitions of generation ${generation}`,
  );
  return {
    id: group,
    generation,
    coordinator: started.node,
    assignor: protocol ?? "",
    leader: made.node,
    members,
    started,
    made,
  };
}

function joined(trace: Trace, node: string, generation: number, topic: string): Joined {
  const [told] = trace.told(
    "member-joined",
    (one) => one.node === node && one.fact.generation === generation,
  );
  const entered = need(told, () => `${node} did not join generation ${generation}`);
  const { member } = entered.fact;
  const [join, joinAnswer] = need(
    trace
      .exchanges(ApiKeys.JOIN_GROUP, node)
      .findLast(([, { id, answers }]) => id < entered.id && answers.generationId === generation),
    () => `nobody let ${node} join generation ${generation}`,
  );
  const [assigned] = trace.told(
    "partitions-assigned",
    (one) => one.node === node && one.fact.generation === generation,
  );
  const owns = need(assigned, () => `${node} was assigned nothing in generation ${generation}`);
  const [sync, syncAnswer] = need(
    trace
      .exchanges(ApiKeys.SYNC_GROUP, node)
      .findLast(
        ([{ asks }, { id, answers }]) =>
          id < owns.id &&
          answers.errorCode === 0 &&
          asks.generationId === generation &&
          asks.memberId === member,
      ),
    () => `${node} was told no assignment of generation ${generation}`,
  );
  const partitions = owns.fact.owned.filter((name) => topicOf(name) === topic).map(indexOf);
  return { node, join, joinAnswer, joined: entered, sync, syncAnswer, assigned: owns, partitions };
}

/** The one member that owns the partition. */
export function ownerOf({ members, generation }: Group, partition: number): Joined {
  const owners = members.filter(({ partitions }) => partitions.includes(partition));
  demand(owners.length === 1, () => {
    const names = owners.map(({ node }) => node).join(" and ") || "nobody";
    return `partition ${partition} is owned by ${names} in generation ${generation}`;
  });
  return owners[0] as Joined;
}

/**
 * From each member's JoinGroup to what it owns, the leader's first. The answer to a SyncGroup waits for that
 * of the leader, which brings the assignment.
 */
export function groupChains({ members, started, made, leader }: Group): Chain[] {
  const lead = need(
    members.find(({ node }) => node === leader),
    () => `${leader} assigned partitions and is no member`,
  );
  const { join, joinAnswer, joined: entered, sync, syncAnswer, assigned } = lead;
  const others = members.filter((member) => member !== lead);
  return [
    chain(join, started, joinAnswer, entered, made, sync, syncAnswer, assigned),
    ...others.map((one): Chain => {
      const last = one.sync.id > sync.id ? one.sync : sync;
      return [
        { entry: one.join, cause: null },
        { entry: one.joinAnswer, cause: started },
        ...chain(one.joinAnswer, one.joined, one.sync).slice(1),
        { entry: one.syncAnswer, cause: last },
        { entry: one.assigned, cause: one.syncAnswer },
      ];
    }),
  ];
}
