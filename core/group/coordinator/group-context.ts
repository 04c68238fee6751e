/** What the handlers of one coordinator share, and what they give back. */
import type { ErrorCode } from "../../errors.ts";
import type { GroupId, LeaderEpoch, MemberId, Offset, PartitionName } from "../../ids.ts";
import type { Ports } from "../../ports.ts";
import type { BrokerSettings } from "../../settings/broker-settings.ts";
import type { GroupStateName } from "../group-facts.ts";
import type { StoredRecord } from "../records/coordinator-record.ts";
import type { GroupMetadataValue } from "../records/group-metadata.ts";
import type { ClassicGroup } from "./classic-group.ts";
import type { CoordinatorRecord, CoordinatorState } from "./coordinator-state.ts";
import type { CoordinatorTimers } from "./coordinator-timers.ts";
import type { GroupMember } from "./group-member.ts";
import type { GroupRules } from "./group-rules.ts";

export interface GroupContext {
  readonly ports: Ports;
  readonly rules: GroupRules;
  readonly settings: BrokerSettings;
  /** Of `__consumer_offsets`. */
  readonly partition: PartitionName;
  /** In which this broker became the coordinator. */
  readonly leaderEpoch: LeaderEpoch;
  readonly timers: CoordinatorTimers;
  /** With all that was written, committed or not. */
  readonly state: CoordinatorState;
  /** An id that nobody has yet; begins with `prefix`. */
  newMemberId(prefix: string): MemberId;
  /** Does what came due by itself: writes the effect of `operation`. */
  run(operation: () => Effect): void;
  /** Nothing was heard of that member for as long as its session may last. */
  sessionEnded(group: GroupId, member: MemberId): void;
}

/** What a handler wants to be written (CoordinatorResult.java). */
export interface Effect {
  readonly records: readonly CoordinatorRecord[];
  /** They may go into several batches. */
  readonly mayBeSplit?: boolean;
  /** They are in the log, not committed yet. */
  readonly written?: (baseOffset: Offset) => void;
  /** They are committed, or it failed. Called before whoever asked is answered. */
  readonly ended?: (error: ErrorCode | null) => void;
}

export const NO_EFFECT: Effect = Object.freeze({ records: Object.freeze([]) });

/** The group has this state and these assignments now. */
export function groupRecord(
  group: ClassicGroup,
  assignmentOf: (member: GroupMember) => Uint8Array,
): CoordinatorRecord {
  const { protocol } = group;
  const value: GroupMetadataValue = {
    protocolType: group.protocolType ?? "",
    generation: group.generation,
    protocol,
    leader: group.leader,
    currentStateTimestamp: group.stateSinceMs,
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      sessionTimeoutMs: member.sessionTimeoutMs,
      subscription: member.metadata(protocol ?? ""),
      assignment: assignmentOf(member),
    })),
  };
  return { stored: { kind: "group", group: group.groupId, value }, group };
}

/** A group that nobody has joined yet. */
export function newGroupRecord(group: ClassicGroup): CoordinatorRecord {
  const value: GroupMetadataValue = {
    protocolType: "",
    generation: 0,
    protocol: null,
    leader: null,
    currentStateTimestamp: group.stateSinceMs,
    members: [],
  };
  return { stored: { kind: "group", group: group.groupId, value }, group };
}

export function tombstone(stored: StoredRecord): CoordinatorRecord {
  return { stored, group: null };
}

/** Moves a group to its next state, and tells of it. */
export function transition(
  context: GroupContext,
  group: ClassicGroup,
  to: GroupStateName,
  reason: string,
): void {
  const from = group.state;
  group.transitionTo(to, context.ports.clock.wallMs());
  tellState(context, group.groupId, from, to, group.generation, reason);
}

export function tellState(
  { ports, partition, leaderEpoch }: GroupContext,
  group: GroupId,
  from: GroupStateName,
  to: GroupStateName,
  generation: number,
  reason: string,
): void {
  const { probe } = ports;
  if (probe === null) return;
  probe.emit({
    kind: "group-state",
    group,
    partition,
    leaderEpoch,
    from,
    to,
    generation,
    reason,
  });
}
