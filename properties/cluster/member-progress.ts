import type {
  ConsumedRecord,
  PartitionOffset,
  TopicPartition,
} from "../../core/client/consumer.ts";
import { partitionName } from "../../core/ids.ts";
import type { PartitionName } from "../../core/ids.ts";

/** How far a program has come in each partition, and what of that it has to commit. */
export class Progress {
  readonly #positions: Map<PartitionName, PartitionOffset> = new Map();

  /** The effect of that record is there. */
  worked({ topic, partition, offset, leaderEpoch }: ConsumedRecord): void {
    const position = { topic, partition, offset: offset + 1, leaderEpoch };
    this.#positions.set(partitionName(topic, partition), position);
  }

  /** These are committed before they are worked on. */
  delivered(records: readonly ConsumedRecord[]): void {
    for (const record of records) this.worked(record);
  }

  uncommitted(): readonly PartitionOffset[] {
    return [...this.#positions.values()];
  }

  uncommittedOf(partitions: readonly TopicPartition[]): readonly PartitionOffset[] {
    return partitions.flatMap(({ topic, partition }) => {
      const position = this.#positions.get(partitionName(topic, partition));
      return position === undefined ? [] : [position];
    });
  }

  /** Somebody else goes on from what is committed. */
  forget(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      this.#positions.delete(partitionName(topic, partition));
    }
  }

  /** What came since is not. */
  committed(offsets: readonly PartitionOffset[]): void {
    for (const { topic, partition, offset } of offsets) {
      const name = partitionName(topic, partition);
      if (this.#positions.get(name)?.offset === offset) this.#positions.delete(name);
    }
  }
}
