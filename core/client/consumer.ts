/**
 * A consumer of assigned partitions (KafkaConsumer.java without groups). poll() takes a callback, which
 * never runs inside a call of the consumer's user; it may call the consumer. Requests are sent only
 * while a poll waits, and once more when it is answered, so that the next data is on its way.
 *
 * Differs from Kafka: a partition whose fetch failed is not fetched again before retry.backoff.ms
 * (Java's consumer asks again at once); a batch with a bad CRC is fetched again after its error was
 * told, instead of being kept; that a partition has no position is reported once, not by every poll.
 */
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import type { FactOf } from "../facts.ts";
import type { Ports, Timer } from "../ports.ts";
import { assert } from "../assert.ts";
import { Errors, errorName } from "../errors.ts";
import type { FetchPartitionResponse } from "../protocol/fetch.ts";
import type { Rules } from "../rules.ts";
import type { ConsumerSettings } from "../settings/client-settings.ts";
import { ExponentialBackoff } from "./backoff.ts";
import type { PartitionMetadata } from "./client-metadata.ts";
import { ClientMetadata } from "./client-metadata.ts";
import { CLIENT_LANE } from "./client-network.ts";
import type { ConsumedRecord } from "./completed-fetch.ts";
import type { ResetTarget } from "./consumer-partition.ts";
import { ConsumerPartition } from "./consumer-partition.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { FetchBuffer } from "./fetch-buffer.ts";
import type { Wanted } from "./fetch-session.ts";
import { NodeFetcher } from "./node-fetcher.ts";
import { OffsetLookup } from "./offset-lookup.ts";

export type { ConsumedRecord } from "./completed-fetch.ts";

/** `records` is empty when the time was up; partitions may be mixed, each is in order. */
export type PollResult =
  | { readonly kind: "records"; readonly records: readonly ConsumedRecord[] }
  | { readonly kind: "error"; readonly error: string };

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface ConsumerOptions {
  readonly clientId: string;
  /** Hosts of the bootstrap servers. */
  readonly bootstrap: readonly string[];
  readonly settings: ConsumerSettings;
  readonly rules: Rules;
}

/** What "cause" of a position-set fact says after a validation that found no common epoch. */
const NO_COMMON_EPOCH = -2;

export class Consumer {
  readonly #ports: Ports;
  readonly #options: ConsumerOptions;
  readonly #metadata: ClientMetadata;
  readonly #lookup: OffsetLookup;
  readonly #backoff: ExponentialBackoff;
  readonly #pollTimer: Timer;
  readonly #retryTimer: DeadlineTimer;
  readonly #assigned: Map<PartitionMetadata, ConsumerPartition> = new Map();
  readonly #fetchers: Map<NodeId, NodeFetcher> = new Map();
  /** In state fetching, with nobody to fetch from yet. */
  readonly #unplaced: Set<ConsumerPartition> = new Set();
  /** Without a position and without a policy, which poll() has not reported yet. */
  readonly #unset: Set<ConsumerPartition> = new Set();
  /** They wait for their backoff to pass. */
  readonly #backingOff: Set<ConsumerPartition> = new Set();
  readonly #buffer: FetchBuffer;
  /** For poll() to report, one at a time. */
  readonly #errors: string[] = [];
  #waiting: ((result: PollResult) => void) | null = null;
  #isClosed = false;

  constructor(ports: Ports, options: ConsumerOptions) {
    const { clientId, bootstrap, settings, rules } = options;
    this.#ports = ports;
    this.#options = options;
    this.#metadata = new ClientMetadata(ports, {
      clientId,
      bootstrap,
      settings,
      rules: rules.client,
      allowAutoTopicCreation: settings["allow.auto.create.topics"],
      maxIdleMs: Infinity,
      onUpdate: (changed) => this.#metadataUpdated(changed),
      onReady: () => this.#advance(),
    });
    this.#buffer = new FetchBuffer(ports, settings, rules.consumer, (partition) => {
      this.#errors.push(errorName(Errors.CORRUPT_MESSAGE));
      this.#backOff(partition);
    });
    this.#lookup = new OffsetLookup({
      settings,
      rules: rules.consumer,
      metadata: this.#metadata,
      onReset: (partition, offset) => this.#resetDone(partition, offset),
      onValidated: (partition, epoch, end) => this.#validated(partition, epoch, end),
      onFailed: (partition, error) => this.#lookupFailed(partition, error),
      onDone: () => this.#advance(),
    });
    const [initialMs, maxMs] = [settings["retry.backoff.ms"], settings["retry.backoff.max.ms"]];
    this.#backoff = new ExponentialBackoff(ports.random, "consumer backoff", initialMs, maxMs);
    this.#pollTimer = ports.timers.timer(CLIENT_LANE, `poll ${clientId}`, () => this.#timeUp());
    this.#retryTimer = new DeadlineTimer(
      ports.timers.timer(CLIENT_LANE, `consumer retry ${clientId}`, () => {
        this.#retryTimer.fired();
        this.#retry();
      }),
    );
  }

  /** Replaces the assignment. A partition that stays keeps its position. */
  assign(partitions: readonly TopicPartition[]): void {
    const wanted = new Set(
      partitions.map(({ topic, partition }) => this.#metadata.partition(topic, partition)),
    );
    for (const [metadata, partition] of this.#assigned) {
      if (wanted.has(metadata)) continue;
      this.#withdraw(partition);
      this.#assigned.delete(metadata);
    }
    for (const metadata of wanted) {
      if (this.#assigned.has(metadata)) continue;
      const partition = new ConsumerPartition(metadata);
      this.#assigned.set(metadata, partition);
      const policy = this.#policy();
      if (policy !== null) this.#reset(partition, policy, "assigned", 0);
      else this.#unset.add(partition);
    }
  }

  /**
   * Asks for records: at most max.poll.records of them, as soon as there are any, else none after
   * `timeoutMs`. One at a time.
   */
  poll(timeoutMs: number, done: (result: PollResult) => void): void {
    assert(this.#waiting === null, "one poll at a time");
    assert(!this.#isClosed, "poll on a closed consumer");
    this.#waiting = done;
    this.#pollTimer.set(timeoutMs);
    for (const partition of this.#unset) {
      this.#unset.delete(partition);
      this.#errors.push("NO_OFFSET_FOR_PARTITION");
    }
    if (this.#errors.length > 0 || !this.#buffer.isEmpty) {
      this.#ports.work.later(CLIENT_LANE, "poll", () => this.#advance());
    } else {
      this.#ask();
    }
  }

  /** Goes on from that offset, whatever is there. */
  seek(topic: string, partition: number, offset: Offset): void {
    this.#setPosition(this.#find(topic, partition), offset, -1, "seek", 0);
  }

  /** Goes on from the first offset of each, as its leader will tell. */
  seekToBeginning(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      this.#reset(this.#find(topic, partition), "earliest", "seek", 0);
    }
  }

  /** Goes on from the end of each, as its leader will tell. */
  seekToEnd(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      this.#reset(this.#find(topic, partition), "latest", "seek", 0);
    }
  }

  /** Offset of the next record that poll() will return; null while it is not known. */
  position(topic: string, partition: number): Offset | null {
    const found = this.#find(topic, partition);
    return found.hasPosition ? found.offset : null;
  }

  /** A waiting poll gets no answer any more. */
  close(): void {
    this.#isClosed = true;
    this.#waiting = null;
    this.#pollTimer.cancel();
    this.#retryTimer.cancel();
    this.#metadata.close();
  }

  // ---- the poll that waits --------------------------------------------------------------------

  /** Something changed: answers the poll that waits if there is something for it, else asks on. */
  #advance(): void {
    if (this.#waiting === null) return;
    const error = this.#errors.shift();
    if (error !== undefined) return this.#answer({ kind: "error", error });
    const records = this.#buffer.collect();
    this.#ask();
    if (records.length > 0) this.#answer({ kind: "records", records });
  }

  #timeUp(): void {
    this.#advance();
    if (this.#waiting !== null) this.#answer({ kind: "records", records: [] });
  }

  #answer(result: PollResult): void {
    const done = this.#waiting;
    this.#waiting = null;
    this.#pollTimer.cancel();
    done?.(result);
  }

  /** Looks up what is missing, and fetches from every broker that can be asked now. */
  #ask(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    for (const partition of this.#unplaced) this.#place(partition);
    this.#lookup.run(nowMs);
    for (const fetcher of this.#fetchers.values()) fetcher.fetch(nowMs);
  }

  // ---- positions ------------------------------------------------------------------------------

  #policy(): ResetTarget | null {
    const policy = this.#options.settings["auto.offset.reset"];
    return policy === "none" ? null : (policy as ResetTarget);
  }

  /** The position is void until the leader told a new one. */
  #reset(
    partition: ConsumerPartition,
    to: ResetTarget,
    why: FactOf<"position-set">["why"],
    cause: number,
  ): void {
    this.#withdraw(partition);
    partition.state = { kind: "resetting", to, why, cause };
    partition.retryAtMs = -Infinity;
    this.#lookup.add(partition);
  }

  #resetDone(partition: ConsumerPartition, offset: Offset): void {
    const { state } = partition;
    assert(state.kind === "resetting", `${partition.metadata.name} is being reset`);
    this.#setPosition(partition, offset, -1, state.why, state.cause);
  }

  #setPosition(
    partition: ConsumerPartition,
    offset: Offset,
    offsetEpoch: LeaderEpoch,
    why: FactOf<"position-set">["why"],
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
    this.#place(partition);
    const { probe } = this.#ports;
    if (probe === null) return;
    const name = partition.metadata.name;
    probe.emit({ kind: "position-set", partition: name, offset, why, cause });
  }

  #validated(partition: ConsumerPartition, epoch: LeaderEpoch, endOffset: Offset): void {
    const { consumer } = this.#options.rules;
    const verdict = consumer.validation(partition.offset, epoch, endOffset);
    const policy = this.#policy();
    if (verdict === "valid") {
      this.#lookup.remove(partition);
      partition.state = { kind: "fetching" };
      partition.failures = 0;
      this.#place(partition);
    } else if (policy === null) {
      // Kafka's LogTruncationException; the position stays, and only a seek helps.
      this.#withdraw(partition);
      partition.state = { kind: "unset" };
      this.#errors.push("LOG_TRUNCATION");
    } else if (verdict === "truncated") {
      const offset = consumer.truncatedPosition(endOffset);
      this.#setPosition(partition, offset, epoch, "truncation", 0);
    } else {
      this.#reset(partition, policy, resetName(policy), NO_COMMON_EPOCH);
    }
  }

  #lookupFailed(partition: ConsumerPartition, error: number): void {
    const { consumer } = this.#options.rules;
    // Unlike a fetch, whatever the error was (OffsetFetcher.java, OffsetsForLeaderEpochUtils.java).
    this.#metadata.requestUpdate();
    if (!consumer.isRetriable(error)) this.#errors.push(errorName(error));
    this.#backOff(partition);
  }

  // ---- fetched data ---------------------------------------------------------------------------

  #fetched(partition: ConsumerPartition, asked: Wanted, answer: FetchPartitionResponse): void {
    if (partition.state.kind !== "fetching" || partition.fetcher === null) return;
    const { consumer } = this.#options.rules;
    if (answer.errorCode !== Errors.NONE) return this.#fetchFailed(partition, asked, answer);
    partition.failures = 0;
    if (answer.records.length === 0) return;
    if (!consumer.keepsData(asked.fetchOffset, partition.offset)) return;
    if (!partition.isBuffered) this.#buffer.add(partition, asked.fetchOffset, answer.records);
  }

  #fetchFailed(partition: ConsumerPartition, asked: Wanted, answer: FetchPartitionResponse): void {
    const { errorCode, currentLeader } = answer;
    const { consumer } = this.#options.rules;
    if (consumer.refreshesMetadata(errorCode)) this.#metadata.requestUpdate();
    this.#backOff(partition);
    if (errorCode === Errors.OFFSET_OUT_OF_RANGE) {
      if (!consumer.mayReset(errorCode, asked.fetchOffset, partition.offset)) return;
      const policy = this.#policy();
      if (policy !== null) this.#reset(partition, policy, resetName(policy), errorCode);
      else this.#errors.push(errorName(errorCode));
    } else if (errorCode === Errors.CORRUPT_MESSAGE) {
      this.#errors.push(errorName(errorCode));
    } else if (!consumer.isRetriable(errorCode)) {
      this.#tellError("Fetch", errorCode);
    }
    if (this.#metadata.applyHint(partition.metadata, currentLeader)) this.#leaderChanged(partition);
  }

  // ---- leaders --------------------------------------------------------------------------------

  #metadataUpdated(changed: readonly PartitionMetadata[]): void {
    for (const metadata of changed) {
      const partition = this.#assigned.get(metadata);
      if (partition !== undefined) this.#leaderChanged(partition);
    }
    for (const { topic } of this.#unknownTopics()) {
      if (topic.error === Errors.INVALID_TOPIC_EXCEPTION) this.#errors.push(errorName(topic.error));
    }
    this.#advance();
  }

  *#unknownTopics(): Iterable<PartitionMetadata> {
    for (const metadata of this.#assigned.keys()) if (metadata.topic.error !== 0) yield metadata;
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
    if (needsValidation) {
      this.#withdraw(partition);
      partition.state = { kind: "validating" };
      this.#lookup.add(partition);
    } else if (state.kind === "fetching") {
      this.#place(partition);
    }
  }

  /** Has a partition in state fetching fetched from its leader, when there is one. */
  #place(partition: ConsumerPartition): void {
    const node = partition.leader >= 0 ? partition.leader : partition.metadata.leader;
    if (node < 0) {
      this.#unplaced.add(partition);
      this.#metadata.requestUpdate();
      return;
    }
    if (partition.leader < 0) {
      partition.leader = node;
      partition.leaderEpoch = partition.metadata.leaderEpoch;
    }
    this.#unplaced.delete(partition);
    if (partition.fetcher?.node !== node) {
      partition.fetcher?.remove(partition);
      this.#fetcher(node).add(partition);
    } else {
      partition.fetcher.changed(partition);
    }
  }

  /** Nobody fetches or looks up anything for it any more. */
  #withdraw(partition: ConsumerPartition): void {
    partition.fetcher?.remove(partition);
    this.#lookup.remove(partition);
    this.#unplaced.delete(partition);
    this.#unset.delete(partition);
    this.#backingOff.delete(partition);
  }

  #fetcher(node: NodeId): NodeFetcher {
    let fetcher = this.#fetchers.get(node);
    if (fetcher === undefined) {
      const { settings, rules } = this.#options;
      fetcher = new NodeFetcher(node, {
        settings,
        rules: rules.consumer,
        metadata: this.#metadata,
        onPartition: (partition, asked, answer) => this.#fetched(partition, asked, answer),
        onDone: () => this.#advance(),
      });
      this.#fetchers.set(node, fetcher);
    }
    return fetcher;
  }

  // ---- failures -------------------------------------------------------------------------------

  #backOff(partition: ConsumerPartition): void {
    const nowMs = this.#ports.clock.monotonicMs();
    partition.failures += 1;
    partition.retryAtMs = nowMs + this.#backoff.delayMs(partition.failures);
    partition.fetcher?.changed(partition);
    this.#backingOff.add(partition);
    this.#retryTimer.armNoLaterThan(partition.retryAtMs, nowMs);
  }

  #retry(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    let nextMs = Infinity;
    for (const partition of this.#backingOff) {
      if (partition.retryAtMs > nowMs) {
        nextMs = Math.min(nextMs, partition.retryAtMs);
        continue;
      }
      this.#backingOff.delete(partition);
      partition.fetcher?.changed(partition);
    }
    this.#retryTimer.arm(nextMs, nowMs);
    this.#advance();
  }

  #tellError(where: string, error: number): void {
    const { probe } = this.#ports;
    if (probe !== null) probe.emit({ kind: "client-error", where, error: errorName(error) });
  }

  #find(topic: string, partition: number): ConsumerPartition {
    const found = this.#assigned.get(this.#metadata.partition(topic, partition));
    assert(found !== undefined, `${topic}-${partition} is assigned`);
    return found;
  }
}

function resetName(policy: ResetTarget): "reset-earliest" | "reset-latest" {
  return policy === "earliest" ? "reset-earliest" : "reset-latest";
}
