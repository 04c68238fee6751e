/**
 * A group of the classic protocol (ClassicGroup.java): its members, its state and its generation.
 * What moves it from one state to the next is in `join-phase.ts` and its neighbours.
 *
 *   Empty                a first member joins                    -> PreparingRebalance
 *   PreparingRebalance   all have joined, or time is up          -> CompletingRebalance
 *                        and nobody is left                      -> Empty
 *   CompletingRebalance  the leader's assignment is committed    -> Stable
 *                        somebody joins, leaves or is gone       -> PreparingRebalance
 *   Stable               somebody joins, leaves or is gone       -> PreparingRebalance
 *   Dead                 its coordinator is elsewhere, or the group was deleted
 *
 * Differs from Kafka: of assignors with the same number of votes the one that was voted for first is
 * chosen; in Kafka the order of a hash table decides.
 */
import { assert } from "../../assert.ts";
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { Generation, GroupId, InstanceId, MemberId } from "../../ids.ts";
import type { JoinGroupProtocol } from "../../protocol/join-group.ts";
import type { GroupStateName } from "../group-facts.ts";
import type { GroupMetadataValue } from "../records/group-metadata.ts";
import { GroupMember } from "./group-member.ts";
import { CONSUMER_PROTOCOL_TYPE, subscribedTopics } from "./subscribed-topics.ts";

const MAY_COME_FROM: Readonly<Record<GroupStateName, readonly GroupStateName[]>> = {
  Empty: ["PreparingRebalance"],
  PreparingRebalance: ["Stable", "CompletingRebalance", "Empty"],
  CompletingRebalance: ["PreparingRebalance"],
  Stable: ["CompletingRebalance"],
  Dead: ["Stable", "PreparingRebalance", "CompletingRebalance", "Empty", "Dead"],
};

export class ClassicGroup {
  readonly groupId: GroupId;
  state: GroupStateName = "Empty";
  previousState: GroupStateName = "Dead";
  /** Wall clock, in ms; -1 when not known. */
  stateSinceMs: number;
  generation: Generation = 0;
  /** Null until somebody joins. */
  protocolType: string | null = null;
  /** The assignor of this generation. */
  protocol: string | null = null;
  leader: MemberId | null = null;
  /** In the order in which they came. */
  readonly members: Map<MemberId, GroupMember> = new Map();
  readonly staticMembers: Map<InstanceId, MemberId> = new Map();
  /** They were given an id and have not joined with it yet (KIP-394). */
  readonly pendingJoin: Set<MemberId> = new Set();
  /**
   * Members of this generation that did not ask for their assignment yet. As in Kafka, the id of a
   * static member that was replaced meanwhile stays, and costs the group a rebalance.
   */
  readonly pendingSync: Set<MemberId> = new Set();
  /** Since the first join phase began, or was extended. */
  hasNewMember = false;
  /** Of the last generation; null when that is not known. */
  subscriptions: ReadonlySet<string> | null = null;
  #awaitingJoin = 0;
  /** How many members know an assignor. */
  readonly #supporters: Map<string, number> = new Map();

  constructor(groupId: GroupId, stateSinceMs: number) {
    this.groupId = groupId;
    this.stateSinceMs = stateSinceMs;
  }

  /** The group as its last record has it. */
  static fromRecord(groupId: GroupId, value: GroupMetadataValue): ClassicGroup {
    const group = new ClassicGroup(groupId, value.currentStateTimestamp);
    group.state = value.members.length === 0 ? "Empty" : "Stable";
    group.generation = value.generation;
    group.protocolType = value.protocolType === "" ? null : value.protocolType;
    group.protocol = value.protocol;
    group.leader = value.leader;
    for (const member of value.members) {
      const { memberId, groupInstanceId, subscription } = member;
      const protocols = [{ name: value.protocol ?? "", metadata: subscription }];
      group.add(new GroupMember({ ...member, memberId, instanceId: groupInstanceId, protocols }));
    }
    group.updateSubscriptions();
    return group;
  }

  get awaitingJoin(): number {
    return this.#awaitingJoin;
  }

  get usesConsumerProtocol(): boolean {
    return this.protocolType === CONSUMER_PROTOCOL_TYPE;
  }

  /** The longest of its members; it is walked once in a join phase. */
  get rebalanceTimeoutMs(): number {
    let longest = 0;
    for (const { rebalanceTimeoutMs } of this.members.values()) {
      longest = Math.max(longest, rebalanceTimeoutMs);
    }
    return longest;
  }

  isSubscribedTo(topic: string): boolean {
    return this.subscriptions?.has(topic) ?? this.usesConsumerProtocol;
  }

  mayGoTo(state: GroupStateName): boolean {
    return MAY_COME_FROM[state].includes(this.state);
  }

  transitionTo(state: GroupStateName, nowMs: number): void {
    assert(this.mayGoTo(state), `group ${this.groupId} goes from ${this.state} to ${state}`);
    this.previousState = this.state;
    this.state = state;
    this.stateSinceMs = nowMs;
  }

  // ---- members ------------------------------------------------------------------------------------

  /** A member of the group's protocol type that knows an assignor which all others know. */
  add(member: GroupMember): void {
    const { memberId, instanceId } = member;
    assert(!this.members.has(memberId), `member ${memberId} is in group ${this.groupId} already`);
    if (instanceId !== null) {
      assert(!this.staticMembers.has(instanceId), `instance ${instanceId} is a member already`);
      this.staticMembers.set(instanceId, memberId);
    }
    this.leader ??= memberId;
    this.members.set(memberId, member);
    this.#countProtocols(member.protocols, 1);
    if (member.awaitingJoin !== null) this.#awaitingJoin += 1;
    this.pendingJoin.delete(memberId);
  }

  /** Takes out a member or a pending one; what it waits for has been answered. */
  remove(memberId: MemberId): void {
    const member = this.members.get(memberId);
    if (member !== undefined) {
      this.members.delete(memberId);
      this.#countProtocols(member.protocols, -1);
      if (member.awaitingJoin !== null) this.#awaitingJoin -= 1;
      if (member.instanceId !== null) this.staticMembers.delete(member.instanceId);
    }
    if (this.leader === memberId) this.leader = this.#anyMember();
    this.pendingJoin.delete(memberId);
    this.pendingSync.delete(memberId);
  }

  /** Gives the place of a static member to a new id; nobody waits at the old one any more. */
  replace(old: GroupMember, memberId: MemberId): GroupMember {
    assert(this.members.get(old.memberId) === old, `member ${old.memberId} is in the group`);
    assert(old.instanceId !== null, "only static members are replaced");
    assert(old.awaitingJoin === null && old.awaitingSync === null, "the old member waits no more");
    const member = new GroupMember({ ...old, memberId, instanceId: old.instanceId });
    this.members.delete(old.memberId);
    this.members.set(memberId, member);
    this.staticMembers.set(old.instanceId, memberId);
    if (this.leader === old.memberId) this.leader = memberId;
    return member;
  }

  /** What a member said with its Join. `awaitingJoin` null: it does not wait. */
  update(
    member: GroupMember,
    protocols: readonly JoinGroupProtocol[],
    rebalanceTimeoutMs: number,
    sessionTimeoutMs: number,
    awaitingJoin: GroupMember["awaitingJoin"],
  ): void {
    this.#countProtocols(member.protocols, -1);
    this.#countProtocols(protocols, 1);
    member.protocols = protocols;
    member.rebalanceTimeoutMs = rebalanceTimeoutMs;
    member.sessionTimeoutMs = sessionTimeoutMs;
    this.setAwaitingJoin(member, awaitingJoin);
  }

  setAwaitingJoin(member: GroupMember, answer: GroupMember["awaitingJoin"]): void {
    if (member.awaitingJoin !== null) this.#awaitingJoin -= 1;
    if (answer !== null) this.#awaitingJoin += 1;
    member.awaitingJoin = answer;
  }

  /** Whether a member may come that knows these assignors. */
  supports(protocolType: string, protocols: readonly JoinGroupProtocol[]): boolean {
    if (this.state === "Empty") return protocolType !== "" && protocols.length > 0;
    return (
      this.protocolType === protocolType &&
      protocols.some(({ name }) => (this.#supporters.get(name) ?? 0) === this.members.size)
    );
  }

  /** UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID, or the member that is meant. */
  find(
    memberId: MemberId,
    instanceId: InstanceId | null,
    rules: { instanceError(given: MemberId, current: MemberId): ErrorCode },
  ): GroupMember | ErrorCode {
    let wanted = memberId;
    if (instanceId !== null) {
      const current = this.staticMembers.get(instanceId);
      if (current === undefined) return Errors.UNKNOWN_MEMBER_ID;
      const error = rules.instanceError(memberId, current);
      if (error !== Errors.NONE) return error;
      wanted = current;
    }
    return this.members.get(wanted) ?? Errors.UNKNOWN_MEMBER_ID;
  }

  // ---- generations --------------------------------------------------------------------------------

  /** A leader that did not join is replaced by one that did; false when nobody did. */
  electJoinedLeader(): boolean {
    if (this.leader === null) return false;
    if (this.members.get(this.leader)?.awaitingJoin != null) return true;
    for (const member of this.members.values()) {
      if (member.awaitingJoin === null) continue;
      this.leader = member.memberId;
      return true;
    }
    return false;
  }

  /** The join phase is over: its members are a generation, or nobody is left. */
  nextGeneration(nowMs: number): void {
    this.generation += 1;
    this.protocol = this.members.size > 0 ? this.selectProtocol() : null;
    this.updateSubscriptions();
    this.transitionTo(this.members.size > 0 ? "CompletingRebalance" : "Empty", nowMs);
    this.pendingSync.clear();
  }

  /** The assignor that most members like best, among those that all of them know. */
  selectProtocol(): string {
    const candidates = new Set<string>();
    for (const [name, count] of this.#supporters) {
      if (count === this.members.size) candidates.add(name);
    }
    const votes = new Map<string, number>();
    for (const member of this.members.values()) {
      const name = member.vote(candidates);
      votes.set(name, (votes.get(name) ?? 0) + 1);
    }
    let chosen: string | null = null;
    let most = 0;
    for (const [name, count] of votes) {
      if (count <= most) continue;
      chosen = name;
      most = count;
    }
    assert(chosen !== null, `group ${this.groupId} has members that vote`);
    return chosen;
  }

  /** Takes over what the members of this generation subscribe to. */
  updateSubscriptions(): void {
    this.subscriptions = this.#computeSubscriptions();
  }

  assertInvariants(): void {
    let awaiting = 0;
    for (const [memberId, { awaitingJoin, instanceId }] of this.members) {
      if (awaitingJoin !== null) awaiting += 1;
      if (instanceId !== null) assert(this.staticMembers.get(instanceId) === memberId, memberId);
    }
    assert(
      awaiting === this.#awaitingJoin,
      `${awaiting} members wait for the end of the join phase`,
    );
    const isLed = this.leader === null || this.members.has(this.leader);
    assert(isLed, `leader ${this.leader} of group ${this.groupId} is a member`);
    for (const id of this.pendingJoin) assert(!this.members.has(id), `${id} is no pending member`);
    if (this.state === "Empty") assert(this.members.size === 0, `${this.groupId} is empty`);
  }

  #computeSubscriptions(): ReadonlySet<string> | null {
    if (!this.usesConsumerProtocol) return null;
    if (this.members.size === 0) return new Set();
    const { protocol } = this;
    if (protocol === null) return null;
    return subscribedTopics([...this.members.values()].map((member) => member.metadata(protocol)));
  }

  #anyMember(): MemberId | null {
    for (const memberId of this.members.keys()) return memberId;
    return null;
  }

  #countProtocols(protocols: readonly JoinGroupProtocol[], by: number): void {
    for (const { name } of protocols) {
      this.#supporters.set(name, (this.#supporters.get(name) ?? 0) + by);
    }
  }
}
