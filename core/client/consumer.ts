/**
 * A consumer (KafkaConsumer.java): of partitions that it was given, or, with a group.id and a
 * subscription, of those that its group gives it. Every call that has to wait takes a callback, which never
 * runs inside a call of the consumer's user; it may call the consumer. Fetches are sent only while a poll
 * waits, and once more when it is answered, so that the next data is on its way.
 *
 * Differs from Kafka: a partition whose fetch failed is not fetched again before retry.backoff.ms
 * (Java's consumer asks again at once); a batch with a bad CRC is fetched again after its error was
 * told, instead of being kept; that a partition has no position is reported once, not by every poll.
 */
import type { GroupId, InstanceId, LeaderEpoch, MemberId, Offset } from "../ids.ts";
import { NO_EPOCH } from "../ids.ts";
import type { Ports, Timer } from "../ports.ts";
import { assert } from "../assert.ts";
import type { ConsumerPartitionAssignor } from "../group/assignors/assignor.ts";
import type { Rules } from "../rules.ts";
import type { ConsumerSettings } from "../settings/client-settings.ts";
import { AssignedPartitions } from "./assigned-partitions.ts";
import type { PartitionMetadata } from "./client-metadata.ts";
import { ClientMetadata } from "./client-metadata.ts";
import { CLIENT_LANE } from "./client-network.ts";
import type { ConsumedRecord } from "./completed-fetch.ts";
import type { ConsumerPartition, ResetTarget } from "./consumer-partition.ts";
import { consumedPositions } from "./group/auto-commit.ts";
import type { CommittedOffset } from "./group/committed-offsets.ts";
import { ConsumerCoordinator } from "./group/consumer-coordinator.ts";
import type { RunUserCode } from "./group/group-leader.ts";
import type { HeartbeatMode, HeartbeatResult } from "./group/heartbeats.ts";
import type { CommitDone, OffsetToCommit } from "./group/offset-commits.ts";
import type { RebalanceListener } from "./group/rebalance-listener.ts";

export type { ConsumedRecord } from "./completed-fetch.ts";
export type { HeartbeatResult } from "./group/heartbeats.ts";
export type { CommitDone, CommitResult } from "./group/offset-commits.ts";
export type { RebalanceListener } from "./group/rebalance-listener.ts";

/** `records` is empty when the time was up; partitions may be mixed, each is in order. */
export type PollResult =
  | { readonly kind: "records"; readonly records: readonly ConsumedRecord[] }
  | { readonly kind: "error"; readonly error: string };

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A position to commit: `offset` is that of the next record to read. */
export interface PartitionOffset extends TopicPartition {
  readonly offset: Offset;
  /** Epoch of the record before it, if it is known. */
  readonly leaderEpoch?: LeaderEpoch;
  readonly metadata?: string;
}

/** `offset` is null where the group has committed nothing. */
export type CommittedPartitions =
  | {
      readonly kind: "offsets";
      readonly offsets: readonly (TopicPartition & {
        readonly committed: CommittedOffset | null;
      })[];
    }
  | { readonly kind: "failed"; readonly error: string };

export interface ConsumerOptions {
  readonly clientId: string;
  /** Hosts of the bootstrap servers. */
  readonly bootstrap: readonly string[];
  readonly settings: ConsumerSettings;
  readonly rules: Rules;
  /** Assignors of the user, which partition.assignment.strategy may name. */
  readonly assignors?: readonly ConsumerPartitionAssignor[];
  /** How their code is run; without it, what they throw ends the process. */
  readonly runUserCode?: RunUserCode;
  /** "on-call": only {@link Consumer.heartbeat} sends them, as clients do that have no thread for it. */
  readonly heartbeats?: HeartbeatMode;
  /** False: nothing is fetched while the records of a poll are worked on; other clients wait until then. */
  readonly fetchesAhead?: boolean;
  /** Instead of auto.offset.reset, by topic. */
  readonly resetOf?: (topic: string) => ResetTarget;
}

/** How long close() may take by default (ConsumerUtils.DEFAULT_CLOSE_TIMEOUT_MS). */
const CLOSE_TIMEOUT_MS = 30000;

export class Consumer {
  readonly #ports: Ports;
  readonly #settings: ConsumerSettings;
  readonly #metadata: ClientMetadata;
  readonly #partitions: AssignedPartitions;
  /** Null without a group.id. */
  readonly #group: ConsumerCoordinator | null;
  readonly #fetchesAhead: boolean;
  readonly #pollTimer: Timer;
  /** For poll() to report, one at a time. */
  readonly #errors: string[] = [];
  #waiting: ((result: PollResult) => void) | null = null;
  /** The time of the poll is up, but user code of it still runs. */
  #isOverdue = false;
  #isAdvancing = false;
  #isClosed = false;

  constructor(ports: Ports, options: ConsumerOptions) {
    const { clientId, bootstrap, settings, rules } = options;
    this.#ports = ports;
    this.#settings = settings;
    this.#fetchesAhead = options.fetchesAhead ?? true;
    this.#metadata = new ClientMetadata(ports, {
      clientId,
      bootstrap,
      settings,
      rules: rules.client,
      allowAutoTopicCreation: settings["allow.auto.create.topics"],
      maxIdleMs: Infinity,
      onUpdate: (changed) => this.#metadataUpdated(changed),
      onReady: () => {
        this.#group?.brokerReady();
        this.#advance();
      },
    });
    const metadata = this.#metadata;
    const onError = (error: string): number => this.#errors.push(error);
    const onProgress = (): void => this.#advance();
    const common = { clientId, settings, rules, metadata, onError };
    const policy = settings["auto.offset.reset"] as ResetTarget | "none";
    const resetOf = options.resetOf ?? (() => (policy === "none" ? null : policy));
    this.#partitions = new AssignedPartitions(ports, { ...common, resetOf, onProgress });
    this.#pollTimer = ports.timers.timer(CLIENT_LANE, `poll ${clientId}`, () => this.#timeUp());
    this.#group =
      settings["group.id"] === ""
        ? null
        : new ConsumerCoordinator(ports, {
            ...common,
            partitions: this.#partitions,
            assignors: options.assignors ?? [],
            runUserCode: options.runUserCode ?? ((code) => ({ value: code() })),
            heartbeats: options.heartbeats ?? "background",
            isCalled: () => this.#isCalled(),
            onProgress: () => this.#groupProgress(),
          });
  }

  // ---- what is read ---------------------------------------------------------------------------

  /** Replaces the assignment. A partition that stays keeps its position. */
  assign(partitions: readonly TopicPartition[]): void {
    const group = this.#group;
    if (group !== null) {
      if (partitions.length === 0) return this.unsubscribe();
      group.maybeAutoCommit();
      group.subscription.assignByHand();
    }
    this.#partitions.assign(new Set(this.#metadataOf(partitions)));
    this.#wake();
  }

  /** Has the group assign partitions of these topics from the next poll on; none is unsubscribe(). */
  subscribe(topics: readonly string[], listener: RebalanceListener | null = null): void {
    if (topics.length === 0) return this.unsubscribe();
    this.#partitions.dropBuffered(({ topic }) => topics.includes(topic));
    this.#needGroup().subscription.subscribe(topics, listener);
    this.#wake();
  }

  /** The same for all topics, now and later, whose whole name matches a regular expression. */
  subscribePattern(source: string, listener: RebalanceListener | null = null): void {
    this.#needGroup().subscription.subscribePattern(source, listener);
    this.#wake();
  }

  /**
   * Gives up everything and leaves the group; nothing is committed. Nothing else may be asked for before
   * `done` is called.
   */
  unsubscribe(done: () => void = () => undefined): void {
    this.#partitions.dropBuffered(() => false);
    const group = this.#group;
    if (group === null) this.#partitions.assign(new Set());
    const end = (): void => {
      this.#partitions.assign(new Set());
      done();
    };
    this.#ports.work.later(CLIENT_LANE, "unsubscribe", () =>
      group === null ? end() : group.unsubscribe(end),
    );
  }

  /** Topics that are subscribed to by now. */
  get subscription(): readonly string[] {
    return this.#group?.subscription.topics ?? [];
  }

  /** What it owns, in the order in which it was assigned. */
  get assignment(): readonly TopicPartition[] {
    return [...this.#partitions.owned].map(({ topic, index }) => ({ topic, partition: index }));
  }

  /** Nothing of them is returned until `resume`; they stay owned. */
  pause(partitions: readonly TopicPartition[]): void {
    for (const one of this.#metadataOf(partitions)) this.#partitions.setPaused(one, true);
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const one of this.#metadataOf(partitions)) this.#partitions.setPaused(one, false);
    this.#wake();
  }

  get paused(): readonly TopicPartition[] {
    return [...this.#partitions.owned]
      .filter(({ isPaused }) => isPaused)
      .map(({ topic, index }) => ({ topic, partition: index }));
  }

  /**
   * Asks for records: at most max.poll.records of them, as soon as there are any, else none after
   * `timeoutMs`. One at a time. A member of a group takes part in its rebalances meanwhile.
   */
  poll(timeoutMs: number, done: (result: PollResult) => void): void {
    assert(this.#waiting === null, "one poll at a time");
    assert(!this.#isClosed, "poll on a closed consumer");
    this.#waiting = done;
    this.#isOverdue = false;
    this.#pollTimer.set(timeoutMs);
    this.#partitions.reportUnset();
    const group = this.#group;
    group?.polled(true);
    const isQuiet = group === null || group.isQuiet;
    if (!isQuiet || this.#errors.length > 0 || !this.#partitions.isEmpty) {
      this.#ports.work.later(CLIENT_LANE, "poll", () => this.#advance());
    } else {
      this.#partitions.ask();
    }
  }

  // ---- positions ------------------------------------------------------------------------------

  /** Goes on from that offset, whatever is there. */
  seek(topic: string, partition: number, offset: Offset): void {
    this.#partitions.seek(this.#find(topic, partition), offset);
  }

  /** Goes on from the first offset of each, as its leader will tell. */
  seekToBeginning(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      this.#partitions.seekToEndOf(this.#find(topic, partition), "earliest");
    }
  }

  /** Goes on from the end of each, as its leader will tell. */
  seekToEnd(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      this.#partitions.seekToEndOf(this.#find(topic, partition), "latest");
    }
  }

  /** Offset of the next record that poll() will return; null while it is not known. */
  position(topic: string, partition: number): Offset | null {
    const found = this.#find(topic, partition);
    return found.hasPosition ? found.offset : null;
  }

  /** End of the log for consumers, as the leader told it last; null before that. */
  highWatermark(topic: string, partition: number): Offset | null {
    return this.#find(topic, partition).highWatermark;
  }

  // ---- membership -----------------------------------------------------------------------------

  /** A heartbeat that is called for now would be sent: it is time. */
  get isHeartbeatDue(): boolean {
    return this.#needGroup().heartbeats.isDue;
  }

  /** Shows that the member is alive, if it is time, when nothing else does (heartbeats "on-call"). */
  heartbeat(done: (result: HeartbeatResult) => void): void {
    this.#needGroup().heartbeats.call(done);
  }

  // ---- commits --------------------------------------------------------------------------------

  /** Commits these offsets, or (null) all positions, and tries again until the time is over. */
  commitSync(
    offsets: readonly PartitionOffset[] | null,
    done: CommitDone,
    timeoutMs: number = this.#settings["default.api.timeout.ms"],
  ): void {
    const group = this.#needGroup();
    group.commits.commitSync(this.#toCommit(offsets), "sync", timeoutMs, done);
  }

  /** Commits once; `done` is called by the next poll, or when a synchronous commit has ended. */
  commitAsync(offsets: readonly PartitionOffset[] | null, done: CommitDone | null = null): void {
    this.#needGroup().commits.commitAsync(this.#toCommit(offsets), "async", done);
  }

  /** What the group has committed of these partitions. */
  committed(
    partitions: readonly TopicPartition[],
    done: (result: CommittedPartitions) => void,
    timeoutMs: number = this.#settings["default.api.timeout.ms"],
  ): void {
    const asked = this.#metadataOf(partitions);
    this.#needGroup().committed.read(asked, timeoutMs, (result) => {
      if (result.kind === "failed") return done(result);
      const offsets = asked.map((one) => ({
        topic: one.topic.name,
        partition: one.index,
        committed: result.offsets.get(one) ?? null,
      }));
      done({ kind: "offsets", offsets });
    });
  }

  /** What a transaction has to know of this member. */
  get groupMetadata(): {
    readonly groupId: GroupId;
    readonly generationId: number;
    readonly memberId: MemberId;
    readonly groupInstanceId: InstanceId | null;
  } {
    return this.#needGroup().member.identity;
  }

  /** The assignor of its generation, and who leads that: null while it is in none. */
  get generation(): { readonly protocol: string | null; readonly leader: MemberId | null } {
    const { membership, leader } = this.#needGroup().member;
    return { protocol: membership.protocol, leader };
  }

  /** Has the member join again in its next poll. */
  enforceRebalance(reason: string = "rebalance enforced by user"): void {
    this.#needGroup().member.requestRejoin(reason);
    this.#wake();
  }

  /**
   * Commits what was returned if enable.auto.commit, leaves the group if it is a dynamic member, and waits
   * for what is under way. A waiting poll gets no answer any more.
   */
  close(timeoutMs: number = CLOSE_TIMEOUT_MS, done: (() => void) | null = null): void {
    assert(!this.#isClosed, "a consumer is closed once");
    this.#isClosed = true;
    this.#waiting = null;
    this.#pollTimer.cancel();
    const group = this.#group;
    const end = (): void => {
      this.#partitions.close();
      this.#metadata.close();
      if (done !== null) this.#ports.work.later(CLIENT_LANE, "closed", done);
    };
    if (group === null) return end();
    this.#ports.work.later(CLIENT_LANE, "close", () => group.close(timeoutMs, end));
  }

  // ---- the poll that waits --------------------------------------------------------------------

  /** Something changed: answers the poll that waits if there is something for it, else asks on. */
  #advance(): void {
    if (this.#waiting === null || this.#isAdvancing) return;
    this.#isAdvancing = true;
    const result = this.#next();
    this.#isAdvancing = false;
    if (result !== null) this.#answer(result);
    else if (this.#isOverdue) this.#timeUp();
  }

  /** What a poll that waits is to be answered; null for nothing yet. */
  #next(): PollResult | null {
    const group = this.#group;
    const mayReturn = group === null || group.step();
    if (this.#waiting === null || group?.listeners.isRunning === true) return null;
    const error = this.#errors.shift();
    if (error !== undefined) return { kind: "error", error };
    if (!mayReturn) return null;
    const records = this.#partitions.collect();
    if (records.length > 0) group?.collected();
    if (records.length === 0 || this.#fetchesAhead) this.#partitions.ask();
    return records.length > 0 ? { kind: "records", records } : null;
  }

  #timeUp(): void {
    this.#isOverdue = false;
    this.#advance();
    if (this.#waiting === null) return;
    this.#isOverdue = this.#group?.listeners.isRunning === true;
    if (!this.#isOverdue) this.#answer({ kind: "records", records: [] });
  }

  #answer(result: PollResult): void {
    const done = this.#waiting;
    this.#waiting = null;
    this.#pollTimer.cancel();
    this.#group?.polled(false);
    done?.(result);
  }

  /** A poll that waits is to look at what its user has changed. */
  #wake(): void {
    if (this.#group === null || this.#waiting === null) return;
    this.#ports.work.later(CLIENT_LANE, "wake up", () => this.#advance());
  }

  #groupProgress(): void {
    this.#group?.progress();
    this.#advance();
  }

  #metadataUpdated(changed: readonly PartitionMetadata[]): void {
    this.#partitions.metadataUpdated(changed);
    this.#group?.metadataUpdated();
    this.#advance();
  }

  /** The user waits inside a call, so that what only such calls do can be done. */
  #isCalled(): boolean {
    const group = this.#group;
    if (group === null) return false;
    if (group.commits.isWaitedFor || group.committed.isWaitedFor) return true;
    return (this.#waiting !== null && !group.listeners.isRunning) || this.#isClosed;
  }

  // ---- partitions by name ---------------------------------------------------------------------

  #toCommit(offsets: readonly PartitionOffset[] | null): OffsetToCommit[] {
    if (offsets === null) return consumedPositions(this.#partitions, ({ offset }) => offset);
    return offsets.map(({ topic, partition: index, offset, leaderEpoch, metadata = "" }) => {
      assert(offset >= 0, `offset ${offset} of ${topic}-${index} can be committed`);
      const partition = this.#metadata.partition(topic, index);
      if (leaderEpoch !== undefined) this.#metadata.sawEpoch(partition, leaderEpoch);
      return { partition, offset, leaderEpoch: leaderEpoch ?? NO_EPOCH, metadata };
    });
  }

  #needGroup(): ConsumerCoordinator {
    assert(this.#group !== null, "groups and commits need a group.id");
    assert(!this.#isClosed || this.#group.listeners.isRunning, "a call of a closed consumer");
    return this.#group;
  }

  #metadataOf(partitions: readonly TopicPartition[]): PartitionMetadata[] {
    return partitions.map(({ topic, partition }) => this.#metadata.partition(topic, partition));
  }

  #find(topic: string, partition: number): ConsumerPartition {
    return this.#partitions.find(this.#metadata.partition(topic, partition));
  }
}
