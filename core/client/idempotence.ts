/**
 * The identity of an idempotent producer: its id, its epoch, and the sequences of its batches
 * (TransactionManager.java without transactions, KIP-98, KIP-360). When a partition's sequences cannot
 * go on, the epoch is bumped locally and that partition begins at 0 again.
 */
import type { Offset, ProducerEpoch, ProducerId } from "../ids.ts";
import { NO_EPOCH, NO_PRODUCER_ID } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { Errors, errorName } from "../errors.ts";
import type { Outcome } from "../network/client-channel.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { ProducerSettings } from "../settings/client-settings.ts";
import { ExponentialBackoff } from "./backoff.ts";
import type { ClientMetadata } from "./client-metadata.ts";
import type { PartitionQueue } from "./partition-queue.ts";
import type { ProducerBatch } from "./producer-batch.ts";
import type { ProducerRules } from "./producer-rules.ts";

const MAX_EPOCH = 32767;

export interface IdempotenceOptions {
  readonly settings: ProducerSettings;
  readonly rules: ProducerRules;
  readonly metadata: ClientMetadata;
  /** Every partition that was ever sent to. */
  readonly partitions: () => Iterable<PartitionQueue>;
  /** The id was given, or asking for it failed. */
  readonly onChange: () => void;
}

export class Idempotence {
  producerId: ProducerId = NO_PRODUCER_ID;
  producerEpoch: ProducerEpoch = NO_EPOCH;
  /** Why no id will ever be given; null while there is hope. */
  fatalError: string | null = null;
  /** When to ask for an id again after a failure. */
  retryAtMs: number = -Infinity;
  readonly #ports: Ports;
  readonly #options: IdempotenceOptions;
  readonly #backoff: ExponentialBackoff;
  #isAsking = false;
  #failures = 0;
  /** Partitions that asked for a new epoch, and why. */
  readonly #bumps: Map<PartitionQueue, string> = new Map();
  readonly #unresolved: Set<PartitionQueue> = new Set();

  constructor(ports: Ports, options: IdempotenceOptions) {
    this.#ports = ports;
    this.#options = options;
    const { settings } = options;
    this.#backoff = new ExponentialBackoff(
      ports.random,
      "producer id backoff",
      settings["retry.backoff.ms"],
      settings["retry.backoff.max.ms"],
    );
  }

  get hasProducerId(): boolean {
    return this.producerId !== NO_PRODUCER_ID;
  }

  /**
   * Before each pass of the sender: settles what can be settled and asks for an id, if there is none
   * and batches wait for one.
   */
  prepare(nowMs: number, hasBatches: boolean): void {
    if (this.#unresolved.size > 0) this.#resolve();
    if (this.#bumps.size > 0 && this.hasProducerId) this.#bump();
    if (hasBatches && !this.hasProducerId) this.#ask(nowMs);
  }

  /** Whether this batch may leave its queue now. */
  mayDrain(batch: ProducerBatch): boolean {
    if (!this.hasProducerId) return false;
    const { rules } = this.#options;
    const { queue } = batch;
    if (batch.baseSequence >= 0) {
      return rules.mayDrainRetry(queue.firstUnackedSequence, batch.baseSequence);
    }
    const isUnresolved = queue.unresolvedNext >= 0;
    return rules.mayDrainNew(queue.unacked.length > 0, this.#isStale(queue), isUnresolved);
  }

  /** Gives a batch that leaves for the first time its sequence. */
  assign(batch: ProducerBatch): void {
    if (batch.baseSequence >= 0) return;
    const { queue } = batch;
    if (this.#isStale(queue)) this.#startAtBeginning(queue);
    batch.setProducerState(this.producerId, this.producerEpoch, queue.nextSequence);
    const { rules } = this.#options;
    queue.nextSequence = rules.nextSequence(queue.nextSequence, batch.records.length);
    queue.unacked.push(batch);
  }

  /** The broker has the batch. */
  completed(batch: ProducerBatch): void {
    const { queue } = batch;
    const { lastSequence } = batch;
    const last = queue.lastAckedSequence;
    if (last < 0 || isLater(lastSequence, last)) queue.lastAckedSequence = lastSequence;
    queue.forget(batch);
  }

  /** A batch failed for good with this answer; `isExpired`: by delivery.timeout.ms instead. */
  failed(batch: ProducerBatch, error: number, isExpired: boolean): void {
    const { queue } = batch;
    queue.forget(batch);
    if (batch.baseSequence < 0) return;
    if (isExpired) return this.#expired(batch);
    if (error === Errors.UNKNOWN_PRODUCER_ID) {
      queue.resetSequences();
      this.#unresolved.delete(queue);
      return;
    }
    const { rules, settings } = this.#options;
    const isGap = error === Errors.OUT_OF_ORDER_SEQUENCE_NUMBER;
    if (isGap || rules.bumpsOnFailure(batch.attempts, settings.retries)) {
      this.#requestBump(queue, isGap ? errorName(error) : "failed batch");
    }
  }

  /** Whether a batch refused with this error is tried again; asks for a new epoch if it needs one. */
  mayRetry(batch: ProducerBatch, error: number, logStartOffset: Offset): boolean {
    const { rules } = this.#options;
    const { queue } = batch;
    if (error === Errors.UNKNOWN_PRODUCER_ID) {
      if (rules.bumpsOnUnknownProducer(logStartOffset, batch.wasRewritten)) {
        this.#requestBump(queue, errorName(error));
      }
      return true;
    }
    if (error === Errors.OUT_OF_ORDER_SEQUENCE_NUMBER) {
      const { baseSequence } = batch;
      const isNext = rules.isNextSequence(queue.lastAckedSequence, baseSequence);
      const isUnresolved = queue.unresolvedNext >= 0;
      const follows = queue.unresolvedNext === baseSequence;
      const what = rules.afterOutOfOrder(isUnresolved, batch.wasRewritten, isNext, follows);
      if (what === "bump-and-retry") this.#requestBump(queue, errorName(error));
      return true;
    }
    return rules.isRetriable(error);
  }

  #expired(batch: ProducerBatch): void {
    const { rules } = this.#options;
    const { queue } = batch;
    const count = batch.records.length;
    const next = rules.nextSequence(batch.baseSequence, count);
    queue.nextSequence = rules.sequenceAfterExpiry(queue.nextSequence, batch.baseSequence, count);
    if (!rules.leavesSequenceUnresolved(batch.attempts > 0)) return;
    if (queue.unresolvedNext < 0 || isLater(next, queue.unresolvedNext)) {
      queue.unresolvedNext = next;
    }
    this.#unresolved.add(queue);
  }

  /** Once nothing of a partition is in doubt any more, its expired batches are either in or a gap. */
  #resolve(): void {
    const { rules } = this.#options;
    for (const queue of this.#unresolved) {
      if (queue.unacked.length > 0) continue;
      if (!rules.resolvesWithoutBump(queue.lastAckedSequence, queue.nextSequence)) {
        this.#requestBump(queue, "unresolved sequence");
      }
      queue.unresolvedNext = -1;
      this.#unresolved.delete(queue);
    }
  }

  #requestBump(queue: PartitionQueue, cause: string): void {
    if (!this.#bumps.has(queue)) this.#bumps.set(queue, cause);
  }

  /** The next epoch; or, when there is none, another id, which `#given` brings. */
  #bump(): void {
    if (this.producerEpoch === MAX_EPOCH) {
      this.producerId = NO_PRODUCER_ID;
      this.producerEpoch = NO_EPOCH;
      return;
    }
    this.producerEpoch += 1;
    this.#rewrite();
  }

  #rewrite(): void {
    const { rules } = this.#options;
    for (const queue of this.#options.partitions()) {
      if (!rules.rewritesOnBump(this.#bumps.has(queue))) continue;
      this.#startAtBeginning(queue);
      queue.unresolvedNext = -1;
      this.#unresolved.delete(queue);
    }
    const { probe } = this.#ports;
    if (probe !== null) {
      probe.emit({
        kind: "producer-epoch-bumped",
        producerId: this.producerId,
        producerEpoch: this.producerEpoch,
        cause: [...new Set(this.#bumps.values())].join(", "),
        partitions: [...this.#bumps.keys()].map((queue) => queue.metadata.name),
      });
    }
    this.#bumps.clear();
  }

  #startAtBeginning(queue: PartitionQueue): void {
    const { rules } = this.#options;
    let sequence = 0;
    for (const batch of queue.unacked) {
      batch.rewrite(this.producerId, this.producerEpoch, sequence);
      sequence = rules.nextSequence(sequence, batch.records.length);
    }
    queue.producerId = this.producerId;
    queue.producerEpoch = this.producerEpoch;
    queue.nextSequence = sequence;
    queue.lastAckedSequence = -1;
  }

  #isStale(queue: PartitionQueue): boolean {
    return queue.producerId !== this.producerId || queue.producerEpoch !== this.producerEpoch;
  }

  #ask(nowMs: number): void {
    if (this.#isAsking || this.fatalError !== null || nowMs < this.retryAtMs) return;
    const channel = this.#options.metadata.anyBroker();
    if (channel === null) return;
    this.#isAsking = true;
    const body = {
      transactionalId: null,
      transactionTimeoutMs: 2147483647,
      producerId: NO_PRODUCER_ID,
      producerEpoch: NO_EPOCH,
    };
    channel.send(ApiKeys.INIT_PRODUCER_ID, body, (outcome) => {
      this.#isAsking = false;
      this.#given(outcome);
      this.#options.onChange();
    });
  }

  #given(outcome: Outcome<typeof ApiKeys.INIT_PRODUCER_ID>): void {
    const error = outcome.kind === "response" ? outcome.body.errorCode : Errors.NETWORK_EXCEPTION;
    if (outcome.kind === "response" && error === Errors.NONE) {
      this.#failures = 0;
      this.producerId = outcome.body.producerId;
      this.producerEpoch = outcome.body.producerEpoch;
      if (this.#bumps.size > 0) this.#rewrite();
      return;
    }
    if (outcome.kind === "unsupported") this.fatalError = errorName(Errors.UNSUPPORTED_VERSION);
    else if (!this.#options.rules.isRetriable(error)) this.fatalError = errorName(error);
    this.#failures += 1;
    const nowMs = this.#ports.clock.monotonicMs();
    this.retryAtMs = nowMs + this.#backoff.delayMs(this.#failures);
    const { probe } = this.#ports;
    if (probe !== null && outcome.kind === "response") {
      probe.emit({ kind: "client-error", where: "InitProducerId", error: errorName(error) });
    }
  }
}

/** Of two sequences in use at the same time, across the wrap. */
function isLater(a: number, b: number): boolean {
  const distance = (a - b + 0x80000000) % 0x80000000;
  return distance > 0 && distance < 0x40000000;
}
