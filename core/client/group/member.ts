/**
 * A consumer's place in its group: member id, generation, and how far it is with joining
 * (AbstractCoordinator.java). What becomes of it when the coordinator refuses it is decided here.
 *
 * Differs from Kafka: whoever is told FENCED_INSTANCE_ID by a join, a sync or a commit loses its
 * generation, and so its partitions, at once, and not only when a heartbeat is told the same. Its member
 * id is kept by joins and syncs, so that they go on failing.
 */
import type { FactOf } from "../../facts.ts";
import type { Generation, GroupId, InstanceId, MemberId } from "../../ids.ts";
import { NO_GENERATION, NO_MEMBER_ID } from "../../ids.ts";
import type { Ports } from "../../ports.ts";
import type { MembershipRules } from "./membership-rules.ts";

export type MemberState =
  /** In no group, as far as it knows. */
  | "unjoined"
  /** It asked to join and waits for the answer. */
  | "preparing"
  /** It is in a generation and waits for its assignment. */
  | "completing"
  | "stable";

/** What a request was sent with; replaced as a whole, never changed. */
export interface Membership {
  readonly generation: Generation;
  readonly memberId: MemberId;
  /** The assignor of the generation. */
  readonly protocol: string | null;
}

const NO_MEMBERSHIP: Membership = {
  generation: NO_GENERATION,
  memberId: NO_MEMBER_ID,
  protocol: null,
};

export class Member {
  readonly groupId: GroupId;
  /** Null for a dynamic member. */
  readonly instanceId: InstanceId | null;
  readonly #ports: Ports;
  readonly #rules: MembershipRules;
  state: MemberState = "unjoined";
  membership: Membership = NO_MEMBERSHIP;
  /** Who leads the generation; null while it is in none. */
  leader: MemberId | null = null;
  /** It has to join (again), for this reason; null when there is none. */
  rejoinReason: string | null = "";
  /** What is owned has to be looked at before the next join. */
  needsPrepare = true;

  constructor(
    ports: Ports,
    rules: MembershipRules,
    groupId: GroupId,
    instanceId: InstanceId | null,
  ) {
    this.#ports = ports;
    this.#rules = rules;
    this.groupId = groupId;
    this.instanceId = instanceId;
  }

  /** It is in a generation, with or without an assignment. */
  get hasJoined(): boolean {
    return this.state === "completing" || this.state === "stable";
  }

  get isRebalancing(): boolean {
    return this.state === "preparing" || this.state === "completing";
  }

  /** Whatever it owns may be owned by others. */
  get isLost(): boolean {
    return this.#rules.isLost(this.membership.generation, this.membership.memberId);
  }

  /** The generation in which it may commit and read commits; NO_GENERATION between two. */
  get stableGeneration(): Generation {
    return this.state === "stable" ? this.membership.generation : NO_GENERATION;
  }

  /** What every request of a member carries. */
  get identity(): {
    readonly groupId: GroupId;
    readonly generationId: Generation;
    readonly memberId: MemberId;
    readonly groupInstanceId: InstanceId | null;
  } {
    const { generation, memberId } = this.membership;
    const { groupId, instanceId } = this;
    return { groupId, generationId: generation, memberId, groupInstanceId: instanceId };
  }

  requestRejoin(reason: string): void {
    this.rejoinReason = reason;
  }

  /** A member id to join again with (KIP-394). */
  takeId(memberId: MemberId): void {
    this.membership = { ...NO_MEMBERSHIP, memberId };
    this.requestRejoin("a member id was required");
  }

  join(membership: Membership, leader: MemberId): void {
    this.state = "completing";
    this.membership = membership;
    this.leader = leader;
    const { probe } = this.#ports;
    if (probe === null) return;
    const { generation, memberId, protocol } = membership;
    probe.emit({
      kind: "member-joined",
      group: this.groupId,
      member: memberId,
      instance: this.instanceId,
      generation,
      protocol: protocol ?? "",
      isLeader: leader === memberId,
    });
  }

  /** Its assignment has come. */
  settle(): void {
    this.state = "stable";
    this.rejoinReason = null;
  }

  /** The coordinator does not know it, its generation or its instance any more. */
  fence(error: number, where: string, keepsMemberId: boolean): void {
    const { probe } = this.#ports;
    if (probe !== null) {
      const { generation, memberId } = this.membership;
      probe.emit({
        kind: "member-fenced",
        group: this.groupId,
        member: memberId,
        instance: this.instanceId,
        generation,
        error,
      });
    }
    this.reset(`refused by ${where}`, keepsMemberId);
  }

  /** Applies the rule for an error; `where` names the request. */
  fenceBy(error: number, where: string): void {
    const reset = this.#rules.resetOn(error);
    if (reset !== "nothing") this.fence(error, where, reset === "generation");
  }

  /** It left, or has to be taken for gone. */
  left(why: FactOf<"member-left">["why"], isTold: boolean): void {
    const { probe } = this.#ports;
    const { generation, memberId } = this.membership;
    if (probe !== null && memberId !== NO_MEMBER_ID) {
      probe.emit({
        kind: "member-left",
        group: this.groupId,
        member: memberId,
        instance: this.instanceId,
        generation,
        why,
        told: isTold,
      });
    }
  }

  /** It is in no generation any more and has to join again. */
  reset(reason: string, keepsMemberId: boolean): void {
    const { memberId } = this.membership;
    this.state = "unjoined";
    this.leader = null;
    this.membership = keepsMemberId ? { ...NO_MEMBERSHIP, memberId } : NO_MEMBERSHIP;
    this.requestRejoin(reason);
    this.needsPrepare = true;
  }
}
