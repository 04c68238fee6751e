/**
 * How far user code is with each partition of an assignment (kafkajs' offset manager): what it has resolved,
 * which is what may be committed, and what is committed.
 */
import type { Offset } from "../../core/ids.ts";

export interface PartitionPosition {
  readonly topic: string;
  readonly partition: number;
  /** Of the next record. */
  readonly offset: Offset;
}

interface Entry {
  readonly topic: string;
  readonly partition: number;
  /** Null before anything was resolved. */
  resolved: Offset | null;
  /** What was committed, or where it began. */
  committed: Offset;
}

export class OffsetBook {
  readonly #entries: Map<string, Entry> = new Map();

  /** The first records of a partition begin there. */
  begin(topic: string, partition: number, offset: Offset): void {
    const key = keyOf(topic, partition);
    if (this.#entries.has(key)) return;
    this.#entries.set(key, { topic, partition, resolved: null, committed: offset });
  }

  /** Everything up to `offset` is done with, it included. */
  resolve(topic: string, partition: number, offset: Offset): void {
    const entry = this.#entries.get(keyOf(topic, partition));
    if (entry !== undefined) entry.resolved = offset + 1;
  }

  /** Where the next fetch of it begins; null when nothing of it was ever delivered. */
  next(topic: string, partition: number): Offset | null {
    const entry = this.#entries.get(keyOf(topic, partition));
    return entry === undefined ? null : (entry.resolved ?? entry.committed);
  }

  uncommitted(): PartitionPosition[] {
    return [...this.#entries.values()].flatMap(({ topic, partition, resolved, committed }) =>
      resolved === null || resolved === committed ? [] : [{ topic, partition, offset: resolved }],
    );
  }

  committed(positions: readonly PartitionPosition[]): void {
    for (const { topic, partition, offset } of positions) {
      const entry = this.#entries.get(keyOf(topic, partition));
      if (entry !== undefined) entry.committed = offset;
    }
  }

  /** How many offsets are resolved and not committed. */
  get resolvedCount(): number {
    let count = 0;
    for (const { resolved, committed } of this.#entries.values()) {
      if (resolved !== null) count += resolved - committed;
    }
    return count;
  }

  /** They belong to others, or begin elsewhere. */
  forget(partitions: readonly { readonly topic: string; readonly partition: number }[]): void {
    for (const { topic, partition } of partitions) this.#entries.delete(keyOf(topic, partition));
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}
