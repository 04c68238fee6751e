/**
 * The replica of one partition on this broker (Partition.scala): leader, follower, or waiting for
 * either. Leader epoch and partition epoch are what the controller or its answers told last.
 */
import { assert } from "../assert.ts";
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type {
  LeaderEpoch,
  NodeId,
  Offset,
  PartitionEpoch,
  PartitionName,
  TopicId,
} from "../ids.ts";
import { NO_EPOCH, NO_NODE, partitionName } from "../ids.ts";
import type { LeaderAppend } from "../log/append-outcome.ts";
import type { PartitionLog } from "../log/partition-log.ts";
import type { PartitionRegistration } from "../metadata/image.ts";
import { asStorageError } from "../ports.ts";
import type { BatchBody } from "../record/batch.ts";
import type { FetchEntry } from "./fetch-session.ts";
import type { HighWatermarkCause } from "./isr-rules.ts";
import type { IsrProposals } from "./leader-state.ts";
import { LeaderState } from "./leader-state.ts";
import { WaitingProduces } from "./delayed-produce.ts";
import type { ReplicationContext } from "./replication-context.ts";
import type { ReplicaFetcher } from "./replica-fetcher.ts";
import type { Reader } from "./serving-rules.ts";

/** Who wants to know how far a partition is committed (PartitionListener in Partition.scala). */
export interface PartitionListener {
  /** It moved up; also when another broker leads. Called within the step that moved it. */
  highWatermarkMoved(highWatermark: Offset): void;
}

export class Partition {
  readonly topicId: TopicId;
  readonly topic: string;
  readonly index: number;
  readonly name: PartitionName;
  readonly log: PartitionLog;
  leader: NodeId = NO_NODE;
  leaderEpoch: LeaderEpoch = NO_EPOCH;
  partitionEpoch: PartitionEpoch = NO_EPOCH;
  /** Null while this broker does not lead. */
  leading: LeaderState | null = null;
  /** Leader epoch from which on it has led without a break; of use only while it leads. */
  leadsSince: LeaderEpoch = NO_EPOCH;
  /** What follows for it; null while nobody does. Kept by the fetchers. */
  fetcher: ReplicaFetcher | null = null;
  /** Produce requests that wait for the high watermark. */
  readonly waiting: WaitingProduces;
  readonly #context: ReplicationContext;
  /** Entries of fetch sessions that want to know of changes. */
  readonly #clients: FetchEntry[] = [];
  readonly #followers: FetchEntry[] = [];
  readonly #listeners: PartitionListener[] = [];
  /** What watchers were told of last. */
  #clientLimit: Offset = -1;
  #followerLimit: Offset = -1;
  #highWatermark: Offset = -1;

  constructor(
    context: ReplicationContext,
    topicId: TopicId,
    topic: string,
    index: number,
    log: PartitionLog,
  ) {
    this.#context = context;
    this.topicId = topicId;
    this.topic = topic;
    this.index = index;
    this.name = partitionName(topic, index);
    this.log = log;
    this.waiting = new WaitingProduces(context, this);
  }

  get isLeader(): boolean {
    return this.leading !== null;
  }

  /** Leads from here on, or goes on leading with what changed. May throw a StorageError. */
  becomeLeader(registration: PartitionRegistration, proposals: IsrProposals): void {
    const { rules } = this.#context;
    if (!rules.replica.acceptsRegistration(this.partitionEpoch, registration.partitionEpoch)) {
      return;
    }
    const alreadyLed = this.leading !== null;
    // In an epoch that it did not hear of somebody else may have led.
    const wentOn = alreadyLed && registration.leaderEpoch === this.leaderEpoch + 1;
    const isNew = rules.replica.isNewLeadership(this.leaderEpoch, registration.leaderEpoch);
    if (isNew) {
      // Also without a record the epoch has a start: others ask where older epochs ended.
      this.log.assignEpoch(registration.leaderEpoch, this.log.endOffset);
      this.leaderEpoch = registration.leaderEpoch;
      if (!wentOn) this.leadsSince = registration.leaderEpoch;
    }
    this.leader = registration.leader;
    const leading = this.leading ?? new LeaderState(this.#context, this, proposals);
    this.leading = leading;
    leading.update(registration, isNew, wentOn);
    if (!isNew) return;
    this.#tellLeadership(registration, alreadyLed);
    this.touchAll();
    this.#noteLimits();
    // The ISR may be down to this broker.
    this.reconsiderHighWatermark("elected");
  }

  /** Follows from here on, or goes on following. True when a new leader epoch began. */
  becomeFollower(registration: PartitionRegistration): boolean {
    const { rules, ports } = this.#context;
    if (!rules.replica.acceptsRegistration(this.partitionEpoch, registration.partitionEpoch)) {
      return false;
    }
    const isNew = rules.replica.isNewLeadership(this.leaderEpoch, registration.leaderEpoch);
    this.leader = registration.leader;
    this.leaderEpoch = registration.leaderEpoch;
    this.partitionEpoch = registration.partitionEpoch;
    this.leading = null;
    if (!isNew) return false;
    if (ports.probe !== null) {
      ports.probe.emit({
        kind: "became-follower",
        partition: this.name,
        leaderEpoch: this.leaderEpoch,
        leader: this.leader,
        endOffset: this.log.endOffset,
      });
    }
    if (rules.serving.failsWaitingProduces(false)) {
      this.waiting.failAll(Errors.NOT_LEADER_OR_FOLLOWER);
    }
    this.touchAll();
    return true;
  }

  /** NONE when this broker leads it and `requestedEpoch` is right; tells of what it refuses. */
  leaderError(requestedEpoch: LeaderEpoch, reader: Reader): ErrorCode {
    const { rules, ports } = this.#context;
    const error = rules.serving.leaderEpochError(requestedEpoch, this.leaderEpoch, reader);
    if (error === Errors.FENCED_LEADER_EPOCH && ports.probe !== null) {
      ports.probe.emit({
        kind: "stale-epoch-refused",
        partition: this.name,
        error,
        given: requestedEpoch,
        current: this.leaderEpoch,
      });
    }
    if (error !== Errors.NONE) return error;
    return this.leading === null ? Errors.NOT_LEADER_OR_FOLLOWER : Errors.NONE;
  }

  /** Records were appended by this leader. */
  appended(): void {
    this.reconsiderHighWatermark("append");
    this.#tellWatchers();
  }

  /**
   * Appends a batch of a coordinator on this broker, which waits for the high watermark by itself
   * (CoordinatorPartitionWriter.scala). A step of its own: it ends with what it may have completed.
   */
  appendLocally(body: BatchBody): LeaderAppend {
    if (this.leading === null) return { kind: "refused", error: Errors.NOT_LEADER_OR_FOLLOWER };
    try {
      const appended = this.log.appendAsLeader(body, this.leaderEpoch, "coordinator");
      if (appended.kind === "appended") this.appended();
      this.#context.actions.drain();
      return appended;
    } catch (error) {
      this.#context.storageFailed(asStorageError(error));
      return { kind: "refused", error: Errors.KAFKA_STORAGE_ERROR };
    }
  }

  /** Moves the leader's high watermark as far as the rules let it, and wakes who waits for it. */
  reconsiderHighWatermark(cause: HighWatermarkCause): void {
    const leading = this.leading;
    if (leading === null) return;
    const next = leading.nextHighWatermark(cause);
    if (next <= this.log.highWatermark) return;
    assert(next <= this.log.endOffset, `high watermark ${next} beyond the end of ${this.name}`);
    this.log.setHighWatermark(next);
    const { probe } = this.#context.ports;
    if (probe !== null) {
      probe.emit({
        kind: "high-watermark",
        partition: this.name,
        as: "leader",
        leaderEpoch: this.leaderEpoch,
        highWatermark: next,
        endOffset: this.log.endOffset,
        counted: leading.counted(),
        told: next,
      });
    }
    this.waiting.release();
    this.#tellListeners(next);
    this.#tellWatchers();
  }

  /** Takes the high watermark that the leader told this follower; may go back. */
  followHighWatermark(told: Offset, leaderEpoch: LeaderEpoch): void {
    const { rules, ports } = this.#context;
    const { log } = this;
    const next = rules.replica.highWatermark(told, log.logStartOffset, log.endOffset);
    const before = log.highWatermark;
    if (next === before) return;
    log.setHighWatermark(next);
    if (ports.probe !== null) this.#tellFollowed(told, leaderEpoch);
    if (next > before) this.#tellListeners(next);
  }

  /**
   * Cuts the log of this follower as its leader's answer, which told `told` as the high watermark,
   * makes it. The log takes its own high watermark along. May throw a StorageError.
   */
  truncate(
    offset: Offset,
    why: "diverging" | "out-of-range" | "rule",
    leaderEpoch: LeaderEpoch,
    told: Offset,
  ): void {
    const { log } = this;
    const before = log.highWatermark;
    log.truncateTo(offset, why, leaderEpoch);
    if (log.highWatermark !== before && this.#context.ports.probe !== null) {
      this.#tellFollowed(told, leaderEpoch);
    }
  }

  /** Drops the follower's log: its leader's begins beyond its end. May throw a StorageError. */
  startOver(offset: Offset, leaderEpoch: LeaderEpoch): void {
    this.log.truncateFullyAndStartAt(offset, leaderEpoch);
    if (this.#context.ports.probe !== null) this.#tellFollowed(offset, leaderEpoch);
  }

  addListener(listener: PartitionListener): void {
    this.#listeners.push(listener);
  }

  removeListener(listener: PartitionListener): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }

  watch(entry: FetchEntry): void {
    (entry.session.isFollower ? this.#followers : this.#clients).push(entry);
  }

  unwatch(entry: FetchEntry): void {
    const watchers = entry.session.isFollower ? this.#followers : this.#clients;
    const at = watchers.indexOf(entry);
    if (at >= 0) watchers.splice(at, 1);
  }

  /** Followers have to be looked at again, without news for whoever waits. */
  touchFollowers(): void {
    for (const entry of this.#followers) entry.touch(false);
  }

  /** Everything may be different: leadership changed. */
  touchAll(): void {
    for (const entry of this.#followers) entry.touch(true);
    for (const entry of this.#clients) entry.touch(true);
  }

  #tellFollowed(told: Offset, leaderEpoch: LeaderEpoch): void {
    this.#context.ports.probe?.emit({
      kind: "high-watermark",
      partition: this.name,
      as: "follower",
      leaderEpoch,
      highWatermark: this.log.highWatermark,
      endOffset: this.log.endOffset,
      counted: [],
      told,
    });
  }

  #tellListeners(highWatermark: Offset): void {
    for (const listener of this.#listeners) listener.highWatermarkMoved(highWatermark);
  }

  #tellWatchers(): void {
    const { rules } = this.#context;
    const { endOffset, highWatermark } = this.log;
    const clientLimit = rules.serving.readLimit("client", endOffset, highWatermark);
    if (clientLimit !== this.#clientLimit) {
      this.#clientLimit = clientLimit;
      for (const entry of this.#clients) entry.touch(true);
    }
    const followerLimit = rules.serving.readLimit("follower", endOffset, highWatermark);
    if (followerLimit !== this.#followerLimit) {
      for (const entry of this.#followers) entry.touch(true);
    } else if (highWatermark !== this.#highWatermark) {
      // It travels with the next answer; Kafka does not hurry it either.
      for (const entry of this.#followers) entry.touch(false);
    }
    this.#followerLimit = followerLimit;
    this.#highWatermark = highWatermark;
  }

  /** Whoever watches from now on has seen the log as it is. */
  #noteLimits(): void {
    const { serving } = this.#context.rules;
    const { endOffset, highWatermark } = this.log;
    this.#clientLimit = serving.readLimit("client", endOffset, highWatermark);
    this.#followerLimit = serving.readLimit("follower", endOffset, highWatermark);
    this.#highWatermark = highWatermark;
  }

  #tellLeadership(registration: PartitionRegistration, alreadyLed: boolean): void {
    const { probe } = this.#context.ports;
    if (probe === null) return;
    probe.emit({
      kind: "became-leader",
      partition: this.name,
      leaderEpoch: this.leaderEpoch,
      partitionEpoch: this.partitionEpoch,
      alreadyLed,
      endOffset: this.log.endOffset,
      highWatermark: this.log.highWatermark,
      isr: registration.isr,
      replicas: registration.replicas,
      producers: this.log.producers(),
    });
  }
}
