/**
 * The partitions that a consumer owns: where each of them is, from whom it is fetched, and what was
 * fetched and not yet taken (SubscriptionState.java, FetchCollector.java, OffsetFetcher.java).
 */
import type { FactOf } from "../facts.ts";
import type { LeaderEpoch, Offset } from "../ids.ts";
import { NO_EPOCH, NO_NODE } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { assert } from "../assert.ts";
import { Errors, errorName } from "../errors.ts";
import type { FetchPartitionResponse } from "../protocol/fetch.ts";
import type { Rules } from "../rules.ts";
import type { ConsumerSettings } from "../settings/client-settings.ts";
import type { ClientMetadata, PartitionMetadata } from "./client-metadata.ts";
import type { ConsumedRecord } from "./completed-fetch.ts";
import type { ResetTarget } from "./consumer-partition.ts";
import { ConsumerPartition } from "./consumer-partition.ts";
import { FetchBuffer } from "./fetch-buffer.ts";
import type { Wanted } from "./fetch-session.ts";
import { OffsetLookup } from "./offset-lookup.ts";
import { PartitionFetchers } from "./partition-fetchers.ts";
import { PartitionRetries } from "./partition-retries.ts";

export interface AssignedPartitionsOptions {
  readonly clientId: string;
  readonly settings: ConsumerSettings;
  readonly rules: Rules;
  readonly metadata: ClientMetadata;
  /** Where a partition of the topic begins that has no valid position; null: nowhere. */
  readonly resetOf: (topic: string) => ResetTarget | null;
  /** For the next answer to the user. */
  readonly onError: (error: string) => void;
  /** There may be something for a poll that waits. */
  readonly onProgress: () => void;
}

type Why = FactOf<"position-set">["why"];

/** What "cause" of a position-set fact says after a validation that found no common epoch. */
const NO_COMMON_EPOCH = -2;

export class AssignedPartitions {
  readonly #ports: Ports;
  readonly #options: AssignedPartitionsOptions;
  readonly #lookup: OffsetLookup;
  readonly #fetchers: PartitionFetchers;
  readonly #retries: PartitionRetries;
  readonly #buffer: FetchBuffer;
  /** All that were ever owned: a partition that comes back is the same to the fetch session. */
  readonly #known: Map<PartitionMetadata, ConsumerPartition> = new Map();
  readonly #assigned: Map<PartitionMetadata, ConsumerPartition> = new Map();
  /** The group is to be asked where to begin. */
  readonly #initializing: Set<ConsumerPartition> = new Set();
  /** Without a position and without a policy, which the user was not told yet. */
  readonly #unset: Set<ConsumerPartition> = new Set();

  constructor(ports: Ports, options: AssignedPartitionsOptions) {
    const { clientId, settings, rules, metadata, onProgress } = options;
    this.#ports = ports;
    this.#options = options;
    this.#buffer = new FetchBuffer(ports, settings, rules.consumer, (partition) => {
      options.onError(errorName(Errors.CORRUPT_MESSAGE));
      this.#retries.backOff(partition);
    });
    this.#lookup = new OffsetLookup({
      settings,
      rules: rules.consumer,
      metadata,
      onReset: (partition, offset) => this.#resetDone(partition, offset),
      onValidated: (partition, epoch, end) => this.#validated(partition, epoch, end),
      onFailed: (partition, error) => this.#lookupFailed(partition, error),
      onDone: onProgress,
    });
    this.#fetchers = new PartitionFetchers({
      settings,
      rules: rules.consumer,
      metadata,
      onPartition: (partition, asked, answer) => this.#fetched(partition, asked, answer),
      onDone: onProgress,
    });
    this.#retries = new PartitionRetries(ports, clientId, settings, onProgress);
  }

  // ---- what is owned --------------------------------------------------------------------------

  /** In the order in which they were assigned. */
  get owned(): Iterable<ConsumerPartition> {
    return this.#assigned.values();
  }

  get size(): number {
    return this.#assigned.size;
  }

  owns(metadata: PartitionMetadata): boolean {
    return this.#assigned.has(metadata);
  }

  find(metadata: PartitionMetadata): ConsumerPartition {
    const found = this.#assigned.get(metadata);
    assert(found !== undefined, `${metadata.name} is assigned`);
    return found;
  }

  /**
   * Replaces the assignment. A partition that stays keeps its position; a new one begins where the
   * group committed it, or, without a group, where auto.offset.reset says.
   */
  assign(wanted: ReadonlySet<PartitionMetadata>): void {
    for (const [metadata, partition] of this.#assigned) {
      if (wanted.has(metadata)) continue;
      this.#release(partition);
      this.#assigned.delete(metadata);
    }
    for (const metadata of wanted) {
      if (this.#assigned.has(metadata)) continue;
      let partition = this.#known.get(metadata);
      if (partition === undefined) {
        partition = new ConsumerPartition(metadata);
        this.#known.set(metadata, partition);
      }
      this.#assigned.set(metadata, partition);
      this.#begin(partition);
    }
  }

  #begin(partition: ConsumerPartition): void {
    this.#options.rules.membership.beginOwnership(partition);
    if (partition.hasPosition) {
      this.#setPosition(partition, partition.offset, partition.offsetEpoch, "assigned", 0);
    } else if (this.#options.settings["group.id"] !== "") {
      this.#initializing.add(partition);
    } else {
      this.resetByPolicy(partition);
    }
  }

  /** Nothing of it reaches the user any more. */
  #release(partition: ConsumerPartition): void {
    this.#withdraw(partition);
    this.#buffer.drop(partition);
    partition.isPaused = false;
    partition.isRevoking = false;
  }

  /** Drops fetched data of partitions that are owned and of no interest any more. */
  dropBuffered(isWanted: (partition: ConsumerPartition) => boolean): void {
    for (const partition of this.#assigned.values()) {
      if (!isWanted(partition)) this.#buffer.drop(partition);
    }
  }

  /** Nothing more of them is fetched or handed out: they are about to be given up. */
  markRevoking(isRevoking: boolean): void {
    for (const partition of this.#assigned.values()) {
      partition.isRevoking = isRevoking;
      partition.fetcher?.changed(partition);
    }
  }

  /** Stops fetching and handing out; what was fetched is kept. */
  setPaused(metadata: PartitionMetadata, isPaused: boolean): void {
    const partition = this.find(metadata);
    if (partition.isPaused === isPaused) return;
    partition.isPaused = isPaused;
    if (partition.bufferedBy !== null) partition.bufferedBy.bufferedCount += isPaused ? -1 : 1;
    partition.fetcher?.changed(partition);
  }

  // ---- what is read ---------------------------------------------------------------------------

  /** Whether there is nothing that a poll could take at once. */
  get isEmpty(): boolean {
    return this.#buffer.isEmpty;
  }

  /** Up to max.poll.records records; moves the positions of their partitions. */
  collect(): ConsumedRecord[] {
    return this.#buffer.collect();
  }

  /** Offset behind the last record that was fetched of it, taken or not. */
  fetchedUpTo(partition: ConsumerPartition): Offset {
    return this.#buffer.endOf(partition) ?? partition.offset;
  }

  /** Looks up what is missing, and fetches from every broker that can be asked now. */
  ask(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    this.#fetchers.placeMissing();
    this.#lookup.run(nowMs);
    this.#fetchers.fetch(nowMs);
  }

  close(): void {
    this.#retries.close();
  }

  // ---- positions ------------------------------------------------------------------------------

  /** Those of which the group is to tell the committed offset. */
  get initializing(): ReadonlySet<ConsumerPartition> {
    return this.#initializing;
  }

  /** Goes on from that offset, whatever is there. */
  seek(partition: ConsumerPartition, offset: Offset): void {
    this.#setPosition(partition, offset, NO_EPOCH, "seek", 0);
  }

  seekToEndOf(partition: ConsumerPartition, to: ResetTarget): void {
    this.#reset(partition, to, "seek", 0);
  }

  /** Begins at the offset that its group committed; `epoch` is that of the record before it. */
  beginAtCommitted(partition: ConsumerPartition, offset: Offset, epoch: LeaderEpoch): void {
    if (epoch >= 0) this.#options.metadata.sawEpoch(partition.metadata, epoch);
    this.#setPosition(partition, offset, epoch, "committed", 0);
    const { leader, leaderEpoch } = partition;
    if (leader < 0) return;
    const { consumer } = this.#options.rules;
    const isOpen = consumer.needsValidation(epoch, NO_NODE, NO_EPOCH, leader, leaderEpoch);
    if (isOpen) this.#validate(partition);
  }

  /** Begins where auto.offset.reset says; with "none", nowhere. */
  resetByPolicy(partition: ConsumerPartition): void {
    const policy = this.#options.resetOf(partition.topic);
    if (policy !== null) return this.#reset(partition, policy, "assigned", 0);
    this.#initializing.delete(partition);
    partition.state = { kind: "unset" };
    this.#unset.add(partition);
  }

  /** Tells the user of the partitions that have nowhere to begin, once for each. */
  reportUnset(): void {
    for (const partition of this.#unset) {
      this.#unset.delete(partition);
      this.#options.onError("NO_OFFSET_FOR_PARTITION");
    }
  }

  /** The position is void until the leader told a new one. */
  #reset(partition: ConsumerPartition, to: ResetTarget, why: Why, cause: number): void {
    this.#withdraw(partition);
    partition.state = { kind: "resetting", to, why, cause };
    partition.retryAtMs = -Infinity;
    this.#lookup.add(partition);
  }

  #resetDone(partition: ConsumerPartition, offset: Offset): void {
    const { state } = partition;
    assert(state.kind === "resetting", `${partition.metadata.name} is being reset`);
    this.#setPosition(partition, offset, NO_EPOCH, state.why, state.cause);
  }

  #setPosition(
    partition: ConsumerPartition,
    offset: Offset,
    offsetEpoch: LeaderEpoch,
    why: Why,
    cause: number,
  ): void {
    this.#withdraw(partition);
    partition.state = { kind: "fetching" };
    partition.offset = offset;
    partition.offsetEpoch = offsetEpoch;
    partition.failures = 0;
    partition.retryAtMs = -Infinity;
    partition.leader = partition.metadata.leader;
    partition.leaderEpoch = partition.metadata.leaderEpoch;
    this.#fetchers.place(partition);
    const { probe } = this.#ports;
    if (probe === null) return;
    const name = partition.metadata.name;
    probe.emit({ kind: "position-set", partition: name, offset, why, cause });
  }

  /** Its leader is to say whether it has what was read so far; nothing is fetched meanwhile. */
  #validate(partition: ConsumerPartition): void {
    this.#withdraw(partition);
    partition.state = { kind: "validating" };
    this.#lookup.add(partition);
  }

  #validated(partition: ConsumerPartition, epoch: LeaderEpoch, endOffset: Offset): void {
    const { consumer } = this.#options.rules;
    const verdict = consumer.validation(partition.offset, epoch, endOffset);
    const policy = this.#options.resetOf(partition.topic);
    if (verdict === "valid") {
      this.#lookup.remove(partition);
      partition.state = { kind: "fetching" };
      partition.failures = 0;
      this.#fetchers.place(partition);
    } else if (policy === null) {
      // Kafka's LogTruncationException; the position stays, and only a seek helps.
      this.#withdraw(partition);
      partition.state = { kind: "unset" };
      this.#options.onError("LOG_TRUNCATION");
    } else if (verdict === "truncated") {
      const offset = consumer.truncatedPosition(endOffset);
      this.#setPosition(partition, offset, epoch, "truncation", 0);
    } else {
      this.#reset(partition, policy, resetName(policy), NO_COMMON_EPOCH);
    }
  }

  #lookupFailed(partition: ConsumerPartition, error: number): void {
    const { rules, metadata, onError } = this.#options;
    // Unlike a fetch, whatever the error was (OffsetFetcher.java, OffsetsForLeaderEpochUtils.java).
    metadata.requestUpdate();
    if (!rules.consumer.isRetriable(error)) onError(errorName(error));
    this.#retries.backOff(partition);
  }

  // ---- fetched data ---------------------------------------------------------------------------

  #fetched(partition: ConsumerPartition, asked: Wanted, answer: FetchPartitionResponse): void {
    if (partition.state.kind !== "fetching" || partition.fetcher === null) return;
    const { consumer } = this.#options.rules;
    if (answer.errorCode !== Errors.NONE) return this.#fetchFailed(partition, asked, answer);
    partition.failures = 0;
    partition.highWatermark = answer.highWatermark;
    if (answer.records.length === 0) return;
    if (!consumer.keepsData(asked.fetchOffset, partition.offset)) return;
    if (!partition.isBuffered) this.#buffer.add(partition, asked.fetchOffset, answer.records);
  }

  #fetchFailed(partition: ConsumerPartition, asked: Wanted, answer: FetchPartitionResponse): void {
    const { errorCode, currentLeader } = answer;
    const { rules, metadata, onError } = this.#options;
    const { consumer } = rules;
    if (consumer.refreshesMetadata(errorCode)) metadata.requestUpdate();
    this.#retries.backOff(partition);
    if (errorCode === Errors.OFFSET_OUT_OF_RANGE) {
      if (!consumer.mayReset(errorCode, asked.fetchOffset, partition.offset)) return;
      const policy = this.#options.resetOf(partition.topic);
      if (policy !== null) this.#reset(partition, policy, resetName(policy), errorCode);
      else onError(errorName(errorCode));
    } else if (errorCode === Errors.CORRUPT_MESSAGE) {
      onError(errorName(errorCode));
    } else if (!consumer.isRetriable(errorCode)) {
      this.#tellError("Fetch", errorCode);
    }
    if (metadata.applyHint(partition.metadata, currentLeader)) this.#leaderChanged(partition);
  }

  #tellError(where: string, error: number): void {
    const { probe } = this.#ports;
    if (probe !== null) probe.emit({ kind: "client-error", where, error: errorName(error) });
  }

  // ---- leaders --------------------------------------------------------------------------------

  metadataUpdated(changed: readonly PartitionMetadata[]): void {
    for (const metadata of changed) {
      const partition = this.#assigned.get(metadata);
      if (partition !== undefined) this.#leaderChanged(partition);
    }
    for (const { topic } of this.#assigned.keys()) {
      if (topic.error === Errors.INVALID_TOPIC_EXCEPTION) {
        this.#options.onError(errorName(topic.error));
      }
    }
  }

  /** Another leader or epoch is known: the position is for the old one until it is validated. */
  #leaderChanged(partition: ConsumerPartition): void {
    const { metadata, state } = partition;
    partition.retryAtMs = -Infinity;
    if (!partition.hasPosition || metadata.leader < 0) return;
    const needsValidation = this.#options.rules.consumer.needsValidation(
      partition.offsetEpoch,
      partition.leader,
      partition.leaderEpoch,
      metadata.leader,
      metadata.leaderEpoch,
    );
    partition.leader = metadata.leader;
    partition.leaderEpoch = metadata.leaderEpoch;
    if (needsValidation) this.#validate(partition);
    else if (state.kind === "fetching") this.#fetchers.place(partition);
  }

  /** Nobody fetches or looks up anything for it any more. */
  #withdraw(partition: ConsumerPartition): void {
    this.#fetchers.withdraw(partition);
    this.#lookup.remove(partition);
    this.#initializing.delete(partition);
    this.#unset.delete(partition);
    this.#retries.forget(partition);
  }
}

function resetName(policy: ResetTarget): "reset-earliest" | "reset-latest" {
  return policy === "earliest" ? "reset-earliest" : "reset-latest";
}
