/** Committed offsets of the groups of one partition (the Offsets of OffsetMetadataManager.java). */
import type { GroupId } from "../../ids.ts";
import type { OffsetCommitKey, OffsetCommitValue } from "../records/offset-commit.ts";

/** Topic -> partition -> what was committed. */
export type GroupOffsets = ReadonlyMap<string, ReadonlyMap<number, OffsetCommitValue>>;

export class OffsetStore {
  readonly #groups: Map<GroupId, Map<string, Map<number, OffsetCommitValue>>> = new Map();

  get(group: GroupId, topic: string, partition: number): OffsetCommitValue | undefined {
    return this.#groups.get(group)?.get(topic)?.get(partition);
  }

  /** Undefined when the group has none. */
  of(group: GroupId): GroupOffsets | undefined {
    return this.#groups.get(group);
  }

  set({ group, topic, partition }: OffsetCommitKey, value: OffsetCommitValue): void {
    let topics = this.#groups.get(group);
    if (topics === undefined) this.#groups.set(group, (topics = new Map()));
    let partitions = topics.get(topic);
    if (partitions === undefined) topics.set(topic, (partitions = new Map()));
    partitions.set(partition, value);
  }

  delete({ group, topic, partition }: OffsetCommitKey): void {
    const topics = this.#groups.get(group);
    const partitions = topics?.get(topic);
    if (topics === undefined || partitions === undefined) return;
    partitions.delete(partition);
    if (partitions.size === 0) topics.delete(topic);
    if (topics.size === 0) this.#groups.delete(group);
  }

  copy(): OffsetStore {
    const copy = new OffsetStore();
    for (const [group, topics] of this.#groups) {
      const copied = new Map<string, Map<number, OffsetCommitValue>>();
      for (const [topic, partitions] of topics) copied.set(topic, new Map(partitions));
      copy.#groups.set(group, copied);
    }
    return copy;
  }
}
