import type { GroupIndex } from "./group-index.ts";
import { javaBucket, javaPartitionHash, javaStringHash, javaTableSize } from "./java-order.ts";

interface Movement {
  readonly from: number;
  readonly to: number;
}

/** Partitions of one topic that moved from one member to one other. */
interface Moved {
  readonly partitions: Set<number>;
  /** The size of the table of Kafka's HashSet, which never shrinks. */
  tableSize: number;
}

/**
 * What moved so far in one assignment (PartitionMovements in AbstractStickyAssignor.java): where each
 * partition was at first, and where it is now. Two members never swap partitions of one topic: one of
 * those that went the other way goes back instead.
 */
export class PartitionMovements {
  readonly #index: GroupIndex;
  readonly #byPartition: Map<number, Movement> = new Map();
  readonly #byWay: Map<number, Moved> = new Map();

  constructor(index: GroupIndex) {
    this.#index = index;
  }

  record(partition: number, from: number, to: number): void {
    const before = this.#byPartition.get(partition);
    if (before === undefined) {
      this.#add(partition, { from, to });
      return;
    }
    this.#remove(partition, before);
    if (before.from !== to) this.#add(partition, { from: before.from, to });
  }

  /** Which partition to move in place of `partition`, so that none goes each way. */
  instead(partition: number, from: number, to: number): number {
    const origin = this.#byPartition.get(partition)?.from ?? from;
    const opposite = this.#byWay.get(this.#way(partition, { from: to, to: origin }));
    return opposite === undefined ? partition : this.#firstOf(opposite);
  }

  #add(partition: number, movement: Movement): void {
    this.#byPartition.set(partition, movement);
    const way = this.#way(partition, movement);
    let moved = this.#byWay.get(way);
    if (moved === undefined) {
      moved = { partitions: new Set(), tableSize: javaTableSize(0) };
      this.#byWay.set(way, moved);
    }
    moved.partitions.add(partition);
    moved.tableSize = javaTableSize(moved.partitions.size, moved.tableSize);
  }

  #remove(partition: number, movement: Movement): void {
    this.#byPartition.delete(partition);
    const way = this.#way(partition, movement);
    const moved = this.#byWay.get(way)!;
    moved.partitions.delete(partition);
    if (moved.partitions.size === 0) this.#byWay.delete(way);
  }

  /** The one that Kafka's HashSet walks first. */
  #firstOf({ partitions, tableSize }: Moved): number {
    let first = -1;
    let lowest = Infinity;
    for (const partition of partitions) {
      const { topic, partition: number } = this.#index.nameOf(partition);
      const hash = javaPartitionHash(javaStringHash(topic), number);
      const bucket = javaBucket(hash, tableSize);
      if (bucket >= lowest) continue;
      lowest = bucket;
      first = partition;
    }
    return first;
  }

  /** A number for a topic and two members. */
  #way(partition: number, { from, to }: Movement): number {
    const { memberCount, topicOf } = this.#index;
    return (topicOf[partition]! * memberCount + from) * memberCount + to;
  }
}
