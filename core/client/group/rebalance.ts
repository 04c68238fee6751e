/**
 * What a rebalance does to what a member owns: what it commits and gives up before it joins, and what it
 * takes when the assignment is there (ConsumerCoordinator.onJoinPrepare, onJoinComplete, onLeavePrepare).
 */
import type { Ports } from "../../ports.ts";
import type { PartitionName } from "../../ids.ts";
import type { ConsumerPartitionAssignor, TopicPartition } from "../../group/assignors/assignor.ts";
import { decodeAssignment } from "../../group/assignors/consumer-protocol.ts";
import type { ConsumerSettings } from "../../settings/client-settings.ts";
import type { AssignedPartitions } from "../assigned-partitions.ts";
import type { ClientMetadata, PartitionMetadata } from "../client-metadata.ts";
import type { AutoCommit } from "./auto-commit.ts";
import type { RunUserCode } from "./group-leader.ts";
import type { Member, Membership } from "./member.ts";
import type { MembershipRules } from "./membership-rules.ts";
import type { CommitResult, OffsetCommits } from "./offset-commits.ts";
import type { ListenerCalls } from "./rebalance-listener.ts";
import type { Subscription } from "./subscription.ts";

export interface RebalanceOptions {
  readonly settings: ConsumerSettings;
  readonly rules: MembershipRules;
  readonly member: Member;
  readonly subscription: Subscription;
  readonly partitions: AssignedPartitions;
  readonly metadata: ClientMetadata;
  readonly listeners: ListenerCalls;
  readonly commits: OffsetCommits;
  readonly autoCommit: AutoCommit;
  readonly isCooperative: boolean;
  readonly runUserCode: RunUserCode;
  readonly onError: (error: string) => void;
  /** An error that every poll is to tell. */
  readonly onStuck: (error: string) => void;
  /** The rebalance is to be looked at again at that time. */
  readonly wakeAt: (atMs: number) => void;
}

/** The commit before a join. */
interface Preparation {
  readonly sinceMs: number;
  isCommitting: boolean;
  result: CommitResult | null;
  retryAtMs: number;
}

export class Rebalance {
  readonly #ports: Ports;
  readonly #options: RebalanceOptions;
  #preparation: Preparation | null = null;
  /** As which member it owns what it owns. */
  #owner: Membership | null = null;

  constructor(ports: Ports, options: RebalanceOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  // ---- before the join ------------------------------------------------------------------------

  /**
   * Gets ready to join: commits, and gives up what the protocol says, after the listener was told.
   * Calls `prepared`, now or later; false while the commit is waited for, and this is to be called again.
   */
  prepare(nowMs: number, prepared: () => void): boolean {
    if (!this.#hasCommitted(nowMs)) return false;
    this.#preparation = null;
    const { rules, member, subscription, partitions, isCooperative } = this.#options;
    const surrender = rules.surrender(isCooperative, member.isLost);
    if (surrender === "lose-all") {
      this.loseAll(prepared);
    } else if (surrender === "revoke-all") {
      this.#giveUp("revoked", [...partitions.owned].map(metadataOf), prepared);
    } else {
      partitions.markRevoking(false);
      const unsubscribed = [...partitions.owned]
        .filter(({ topic }) => !subscription.topics.includes(topic))
        .map(metadataOf);
      if (unsubscribed.length === 0) prepared();
      else this.#giveUp("revoked", unsubscribed, prepared);
    }
    return true;
  }

  /** Everything is lost: others may own it by now. */
  loseAll(then: () => void): void {
    const all = [...this.#options.partitions.owned].map(metadataOf);
    if (all.length === 0) then();
    else this.#giveUp("lost", all, then);
  }

  /** Gives up everything before it leaves the group. */
  surrenderAll(then: () => void): void {
    const { member, partitions } = this.#options;
    const isLost = member.isLost || member.isRebalancing;
    const all = [...partitions.owned].map(metadataOf);
    if (all.length === 0) then();
    else this.#giveUp(isLost ? "lost" : "revoked", all, then);
  }

  #hasCommitted(nowMs: number): boolean {
    const { rules, settings, partitions, autoCommit, isCooperative, wakeAt } = this.#options;
    if (!rules.commitsBeforeJoin(autoCommit.isEnabled)) return true;
    const preparation = (this.#preparation ??= {
      sinceMs: nowMs,
      isCommitting: false,
      result: null,
      retryAtMs: -Infinity,
    });
    const limitMs = settings["max.poll.interval.ms"];
    if (!rules.waitsForCommit(nowMs - preparation.sinceMs, limitMs)) return true;
    const { result } = preparation;
    if (result !== null) {
      if (result.kind === "committed" || !result.isRetriable) return true;
      preparation.result = null;
      preparation.retryAtMs = nowMs + settings["retry.backoff.ms"];
    }
    if (preparation.isCommitting || preparation.retryAtMs > nowMs) {
      const endMs = preparation.sinceMs + limitMs;
      wakeAt(preparation.isCommitting ? endMs : Math.min(endMs, preparation.retryAtMs));
      return false;
    }
    if (rules.stopsBeforeCommit(isCooperative)) partitions.markRevoking(true);
    this.#commit(preparation);
    return this.#hasCommitted(nowMs);
  }

  #commit(preparation: Preparation): void {
    const { commits, autoCommit } = this.#options;
    preparation.isCommitting = true;
    commits.commitAsync(autoCommit.positions(), "revoke", null, (result) => {
      preparation.isCommitting = false;
      preparation.result = result;
    });
  }

  // ---- after the join -------------------------------------------------------------------------

  /**
   * Takes an assignment. `done` is called, now or later, unless the assignment cannot be read: then every
   * poll meets it again.
   */
  complete(assignor: ConsumerPartitionAssignor, bytes: Uint8Array, done: () => void): void {
    const { rules, subscription, partitions, member, metadata, onError, onStuck } = this.#options;
    const parsed = decodeAssignment(bytes);
    if (parsed.error !== undefined) return onStuck(`no assignment: ${parsed.error}`);
    const assignment = parsed.value;
    const isWanted = assignment.partitions.every(({ topic }) =>
      rules.acceptsAssignment(subscription.accepts(topic)),
    );
    if (!isWanted) {
      member.requestRejoin("the assignment does not fit the subscription");
      return done();
    }
    const assigned = sorted(assignment.partitions).map(({ topic, partition }) =>
      metadata.partition(topic, partition),
    );
    const given = new Set(assigned);
    const added = assigned.filter((one) => !partitions.owns(one));
    this.#revokeRest(given, () => {
      const strange = assignment.partitions
        .map(({ topic }) => topic)
        .filter((topic) => !subscription.topics.includes(topic));
      if (strange.length > 0) subscription.add(strange);
      const { runUserCode } = this.#options;
      const { groupId, generationId, memberId, groupInstanceId } = member.identity;
      const group = { groupId, generationId, memberId, groupInstanceId };
      const attempt = runUserCode(() => assignor.onAssignment(assignment, group));
      if ("error" in attempt) onError(attempt.error);
      this.#take(given, added, done);
    });
  }

  /** Cooperative: what it owns and was not given again goes to others, in the next round. */
  #revokeRest(given: ReadonlySet<PartitionMetadata>, then: () => void): void {
    const { rules, member, partitions, isCooperative } = this.#options;
    const rest = [...partitions.owned]
      .map(metadataOf)
      .filter((one) => rules.revokesAfterSync(given.has(one)));
    if (!isCooperative || rest.length === 0) return then();
    this.#giveUp("revoked", rest, () => {
      if (rules.rejoinsAfterRevoking(rest.length)) member.requestRejoin("partitions were revoked");
      then();
    });
  }

  #take(
    given: ReadonlySet<PartitionMetadata>,
    added: readonly PartitionMetadata[],
    done: () => void,
  ): void {
    const { partitions, autoCommit, listeners, subscription, member } = this.#options;
    autoCommit.restart();
    partitions.assign(given);
    this.#owner = member.membership;
    const { probe } = this.#ports;
    if (probe !== null) {
      const { membership, groupId, instanceId } = member;
      probe.emit({
        kind: "partitions-assigned",
        group: groupId,
        member: membership.memberId,
        instance: instanceId,
        generation: membership.generation,
        partitions: added.map((one) => one.name),
        owned: this.#ownedNames(),
      });
    }
    listeners.call(subscription.listener, "assigned", added.map(toTopicPartition), done);
  }

  // ---- giving up ------------------------------------------------------------------------------

  /** Tells the listener and gives them up; until it is done they are owned, and can be committed. */
  #giveUp(event: "revoked" | "lost", given: readonly PartitionMetadata[], then: () => void): void {
    const { partitions, listeners, subscription } = this.#options;
    const gone = new Set(given);
    if (gone.size > 0) this.#tellGivenUp(event === "lost", gone);
    const going = sorted(given.map(toTopicPartition));
    listeners.call(subscription.listener, event, going, () => {
      partitions.assign(new Set([...partitions.owned].map(metadataOf).filter((p) => !gone.has(p))));
      then();
    });
  }

  #tellGivenUp(isLost: boolean, gone: ReadonlySet<PartitionMetadata>): void {
    const { probe } = this.#ports;
    if (probe === null) return;
    const { membership, groupId, instanceId } = this.#options.member;
    const { memberId, generation } = this.#owner ?? membership;
    probe.emit({
      kind: "partitions-revoked",
      group: groupId,
      member: memberId,
      instance: instanceId,
      generation,
      partitions: [...gone].map((one) => one.name),
      lost: isLost,
      owned: this.#ownedNames(gone),
    });
  }

  #ownedNames(without: ReadonlySet<PartitionMetadata> = new Set()): PartitionName[] {
    return [...this.#options.partitions.owned]
      .filter(({ metadata }) => !without.has(metadata))
      .map(({ metadata }) => metadata.name);
  }
}

function metadataOf({ metadata }: { readonly metadata: PartitionMetadata }): PartitionMetadata {
  return metadata;
}

export function toTopicPartition({ topic, index }: PartitionMetadata): TopicPartition {
  return { topic: topic.name, partition: index };
}

/** By topic, then by number (TopicPartitionComparator). */
export function sorted(partitions: readonly TopicPartition[]): TopicPartition[] {
  return [...partitions].sort((left, right) => {
    if (left.topic !== right.topic) return left.topic < right.topic ? -1 : 1;
    return left.partition - right.partition;
  });
}
