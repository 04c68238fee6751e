/** Parts that plans with groups share: members, and settings that make half a minute eventful for them. */
import { OFFSETS_TOPIC } from "../../core/ids.ts";
import { partitionOfGroup } from "../../core/group/partition-of-group.ts";
import type { MemberPlan, MembershipOperation, Operation, SettingValues } from "../plan/plan.ts";
import type { Draw } from "./draw.ts";

/** The group of plans with one. */
export const GROUP = "workers";

export type Member = Partial<Omit<MemberPlan, "id" | "kind" | "settings">>;

/** Reads "orders" from the beginning, and commits each time it has worked on what it was given. */
export function member(id: string, settings: SettingValues, own: Member = {}): MemberPlan {
  return {
    id,
    kind: "member",
    settings: { "group.id": GROUP, "auto.offset.reset": "earliest", ...settings },
    subscribe: { topics: ["orders"] },
    workUs: 0,
    commit: settings["enable.auto.commit"] === false ? "sync" : "none",
    handOff: false,
    closed: false,
    ...own,
  };
}

/** m1, m2 ... */
export function memberNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `m${index + 1}`);
}

/** Settings of the brokers. */
export function drawCoordinatorSettings(draw: Draw): Record<string, number> {
  return {
    "offsets.topic.num.partitions": draw.pick([1, 2, 3, 5]),
    "offsets.topic.replication.factor": 3,
    "group.initial.rebalance.delay.ms": draw.pick([0, 100, 500]),
    // Sessions of members are a tenth of what is usual.
    "group.min.session.timeout.ms": 1000,
  };
}

export type DrawnMemberSettings = {
  readonly "session.timeout.ms": number;
  readonly "heartbeat.interval.ms": number;
  readonly "enable.auto.commit": boolean;
};

/** Settings of the members, the same for all of them. */
export function drawMemberSettings(draw: Draw): DrawnMemberSettings {
  return {
    "session.timeout.ms": draw.pick([3000, 4000, 6000]),
    "heartbeat.interval.ms": draw.pick([500, 1000]),
    "enable.auto.commit": false,
  };
}

/** The partition of `__consumer_offsets` that keeps the group: its leader coordinates it. */
export function homeOf(group: string, settings: SettingValues): string {
  const partitions = Number(settings["offsets.topic.num.partitions"]);
  return `${OFFSETS_TOPIC}-${partitionOfGroup(group, partitions)}`;
}

export function join(client: string, at: number): MembershipOperation {
  return { id: `${client}-joins-${at}`, at, client, op: "open-consumer" };
}

/** It leaves in order, and comes back. */
export function leave(client: string, at: number, forUs: number): Operation[] {
  return [
    { id: `${client}-leaves-${at}`, at, client, op: "close-consumer" },
    join(client, at + forUs),
  ];
}

/** Its program does something else instead of polling. */
export function stall(client: string, at: number, forUs: number): Operation[] {
  return [
    { id: `${client}-stalls-${at}`, at, client, op: "pause-polling" },
    { id: `${client}-polls-${at}`, at: at + forUs, client, op: "resume-polling" },
  ];
}
