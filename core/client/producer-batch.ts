import type { LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, TopicId } from "../ids.ts";
import { NO_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE } from "../ids.ts";
import type { Codecs, CompressionType } from "../ports.ts";
import type { BatchBody } from "../record/batch.ts";
import { BATCH_HEADER_BYTES } from "../record/batch.ts";
import type { ByteSlab } from "../record/byte-slab.ts";
import type { NewRecord } from "../record/encode.ts";
import { encodeBatch, withProducerState } from "../record/encode.ts";
import type { CompressionRatio } from "./compression-ratio.ts";
import type { PartitionQueue } from "./partition-queue.ts";
import { recordSizeBytes } from "./record-size.ts";

/** How a send ended. */
export type SendResult =
  | { readonly kind: "acked"; readonly partition: number; readonly offset: Offset }
  | { readonly kind: "failed"; readonly error: string; readonly maybeAppended: boolean };

/** A record between send() and its result. */
export interface PendingRecord extends NewRecord {
  readonly sendId: string;
  readonly topic: string;
  /** -1 while none is chosen. */
  partition: number;
  readonly done: (result: SendResult) => void;
}

/**
 * Records of one partition that travel together (ProducerBatch.java). Records are only collected
 * until it is drained: then it gets its sequence and is encoded, once for all attempts.
 */
export class ProducerBatch {
  readonly queue: PartitionQueue;
  readonly createdMs: number;
  /** It takes no more records when it has reached this size. */
  readonly writeLimitBytes: number;
  /** What it holds of buffer.memory. */
  readonly memoryBytes: number;
  /** Made by splitting one that was too large. */
  readonly isPart: boolean;
  readonly records: PendingRecord[] = [];
  readonly sendIds: string[] = [];
  /** Takes no more records. */
  isClosed = false;
  /** All its sends have their results. */
  isDone = false;
  isInFlight = false;
  /** An attempt ended without a proof that nothing was appended. */
  maybeAppended = false;
  /** Of its topic, as the last request named it. */
  sentTopicId: TopicId | null = null;
  /** Attempts that ended. */
  attempts = 0;
  /** When it was made or put back last. */
  waitingSinceMs: number;
  retryAtMs: number = -Infinity;
  producerId: ProducerId = NO_PRODUCER_ID;
  producerEpoch: ProducerEpoch = NO_EPOCH;
  /** -1 until it is drained for the first time, and without idempotence. */
  baseSequence: Sequence = NO_SEQUENCE;
  /** An epoch bump gave it another sequence. */
  wasRewritten = false;
  #body: BatchBody | null = null;
  #recordsBytes = 0;
  #leaderEpoch: LeaderEpoch = NO_EPOCH;
  #attemptsAtLeaderChange = -1;
  readonly #compression: CompressionType;
  readonly #ratio: CompressionRatio;

  constructor(
    queue: PartitionQueue,
    createdMs: number,
    writeLimitBytes: number,
    memoryBytes: number,
    compression: CompressionType,
    isPart: boolean = false,
  ) {
    this.queue = queue;
    this.createdMs = createdMs;
    this.waitingSinceMs = createdMs;
    this.writeLimitBytes = writeLimitBytes;
    this.memoryBytes = memoryBytes;
    this.isPart = isPart;
    this.#compression = compression;
    this.#ratio = queue.compressionRatio;
  }

  /** Expected size of all of it; the true one once it is encoded. */
  get sizeBytes(): number {
    if (this.#body !== null) return this.#body.sizeBytes;
    const isPlain = this.#compression === "none";
    const records = isPlain ? this.#recordsBytes : this.#ratio.estimate(this.#recordsBytes);
    return BATCH_HEADER_BYTES + records;
  }

  get isFull(): boolean {
    return this.isClosed || (this.records.length > 0 && this.sizeBytes >= this.writeLimitBytes);
  }

  /** Encoded size of its records to what they would take uncompressed. */
  get compressionRatio(): number {
    if (this.#body === null || this.#recordsBytes === 0) return 1;
    return (this.#body.sizeBytes - BATCH_HEADER_BYTES) / this.#recordsBytes;
  }

  get lastSequence(): Sequence {
    return (this.baseSequence + this.records.length - 1) % 0x80000000;
  }

  /** Adds a record, unless it is full; the bytes that it took, or 0. A first record always fits. */
  append(record: PendingRecord): number {
    const first = this.records[0];
    const timestampDelta = first === undefined ? 0 : record.timestamp - first.timestamp;
    const { key, value, headers } = record;
    const count = this.records.length;
    const size = recordSizeBytes(key, value, headers, count, timestampDelta);
    if (this.isClosed || (count > 0 && this.sizeBytes + size > this.writeLimitBytes)) {
      this.isClosed = true;
      return 0;
    }
    this.records.push(record);
    this.sendIds.push(record.sendId);
    this.#recordsBytes += size;
    return size;
  }

  /** Gives it its identity for the broker's duplicate check; it must not change but by a bump. */
  setProducerState(producerId: ProducerId, epoch: ProducerEpoch, baseSequence: Sequence): void {
    this.producerId = producerId;
    this.producerEpoch = epoch;
    this.baseSequence = baseSequence;
  }

  /** A new identity after an epoch bump; what is on its way keeps the old one. */
  rewrite(producerId: ProducerId, epoch: ProducerEpoch, baseSequence: Sequence): void {
    this.setProducerState(producerId, epoch, baseSequence);
    this.wasRewritten = true;
    if (this.#body !== null) {
      this.#body = withProducerState(this.#body, producerId, epoch, baseSequence);
    }
  }

  /** Its encoded form; closes it. */
  encode(codecs: Codecs, slab: ByteSlab): BatchBody {
    if (this.#body === null) {
      this.isClosed = true;
      const { producerId, producerEpoch, baseSequence } = this;
      const compression = this.#compression;
      this.#body = encodeBatch(this.records, {
        compression,
        producerId,
        producerEpoch,
        baseSequence,
        codecs,
        slab,
      });
      if (compression !== "none") {
        this.#ratio.observe(this.#recordsBytes, this.#body.sizeBytes - BATCH_HEADER_BYTES);
      }
    }
    return this.#body;
  }

  /** Takes note of the partition's leader epoch, as known now. */
  noteLeaderEpoch(epoch: LeaderEpoch): void {
    if (epoch <= this.#leaderEpoch) return;
    this.#leaderEpoch = epoch;
    this.#attemptsAtLeaderChange = this.attempts;
  }

  get attemptsAtLeaderChange(): number {
    return this.#attemptsAtLeaderChange;
  }
}
