/**
 * A producer (KafkaProducer.java), without threads and promises: send() takes a record and a callback.
 * Callbacks never run inside a call of the producer's user; they may call the producer.
 *
 * Differs from Kafka: send() does not block its caller. A send that would block, for metadata or for
 * memory, waits in line with all later ones behind it; max.block.ms counts from its own call. close()
 * gives up what is not acknowledged yet.
 */
import type { PartitionName } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { Errors, errorName } from "../errors.ts";
import { BATCH_HEADER_BYTES } from "../record/batch.ts";
import type { Rules } from "../rules.ts";
import type { ProducerSettings } from "../settings/client-settings.ts";
import type { TopicQueues } from "./accumulator.ts";
import { Accumulator } from "./accumulator.ts";
import { ClientMetadata } from "./client-metadata.ts";
import { CLIENT_LANE } from "./client-network.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { Idempotence } from "./idempotence.ts";
import { murmur2 } from "./murmur2.ts";
import type { PendingRecord, ProducerBatch, SendResult } from "./producer-batch.ts";
import { normaliseProducerSettings } from "./producer-settings.ts";
import type { RecordHeader } from "./record-size.ts";
import { recordSizeUpperBound } from "./record-size.ts";
import { Sender } from "./sender.ts";

export type { SendResult } from "./producer-batch.ts";

export interface ProducerRecord {
  /** Names the send in facts; the caller's. */
  readonly sendId: string;
  readonly topic: string;
  /** Without it, the partitioner chooses. */
  readonly partition?: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** CreateTime, in ms. */
  readonly timestamp: number;
  readonly headers?: readonly RecordHeader[];
}

export interface ProducerOptions {
  readonly clientId: string;
  /** Hosts of the bootstrap servers. */
  readonly bootstrap: readonly string[];
  readonly settings: ProducerSettings;
  readonly rules: Rules;
}

/** A send or a flush that waits until those before it found their place. */
type InLine =
  | { readonly kind: "send"; readonly record: PendingRecord; readonly deadlineMs: number }
  | { readonly kind: "flush"; readonly done: () => void };

interface Flush {
  readonly batches: Set<ProducerBatch>;
  readonly done: () => void;
}

type Admission = "placed" | "failed" | "no-metadata" | "no-memory";

export class Producer {
  readonly #ports: Ports;
  readonly #settings: ProducerSettings;
  readonly #rules: Rules;
  readonly #metadata: ClientMetadata;
  readonly #accumulator: Accumulator;
  readonly #sender: Sender;
  readonly #lineTimer: DeadlineTimer;
  readonly #line: InLine[] = [];
  readonly #flushes: Set<Flush> = new Set();
  #lacksMemory = false;
  #pendingCount = 0;
  #isClosed = false;
  /** Sends whose callbacks are to be run when the present input is handled, and their results. */
  #resolved: PendingRecord[] = [];
  #results: SendResult[] = [];
  /** Flushes that are over. */
  #flushed: (() => void)[] = [];
  #deliveryIsQueued = false;

  /** Throws a SettingError when the settings contradict each other. */
  constructor(ports: Ports, options: ProducerOptions) {
    const { clientId, bootstrap, rules } = options;
    const settings = normaliseProducerSettings(options.settings, true);
    this.#ports = ports;
    this.#settings = settings;
    this.#rules = rules;
    this.#metadata = new ClientMetadata(ports, {
      clientId,
      bootstrap,
      settings,
      rules: rules.client,
      allowAutoTopicCreation: true,
      maxIdleMs: settings["metadata.max.idle.ms"],
      onUpdate: () => this.#advance(),
      onReady: () => this.#sender.run(),
    });
    this.#accumulator = new Accumulator(ports, settings, rules.producer, this.#metadata);
    const common = { settings, rules: rules.producer, metadata: this.#metadata };
    const idempotence = settings["enable.idempotence"]
      ? new Idempotence(ports, {
          ...common,
          partitions: () => this.#accumulator.partitions(),
          onChange: () => this.#sender.run(),
        })
      : null;
    this.#sender = new Sender(ports, {
      ...common,
      clientId,
      accumulator: this.#accumulator,
      idempotence,
      isHurried: () => this.#flushes.size > 0 || this.#lacksMemory,
      onDone: (batch, resultOf) => this.#batchDone(batch, resultOf),
      onSplit: (batch, parts) => this.#batchSplit(batch, parts),
      onIdle: () => this.#deliver(),
    });
    this.#lineTimer = new DeadlineTimer(
      ports.timers.timer(CLIENT_LANE, `max.block.ms ${clientId}`, () => {
        this.#lineTimer.fired();
        this.#advance();
      }),
    );
  }

  /** Sends that have no result yet. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  /** Hands a record over; `done` is called exactly once, later. */
  send(given: ProducerRecord, done: (result: SendResult) => void): void {
    const { sendId, topic, key, value, timestamp } = given;
    const { probe } = this.#ports;
    if (probe !== null) probe.emit({ kind: "send-started", sendId, topic, key, value });
    this.#pendingCount += 1;
    const headers = given.headers ?? [];
    const partition = given.partition ?? -1;
    const record: PendingRecord = {
      sendId,
      topic,
      key,
      value,
      timestamp,
      headers,
      partition,
      done,
    };
    if (this.#isClosed) this.#refuse(record, "PRODUCER_CLOSED");
    else if (this.#isTooLarge(record)) this.#refuse(record, errorName(Errors.MESSAGE_TOO_LARGE));
    else if (this.#line.length > 0 || !this.#place(record)) this.#queueUp(record);
    this.#deliverSoon();
  }

  /** `done` is called when everything sent before has its result; makes all of it due at once. */
  flush(done: () => void): void {
    if (this.#line.length > 0) this.#line.push({ kind: "flush", done });
    else this.#flushNow(done);
    this.#deliverSoon();
  }

  /** Ends the producer: what has no result yet fails. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sender.close();
    this.#metadata.close();
    this.#lineTimer.cancel();
    for (const batch of this.#accumulator.incomplete) {
      const maybeAppended = batch.maybeAppended || batch.isInFlight;
      const result: SendResult = { kind: "failed", error: "PRODUCER_CLOSED", maybeAppended };
      this.#accumulator.complete(batch);
      this.#batchDone(batch, () => result);
    }
    for (const entry of this.#line.splice(0)) {
      if (entry.kind === "send") this.#refuse(entry.record, "PRODUCER_CLOSED");
      else this.#flushed.push(entry.done);
    }
    this.#deliverSoon();
  }

  // ---- finding a place ------------------------------------------------------------------------

  /** Tries to put a record into a batch; false when it has to wait. */
  #place(record: PendingRecord): boolean {
    const admission = this.#admit(record);
    const lackedMemory = this.#lacksMemory;
    this.#lacksMemory = admission === "no-memory";
    // Everything is due now, but one wake is enough: the answers bring the next passes.
    if (this.#lacksMemory && !lackedMemory) this.#sender.wake();
    return admission === "placed" || admission === "failed";
  }

  #admit(record: PendingRecord): Admission {
    const topic = this.#accumulator.topic(record.topic);
    const { metadata } = topic;
    if (metadata.error === Errors.INVALID_TOPIC_EXCEPTION) {
      this.#refuse(record, errorName(metadata.error));
      return "failed";
    }
    if (metadata.partitionCount === 0) return "no-metadata";
    if (record.partition >= metadata.partitionCount) {
      this.#metadata.requestUpdate();
      return "no-metadata";
    }
    if (record.partition < 0) record.partition = this.#choose(topic, record.key);
    const nowMs = this.#ports.clock.monotonicMs();
    const outcome = this.#accumulator.append(topic, record, nowMs);
    const lingerMs = this.#settings["linger.ms"];
    if (outcome === "no-memory") return "no-memory";
    if (outcome === "full") this.#sender.wake();
    else if (outcome === "opened") {
      if (lingerMs === 0 || this.#flushes.size > 0) this.#sender.wake();
      else this.#sender.wakeAt(nowMs + lingerMs, nowMs);
    }
    return "placed";
  }

  /** The partition that a partitioner gives at once; -1 leaves it to the sticky one. */
  #choose(topic: TopicQueues, key: Uint8Array | null): number {
    const { producer } = this.#rules;
    const { partitionCount, available } = topic.metadata;
    if (this.#settings["partitioner.class"] === "round-robin") {
      const count = available.length > 0 ? available.length : partitionCount;
      const index = producer.roundRobinIndex(topic.placed++, count);
      return available[index]?.index ?? index;
    }
    if (key === null || this.#settings["partitioner.ignore.keys"]) return -1;
    return producer.partitionOfHash(murmur2(key), partitionCount);
  }

  #isTooLarge(record: PendingRecord): boolean {
    const bytes =
      BATCH_HEADER_BYTES + recordSizeUpperBound(record.key, record.value, record.headers);
    return bytes > this.#settings["max.request.size"] || bytes > this.#settings["buffer.memory"];
  }

  #queueUp(record: PendingRecord): void {
    const nowMs = this.#ports.clock.monotonicMs();
    const deadlineMs = nowMs + this.#settings["max.block.ms"];
    this.#line.push({ kind: "send", record, deadlineMs });
    this.#lineTimer.armNoLaterThan(deadlineMs, nowMs);
  }

  /** After a change that the line may have waited for: lets in whom it can, then sends. */
  #advance(): void {
    if (this.#isClosed) return;
    this.#letIn();
    this.#sender.run();
  }

  #letIn(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    while (this.#line.length > 0) {
      const entry = this.#line[0] as InLine;
      if (entry.kind === "flush") this.#flushNow(entry.done);
      else if (!this.#place(entry.record)) {
        if (entry.deadlineMs > nowMs) break;
        this.#refuse(entry.record, this.#lacksMemory ? "BUFFER_EXHAUSTED" : "METADATA_TIMED_OUT");
      }
      this.#line.shift();
    }
    if (this.#line.length === 0) this.#lacksMemory = false;
    const next = this.#line.find((entry) => entry.kind === "send");
    this.#lineTimer.arm(next?.kind === "send" ? next.deadlineMs : Infinity, nowMs);
  }

  // ---- results --------------------------------------------------------------------------------

  #flushNow(done: () => void): void {
    const { incomplete } = this.#accumulator;
    if (incomplete.size === 0) {
      this.#flushed.push(done);
      return;
    }
    this.#flushes.add({ batches: new Set(incomplete), done });
    this.#sender.wake();
  }

  #batchDone(batch: ProducerBatch, resultOf: (index: number) => SendResult): void {
    const partition = batch.queue.metadata.name;
    for (const [index, record] of batch.records.entries()) {
      this.#resolve(record, partition, resultOf(index));
    }
    for (const flush of this.#flushes) {
      if (flush.batches.delete(batch)) this.#endFlush(flush);
    }
  }

  #batchSplit(batch: ProducerBatch, parts: readonly ProducerBatch[]): void {
    for (const flush of this.#flushes) {
      if (flush.batches.delete(batch)) for (const part of parts) flush.batches.add(part);
    }
  }

  #endFlush(flush: Flush): void {
    if (flush.batches.size > 0) return;
    this.#flushes.delete(flush);
    this.#flushed.push(flush.done);
  }

  #refuse(record: PendingRecord, error: string): void {
    this.#resolve(record, null, { kind: "failed", error, maybeAppended: false });
  }

  #resolve(record: PendingRecord, partition: PartitionName | null, result: SendResult): void {
    this.#pendingCount -= 1;
    this.#resolved.push(record);
    this.#results.push(result);
    const { probe } = this.#ports;
    if (probe === null) return;
    const { sendId } = record;
    if (result.kind === "failed") {
      const { error, maybeAppended } = result;
      probe.emit({ kind: "send-failed", sendId, partition, error, maybeAppended });
    } else if (partition !== null) {
      probe.emit({ kind: "send-acked", sendId, partition, offset: result.offset });
    }
  }

  /** Runs the callbacks, and lets in the line, at the end of an input that is not the user's. */
  #deliver(): void {
    if (this.#line.length > 0 && !this.#isClosed) this.#letIn();
    while (this.#hasNews) {
      const [resolved, results, flushed] = [this.#resolved, this.#results, this.#flushed];
      this.#resolved = [];
      this.#results = [];
      this.#flushed = [];
      for (let at = 0; at < resolved.length; at++) {
        (resolved[at] as PendingRecord).done(results[at] as SendResult);
      }
      for (const done of flushed) done();
    }
  }

  get #hasNews(): boolean {
    return this.#resolved.length > 0 || this.#flushed.length > 0;
  }

  #deliverSoon(): void {
    if (this.#deliveryIsQueued || !this.#hasNews) return;
    this.#deliveryIsQueued = true;
    this.#ports.work.later(CLIENT_LANE, "send results", () => {
      this.#deliveryIsQueued = false;
      this.#deliver();
    });
  }
}
