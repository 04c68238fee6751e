/**
 * When a member joins its group again, and what leads from one assignment to the next
 * (ConsumerCoordinator.rejoinNeededOrPending, AbstractCoordinator.joinGroupIfNeeded).
 */
import { assert } from "../../assert.ts";
import type { ConsumerPartitionAssignor } from "../../group/assignors/assignor.ts";
import { encodeSubscription } from "../../group/assignors/consumer-protocol.ts";
import type { JoinGroupProtocol } from "../../protocol/join-group.ts";
import type { ConsumerSettings } from "../../settings/client-settings.ts";
import type { AssignedPartitions } from "../assigned-partitions.ts";
import type { ClientMetadata } from "../client-metadata.ts";
import type { CoordinatorLookup } from "./coordinator-lookup.ts";
import type { GroupLeader, RunUserCode } from "./group-leader.ts";
import type { JoinOutcome, JoinRound } from "./join-round.ts";
import type { Member } from "./member.ts";
import type { Rebalance } from "./rebalance.ts";
import { sorted, toTopicPartition } from "./rebalance.ts";
import type { ListenerCalls } from "./rebalance-listener.ts";
import type { Subscription } from "./subscription.ts";
import { isSameList, isSameSnapshot } from "./subscription.ts";

export interface JoiningOptions {
  readonly settings: ConsumerSettings;
  readonly member: Member;
  readonly subscription: Subscription;
  readonly partitions: AssignedPartitions;
  readonly metadata: ClientMetadata;
  readonly lookup: CoordinatorLookup;
  readonly round: JoinRound;
  readonly leader: GroupLeader;
  readonly rebalance: Rebalance;
  readonly listeners: ListenerCalls;
  /** Best first. */
  readonly assignors: readonly ConsumerPartitionAssignor[];
  readonly runUserCode: RunUserCode;
  readonly onError: (error: string) => void;
  readonly wakeAt: (atMs: number) => void;
}

export class Joining {
  readonly #options: JoiningOptions;
  /** Topics of the last join; null before the first. */
  #joinedTopics: readonly string[] | null = null;
  #metadataChanged = false;
  /** With a pattern: the list of topics has to be as new as this before a join. */
  #listMark: number | null = null;
  /** What is owned is ready for the next join. */
  #isPrepared = false;
  #retryAtMs = -Infinity;

  constructor(options: JoiningOptions) {
    this.#options = options;
  }

  metadataUpdated(): void {
    this.#metadataChanged = true;
    this.#options.leader.metadataUpdated();
  }

  /** Nothing is to be done for membership now. */
  get isQuiet(): boolean {
    return !this.#metadataChanged && !this.#needsJoin();
  }

  /** It is in no round any more. */
  stop(): void {
    const { round, leader } = this.#options;
    round.clear();
    leader.resign();
    this.#isPrepared = false;
    this.#listMark = null;
  }

  /** The leader watches the partitions of the group's topics; each member, which topics match. */
  lookAtMetadata(): void {
    if (!this.#metadataChanged) return;
    this.#metadataChanged = false;
    const { subscription, member, leader } = this.#options;
    subscription.matchListed();
    const { assignedOn } = leader;
    if (assignedOn === null || isSameSnapshot(assignedOn, subscription.snapshot())) return;
    if (member.rejoinReason === null) member.requestRejoin("partitions have changed");
    // The round under way was decided on the partitions of before: looked at again after it.
    else this.#metadataChanged = true;
  }

  #needsJoin(): boolean {
    const { member, subscription, round } = this.#options;
    const joined = this.#joinedTopics;
    if (joined !== null && joined !== subscription.topics && member.rejoinReason === null) {
      if (isSameList(joined, subscription.topics)) this.#joinedTopics = subscription.topics;
      else member.requestRejoin("the subscription has changed");
    }
    return member.rejoinReason !== null || round.isOpen;
  }

  /** True when it is a member with an up to date assignment. */
  joinIfNeeded(nowMs: number): boolean {
    const { round, listeners } = this.#options;
    while (this.#needsJoin()) {
      if (listeners.isRunning) return false;
      if (!round.isOpen && !this.#startRound(nowMs)) return false;
      const { outcome } = round;
      if (outcome === null || !this.#endRound(outcome, nowMs)) return false;
    }
    return !listeners.isRunning;
  }

  #startRound(nowMs: number): boolean {
    const { member, lookup, round, leader, rebalance, subscription, wakeAt } = this.#options;
    if (lookup.channel === null) {
      lookup.find();
      return false;
    }
    if (this.#retryAtMs > nowMs) {
      wakeAt(this.#retryAtMs);
      return false;
    }
    if (!this.#knowsTopics()) return false;
    if (member.needsPrepare && !this.#isPrepared) {
      member.needsPrepare = false;
      const goesOn = rebalance.prepare(nowMs, () => {
        this.#isPrepared = true;
        leader.resign();
        subscription.watch([]);
      });
      if (!goesOn) member.needsPrepare = true;
      if (!this.#isPrepared) return false;
    }
    this.#isPrepared = false;
    this.#listMark = null;
    const protocols = this.#protocols();
    if (protocols !== null) round.start(protocols);
    return protocols !== null;
  }

  /** With a pattern: looks once more which topics there are, so that one new topic is one rebalance. */
  #knowsTopics(): boolean {
    const { metadata, subscription } = this.#options;
    if (subscription.kind !== "pattern") return true;
    if (this.#listMark === null) {
      if (metadata.mayRefresh) metadata.requestUpdate();
      this.#listMark = metadata.mark;
    }
    if (!metadata.hasAnswered(this.#listMark)) return false;
    subscription.matchListed();
    return true;
  }

  /** Whether the loop goes on: false when something has to happen first. */
  #endRound(outcome: JoinOutcome, nowMs: number): boolean {
    const { member, round, rebalance, settings, onError, wakeAt } = this.#options;
    if (outcome.kind === "assigned") {
      if (member.state !== "stable") {
        member.reset("it lost its generation before it took the assignment", false);
        round.clear();
        return true;
      }
      const assignor = this.assignor(member.membership.protocol);
      rebalance.complete(assignor, outcome.assignment, () => {
        round.clear();
        member.needsPrepare = true;
      });
      return !round.isOpen;
    }
    round.clear();
    if (outcome.wantsRejoin) member.requestRejoin(`rebalance failed: ${outcome.error}`);
    if (outcome.next === "at-once") return true;
    if (outcome.next === "tell") {
      onError(outcome.error);
      return false;
    }
    this.#retryAtMs = nowMs + settings["retry.backoff.ms"];
    wakeAt(this.#retryAtMs);
    return false;
  }

  /** The subscription as each assignor wants it told; null when user code threw. */
  #protocols(): JoinGroupProtocol[] | null {
    const { partitions, runUserCode, onError, subscription, member } = this.#options;
    const { topics } = subscription;
    this.#joinedTopics = topics;
    const ownedPartitions = sorted(
      [...partitions.owned].map(({ metadata }) => toTopicPartition(metadata)),
    );
    const { generation: generationId } = member.membership;
    const groupInstanceId = member.instanceId;
    const protocols: JoinGroupProtocol[] = [];
    for (const assignor of this.#options.assignors) {
      const attempt = runUserCode(() => assignor.subscriptionUserData(topics));
      if ("error" in attempt) {
        onError(attempt.error);
        return null;
      }
      const userData = attempt.value;
      const own = {
        topics,
        userData,
        ownedPartitions,
        generationId,
        groupInstanceId,
        rackId: null,
      };
      protocols.push({ name: assignor.name, metadata: encodeSubscription(own) });
    }
    return protocols;
  }

  assignor(name: string | null): ConsumerPartitionAssignor {
    const assignor = this.#options.assignors.find((one) => one.name === name);
    assert(assignor !== undefined, `the coordinator chose ${name}, which nobody offered`);
    return assignor;
  }
}
