/**
 * Where a producer's records wait in batches, by partition, within buffer.memory
 * (RecordAccumulator.java).
 *
 * Differs from Kafka: a part that is split again makes room for its largest record without a batch
 * header (Kafka: with one), so that a small record and a large one always part.
 */
import type { CompressionType, Ports } from "../ports.ts";
import { BATCH_HEADER_BYTES } from "../record/batch.ts";
import type { ProducerSettings } from "../settings/client-settings.ts";
import type { ClientMetadata, TopicMetadata } from "./client-metadata.ts";
import { CompressionRatio } from "./compression-ratio.ts";
import { PartitionQueue } from "./partition-queue.ts";
import { NodeAvailability, StickyPartitioner } from "./partitioner.ts";
import type { PendingRecord } from "./producer-batch.ts";
import { ProducerBatch } from "./producer-batch.ts";
import type { ProducerRules } from "./producer-rules.ts";
import { recordSizeUpperBound } from "./record-size.ts";

export interface TopicQueues {
  readonly metadata: TopicMetadata;
  /** By partition; a hole where nothing was sent yet. */
  readonly queues: (PartitionQueue | undefined)[];
  readonly sticky: StickyPartitioner;
  readonly compressionRatio: CompressionRatio;
  /** Records that round robin has placed. */
  placed: number;
}

/** What became of an append: no memory now; it joined a batch; it opened one; a batch is full. */
export type AppendOutcome = "no-memory" | "joined" | "opened" | "full";

export class Accumulator {
  /** Partitions that have batches to send. */
  readonly active: Set<PartitionQueue> = new Set();
  /** All batches whose sends have no result yet, oldest first. */
  readonly incomplete: Set<ProducerBatch> = new Set();
  readonly availability: NodeAvailability = new NodeAvailability();
  readonly #ports: Ports;
  readonly #settings: ProducerSettings;
  readonly #rules: ProducerRules;
  readonly #metadata: ClientMetadata;
  readonly #topics: Map<string, TopicQueues> = new Map();
  readonly #compression: CompressionType;
  #freeBytes: number;
  #queueCount = 0;

  constructor(
    ports: Ports,
    settings: ProducerSettings,
    rules: ProducerRules,
    metadata: ClientMetadata,
  ) {
    this.#ports = ports;
    this.#settings = settings;
    this.#rules = rules;
    this.#metadata = metadata;
    this.#compression = settings["compression.type"] === "gzip" ? "gzip" : "none";
    this.#freeBytes = settings["buffer.memory"];
  }

  topic(name: string): TopicQueues {
    const metadata = this.#metadata.topic(name);
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = this.#open(metadata);
      this.#topics.set(name, topic);
    }
    return topic;
  }

  /** Every partition that was ever sent to. */
  *partitions(): Iterable<PartitionQueue> {
    for (const topic of this.#topics.values()) {
      for (const queue of topic.queues) if (queue !== undefined) yield queue;
    }
  }

  /** Adds a record to its partition, or to the topic's current one when it has none (-1). */
  append(topic: TopicQueues, record: PendingRecord, nowMs: number): AppendOutcome {
    const isSticky = record.partition < 0;
    for (;;) {
      const index = isSticky ? topic.sticky.current() : record.partition;
      const queue = this.#queue(topic, index);
      const { batches } = queue;
      const last = batches[batches.length - 1];
      // A switch may have been put off until the open batch was full.
      if (isSticky && (last === undefined || last.isFull) && topic.sticky.produced(0, true)) {
        continue;
      }
      let target = last;
      let bytes = last === undefined ? 0 : last.append(record);
      if (bytes === 0) {
        target = this.#openBatch(queue, record, nowMs);
        if (target === undefined) return "no-memory";
        target.append(record);
        bytes = target.sizeBytes;
      }
      record.partition = index;
      const isFull = batches.length > 1 || (target as ProducerBatch).isFull;
      this.#tellBatched(record, queue);
      // May choose the partition of the records behind this one.
      if (isSticky) topic.sticky.produced(bytes, (target as ProducerBatch).isFull);
      if (isFull) return "full";
      return target === last ? "joined" : "opened";
    }
  }

  /** Takes a batch back that is to be sent again. */
  requeue(batch: ProducerBatch): void {
    const { batches } = batch.queue;
    const queued = batches.map((waiting) => waiting.baseSequence);
    const position = this.#rules.retryPosition(queued, batch.baseSequence);
    batches.splice(position, 0, batch);
    this.active.add(batch.queue);
  }

  /** The oldest batch of the partition leaves the queue. */
  take(queue: PartitionQueue): ProducerBatch {
    const batch = queue.batches.shift() as ProducerBatch;
    if (queue.batches.length === 0) this.active.delete(queue);
    return batch;
  }

  /** Takes a batch out of its queue, if it waits there. */
  withdraw(batch: ProducerBatch): void {
    const { batches } = batch.queue;
    const at = batches.indexOf(batch);
    if (at < 0) return;
    batches.splice(at, 1);
    if (batches.length === 0) this.active.delete(batch.queue);
  }

  /** All sends of the batch have their results: its memory is free again. */
  complete(batch: ProducerBatch): void {
    if (this.incomplete.delete(batch)) this.#freeBytes += batch.memoryBytes;
  }

  /**
   * Puts the records of a batch that was too large for the broker into smaller ones, in its place.
   * They are as old as it was, count as not tried yet and take sequences from its base on.
   */
  split(batch: ProducerBatch): readonly ProducerBatch[] {
    const { queue } = batch;
    queue.compressionRatio.reset(batch.compressionRatio);
    const { isPart, sizeBytes } = batch;
    const batchSize = this.#settings["batch.size"];
    const largestBytes = largestOf(batch.records);
    const target = this.#rules.splitTargetBytes(batchSize, isPart, sizeBytes, largestBytes);
    const parts: ProducerBatch[] = [];
    let part: ProducerBatch | null = null;
    for (const record of batch.records) {
      if (part === null || part.append(record) === 0) {
        part = this.#newBatch(queue, record, batch.createdMs, target, true);
        part.append(record);
        part.maybeAppended = batch.maybeAppended;
        parts.push(part);
      }
    }
    this.complete(batch);
    this.#replaceUnacked(batch, parts);
    for (const one of parts) {
      one.isClosed = true;
      this.incomplete.add(one);
    }
    this.#sortIncomplete();
    // From the last to the first, as each goes before what has no sequence.
    for (let at = parts.length - 1; at >= 0; at--) this.requeue(parts[at] as ProducerBatch);
    return parts;
  }

  #replaceUnacked(batch: ProducerBatch, parts: readonly ProducerBatch[]): void {
    if (batch.baseSequence < 0) return;
    let sequence = batch.baseSequence;
    for (const part of parts) {
      part.setProducerState(batch.producerId, batch.producerEpoch, sequence);
      sequence = this.#rules.nextSequence(sequence, part.records.length);
    }
    const { unacked } = batch.queue;
    const at = unacked.indexOf(batch);
    if (at >= 0) unacked.splice(at, 1, ...parts);
  }

  #sortIncomplete(): void {
    const byAge = [...this.incomplete].sort((a, b) => a.createdMs - b.createdMs);
    this.incomplete.clear();
    for (const batch of byAge) this.incomplete.add(batch);
  }

  #openBatch(
    queue: PartitionQueue,
    record: PendingRecord,
    nowMs: number,
  ): ProducerBatch | undefined {
    const batch = this.#newBatch(queue, record, nowMs, this.#settings["batch.size"], false);
    if (batch.memoryBytes > this.#freeBytes) return undefined;
    this.#freeBytes -= batch.memoryBytes;
    queue.batches.push(batch);
    this.active.add(queue);
    this.incomplete.add(batch);
    return batch;
  }

  #newBatch(
    queue: PartitionQueue,
    first: PendingRecord,
    createdMs: number,
    sizeBytes: number,
    isPart: boolean,
  ): ProducerBatch {
    const least = recordSizeUpperBound(first.key, first.value, first.headers);
    const limit = Math.max(sizeBytes, BATCH_HEADER_BYTES + least);
    const memoryBytes = isPart ? 0 : limit;
    return new ProducerBatch(queue, createdMs, limit, memoryBytes, this.#compression, isPart);
  }

  #queue(topic: TopicQueues, index: number): PartitionQueue {
    let queue = topic.queues[index];
    if (queue === undefined) {
      const metadata = this.#metadata.partition(topic.metadata.name, index);
      queue = new PartitionQueue(metadata, topic.compressionRatio, this.#queueCount++);
      topic.queues[index] = queue;
    }
    return queue;
  }

  #open(metadata: TopicMetadata): TopicQueues {
    const settings = this.#settings;
    const queues: (PartitionQueue | undefined)[] = [];
    const sticky = new StickyPartitioner(metadata, {
      random: this.#ports.random,
      probe: this.#ports.probe,
      rules: this.#rules,
      batchSize: Math.max(1, settings["batch.size"]),
      isAdaptive: settings["partitioner.adaptive.partitioning.enable"],
      availabilityTimeoutMs: settings["partitioner.availability.timeout.ms"],
      availability: this.availability,
      queues,
    });
    return { metadata, queues, sticky, compressionRatio: new CompressionRatio(), placed: 0 };
  }

  #tellBatched(record: PendingRecord, queue: PartitionQueue): void {
    const { probe } = this.#ports;
    if (probe === null) return;
    probe.emit({ kind: "send-batched", sendId: record.sendId, partition: queue.metadata.name });
  }
}

/** The most that one of these records can take. */
function largestOf(records: readonly PendingRecord[]): number {
  let largest = 0;
  for (const { key, value, headers } of records) {
    largest = Math.max(largest, recordSizeUpperBound(key, value, headers));
  }
  return largest;
}
