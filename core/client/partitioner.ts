/**
 * Where records without a partition go. Keyed ones are placed by their hash (ProducerRules); these
 * are the others: uniform sticky (KIP-794, BuiltInPartitioner.java).
 *
 * Differs from Kafka: the load of the partitions is looked at when the partition is switched, not at
 * each pass of the sender, so that a pass does not visit idle partitions.
 */
import type { NodeId } from "../ids.ts";
import { partitionName } from "../ids.ts";
import type { Probe, Random } from "../ports.ts";
import type { TopicMetadata } from "./client-metadata.ts";
import type { PartitionQueue } from "./partition-queue.ts";
import type { ProducerRules } from "./producer-rules.ts";

/** Since when each broker could not take the data that waits for it. */
export class NodeAvailability {
  readonly #nodes: Map<NodeId, { wantedMs: number; drainedMs: number }> = new Map();

  /** There was data for that broker, and it could be sent or not. */
  note(node: NodeId, nowMs: number, couldSend: boolean): void {
    const times = this.#nodes.get(node);
    if (times === undefined) this.#nodes.set(node, { wantedMs: nowMs, drainedMs: nowMs });
    else {
      times.wantedMs = nowMs;
      if (couldSend) times.drainedMs = nowMs;
    }
  }

  waitedMs(node: NodeId): number {
    const times = this.#nodes.get(node);
    return times === undefined ? 0 : times.wantedMs - times.drainedMs;
  }
}

export interface StickyOptions {
  readonly random: Random;
  readonly probe: Probe | null;
  readonly rules: ProducerRules;
  readonly batchSize: number;
  readonly isAdaptive: boolean;
  readonly availabilityTimeoutMs: number;
  readonly availability: NodeAvailability;
  /** Of the topic, by partition; a hole where none was used yet. */
  readonly queues: readonly (PartitionQueue | undefined)[];
}

/** Stays on one partition until a batch is full there, then draws the next. One for each topic. */
export class StickyPartitioner {
  readonly #topic: TopicMetadata;
  readonly #options: StickyOptions;
  readonly #purpose: string;
  #current = -1;
  #producedBytes = 0;

  constructor(topic: TopicMetadata, options: StickyOptions) {
    this.#topic = topic;
    this.#options = options;
    this.#purpose = `sticky partition ${topic.name}`;
  }

  /** The partition of the next unkeyed record. */
  current(): number {
    if (this.#current < 0) this.#switch();
    return this.#current;
  }

  /** Counts bytes that went to the current partition; true when another one is current now. */
  produced(bytes: number, allBatchesFull: boolean): boolean {
    const { rules, batchSize } = this.#options;
    this.#producedBytes += bytes;
    if (!rules.switchesPartition(this.#producedBytes, batchSize, allBatchesFull)) return false;
    this.#producedBytes = 0;
    this.#switch();
    return true;
  }

  #switch(): void {
    this.#current = this.#draw();
    const { probe } = this.#options;
    if (probe === null) return;
    const { name: topic } = this.#topic;
    const partition = partitionName(topic, this.#current);
    probe.emit({ kind: "sticky-partition-chosen", topic, partition });
  }

  #draw(): number {
    const { random, isAdaptive } = this.#options;
    const weighted = isAdaptive ? this.#drawByLoad() : -1;
    if (weighted >= 0) return weighted;
    const { available, partitionCount } = this.#topic;
    if (available.length === 0) return random.below(this.#purpose, partitionCount);
    const chosen = available[random.below(this.#purpose, available.length)];
    return chosen === undefined ? 0 : chosen.index;
  }

  /** By the queues' lengths, once every partition has a queue; -1 when they tell no difference. */
  #drawByLoad(): number {
    const { random, rules, queues, availability, availabilityTimeoutMs } = this.#options;
    const { partitionCount } = this.#topic;
    if (partitionCount < 2) return -1;
    const candidates: PartitionQueue[] = [];
    let longest = 0;
    let isEven = true;
    for (let index = 0; index < partitionCount; index++) {
      const queue = queues[index];
      if (queue === undefined) return -1;
      const { leader } = queue.metadata;
      if (leader < 0) continue;
      if (!rules.isAvailable(availability.waitedMs(leader), availabilityTimeoutMs)) continue;
      const first = candidates[0] ?? queue;
      if (queue.batches.length !== first.batches.length) isEven = false;
      longest = Math.max(longest, queue.batches.length);
      candidates.push(queue);
    }
    if (candidates.length === 0 || (isEven && candidates.length === partitionCount)) return -1;
    let total = 0;
    for (const queue of candidates) total += rules.partitionWeight(longest, queue.batches.length);
    let rest = random.below(this.#purpose, total);
    for (const queue of candidates) {
      rest -= rules.partitionWeight(longest, queue.batches.length);
      if (rest < 0) return queue.metadata.index;
    }
    return -1;
  }
}
