/**
 * What the leader of a generation does: with every member's subscription and the partitions that there
 * are, the assignor decides who gets what (ConsumerCoordinator.onLeaderElected).
 */
import { assert } from "../../assert.ts";
import type { Ports } from "../../ports.ts";
import type {
  Assignment,
  ClusterView,
  ConsumerPartitionAssignor,
  PartitionView,
  Subscription as MemberSubscription,
  TopicPartition,
} from "../../group/assignors/assignor.ts";
import { ASSIGNOR_NAMES } from "../../group/assignors/assignors.ts";
import { decodeSubscription, encodeAssignment } from "../../group/assignors/consumer-protocol.ts";
import { partitionName } from "../../ids.ts";
import type { MemberId, PartitionName } from "../../ids.ts";
import type { JoinGroupResponse } from "../../protocol/join-group.ts";
import type { ClientMetadata } from "../client-metadata.ts";
import type { LeaderDecision } from "./join-round.ts";
import type { Member } from "./member.ts";
import type { MembershipRules } from "./membership-rules.ts";
import type { Subscription } from "./subscription.ts";
import { exists } from "./subscription.ts";

/** What user code returned, or what it threw. */
export type Attempt<T> = { readonly value: T } | { readonly error: string };

/**
 * Runs code of the user, which may throw: only whoever embeds core can tell that from the death of the
 * process.
 */
export type RunUserCode = <T>(code: () => T) => Attempt<T>;

export interface GroupLeaderOptions {
  readonly rules: MembershipRules;
  readonly member: Member;
  readonly subscription: Subscription;
  readonly metadata: ClientMetadata;
  readonly isCooperative: boolean;
  readonly runUserCode: RunUserCode;
}

type Subscriptions = ReadonlyMap<MemberId, MemberSubscription>;

/** It keeps claims of several generations apart itself, so that its result is not checked. */
const TRUSTED = "cooperative-sticky";

export class GroupLeader {
  readonly #ports: Ports;
  readonly #options: GroupLeaderOptions;
  /** Goes on once metadata that was asked for since `mark` is there. */
  #waiting: { readonly mark: number; readonly then: () => void } | null = null;
  /** Partitions of all topics of the group when it was assigned; null when somebody else leads. */
  #assignedOn: ReadonlyMap<string, number> | null = null;
  #topics: readonly string[] = [];

  constructor(ports: Ports, options: GroupLeaderOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** Partitions as they were when the group was assigned; null for a follower. */
  get assignedOn(): ReadonlyMap<string, number> | null {
    return this.#assignedOn;
  }

  /** A new round begins: nobody leads yet. */
  resign(): void {
    this.#waiting = null;
    this.#assignedOn = null;
  }

  metadataUpdated(): void {
    if (this.#waiting === null) return;
    const { mark, then } = this.#waiting;
    if (!this.#options.metadata.hasAnswered(mark)) return;
    this.#waiting = null;
    then();
  }

  lead(
    assignor: ConsumerPartitionAssignor,
    response: JoinGroupResponse,
    decided: (decision: LeaderDecision) => void,
  ): void {
    const subscriptions = new Map<MemberId, MemberSubscription>();
    for (const { memberId, groupInstanceId, metadata } of response.members) {
      const parsed = decodeSubscription(metadata, groupInstanceId);
      if (parsed.error !== undefined) return decided({ kind: "failed", error: parsed.error });
      subscriptions.set(memberId, parsed.value);
    }
    this.#topics = [...subscriptions.values()].flatMap((one) => one.topics);
    this.#watch(decided, () => {
      if (!response.skipAssignment) return this.#assign(assignor, subscriptions, decided);
      this.#remember();
      decided({ kind: "assigned", assignments: new Map() });
    });
  }

  /** Looks at the topics of the group, and goes on when they are known or known to be missing. */
  #watch(decided: (decision: LeaderDecision) => void, goOn: () => void): void {
    const { subscription, metadata, member } = this.#options;
    const { membership } = member;
    subscription.watch(this.#topics);
    const then = (): void => {
      if (member.membership === membership) goOn();
      else decided({ kind: "failed", error: "the generation is over" });
    };
    this.#waiting = { mark: metadata.mark, then };
    this.metadataUpdated();
  }

  #remember(): void {
    this.#assignedOn = this.#options.subscription.snapshot();
  }

  #assign(
    assignor: ConsumerPartitionAssignor,
    subscriptions: Subscriptions,
    decided: (decision: LeaderDecision) => void,
  ): void {
    const { runUserCode, isCooperative } = this.#options;
    const cluster = this.#clusterView();
    const attempt = runUserCode(() => assignor.assign(cluster, subscriptions));
    if ("error" in attempt) return decided({ kind: "failed", error: attempt.error });
    const assignments = attempt.value;
    if (
      isCooperative &&
      assignor.name !== TRUSTED &&
      this.#movesOwned(subscriptions, assignments)
    ) {
      const error = "the assignor gives a member what another one still owns (ILLEGAL_STATE)";
      return decided({ kind: "failed", error });
    }
    const settle = (): void => {
      this.#remember();
      this.#tell(assignor.name, subscriptions, assignments, cluster);
      const bytes = new Map<MemberId, Uint8Array>();
      for (const [member, assignment] of assignments) {
        bytes.set(member, encodeAssignment(assignment));
      }
      decided({ kind: "assigned", assignments: bytes });
    };
    const strange = this.#strangeTopics(assignor.name, assignments);
    if (strange.length === 0) return settle();
    this.#topics = [...this.#topics, ...strange];
    this.#watch(decided, settle);
  }

  /** Topics that a user's assignor hands out though nobody subscribes to them. */
  #strangeTopics(
    assignor: string,
    assignments: ReadonlyMap<MemberId, Assignment>,
  ): readonly string[] {
    if (ASSIGNOR_NAMES.some((name) => name === assignor)) return [];
    return [...assignments.values()]
      .flatMap(({ partitions }) => partitions.map(({ topic }) => topic))
      .filter((topic) => !this.#topics.includes(topic));
  }

  #movesOwned(
    subscriptions: Subscriptions,
    assignments: ReadonlyMap<MemberId, Assignment>,
  ): boolean {
    const { rules } = this.#options;
    const revoked = new Set<PartitionName>();
    const added: PartitionName[] = [];
    for (const [member, { partitions }] of assignments) {
      const owned = namesOf(subscriptions.get(member)?.ownedPartitions ?? []);
      const given = namesOf(partitions);
      for (const name of owned) if (!given.has(name)) revoked.add(name);
      for (const name of given) if (!owned.has(name)) added.push(name);
    }
    return added.some((name) => !rules.mayAssign(revoked.has(name)));
  }

  #clusterView(): ClusterView {
    const { metadata } = this.#options;
    const topics = new Map<string, readonly PartitionView[]>();
    for (const name of [...new Set(this.#topics)].sort()) {
      const topic = metadata.topic(name);
      if (!exists(topic)) continue;
      const partitions = Array.from({ length: topic.partitionCount }, (_, partition) => {
        return { partition, replicaRacks: [] };
      });
      topics.set(name, partitions);
    }
    return { topics };
  }

  #tell(
    assignor: string,
    subscriptions: Subscriptions,
    assignments: ReadonlyMap<MemberId, Assignment>,
    cluster: ClusterView,
  ): void {
    const { probe } = this.#ports;
    if (probe === null) return;
    const { groupId, membership } = this.#options.member;
    assert(membership.generation >= 0, "who assigns is in a generation");
    probe.emit({
      kind: "assignment-made",
      group: groupId,
      member: membership.memberId,
      generation: membership.generation,
      assignor,
      subscribed: [...subscriptions].map(([member, { topics }]) => ({ member, topics })),
      assigned: [...assignments].map(([member, { partitions }]) => {
        return { member, partitions: [...namesOf(partitions)] };
      }),
      partitions: [...cluster.topics].flatMap(([topic, partitions]) =>
        partitions.map(({ partition }) => partitionName(topic, partition)),
      ),
    });
  }
}

function namesOf(partitions: readonly TopicPartition[]): ReadonlySet<PartitionName> {
  return new Set(partitions.map(({ topic, partition }) => partitionName(topic, partition)));
}
