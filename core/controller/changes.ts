/** What one input of the controller writes, and what is told about it once it is written. */
import type { ControllerFact, FactOf } from "../facts.ts";
import type { Offset } from "../ids.ts";
import { NO_NODE, partitionName } from "../ids.ts";
import type { PartitionRegistration, TopicImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { Probe } from "../ports.ts";

export type Cause = FactOf<"partition-decided">["why"];

interface Note {
  /** Index of the record that it is about. */
  readonly at: number;
  readonly tell: (offset: Offset) => ControllerFact;
}

export class Changes {
  readonly records: MetadataRecord[] = [];
  readonly #probe: Probe | null;
  readonly #notes: Note[] = [];

  constructor(probe: Probe | null) {
    this.#probe = probe;
  }

  add(record: MetadataRecord): void {
    this.records.push(record);
  }

  /** Tells `fact` when the records are written. */
  tell(fact: ControllerFact): void {
    if (this.#probe !== null) this.#notes.push({ at: this.records.length, tell: () => fact });
  }

  /** Adds a record that makes `after` of a partition that was `before` (null: that was not there). */
  addPartition(
    record: MetadataRecord,
    topic: { readonly name: string },
    partition: number,
    before: PartitionRegistration | null,
    after: PartitionRegistration,
    context: {
      readonly why: Cause;
      readonly isUnclean: boolean;
      readonly isUncleanAllowed: boolean;
    },
  ): void {
    const at = this.records.length;
    this.records.push(record);
    if (this.#probe === null) return;
    this.#notes.push({
      at,
      tell: (offset) => ({
        kind: "partition-decided",
        partition: partitionName(topic.name, partition),
        offset,
        leader: after.leader,
        leaderEpoch: after.leaderEpoch,
        partitionEpoch: after.partitionEpoch,
        isr: [...after.isr],
        replicas: [...after.replicas],
        previousIsr: before === null ? [] : [...before.isr],
        previousLeader: before?.leader ?? NO_NODE,
        why: context.why,
        unclean: context.isUnclean,
        uncleanAllowed: context.isUncleanAllowed,
      }),
    });
  }

  /** The records are written from `baseOffset` on. */
  written(baseOffset: Offset): void {
    if (this.#probe === null) return;
    for (const { at, tell } of this.#notes) this.#probe.emit(tell(baseOffset + at));
  }
}

/** All partitions of a cluster, in the order in which their topics were made. */
export function* partitionsOf(
  topics: Iterable<TopicImage>,
): Generator<readonly [TopicImage, number, PartitionRegistration]> {
  for (const topic of topics) {
    for (const [index, partition] of topic.partitions.entries()) yield [topic, index, partition];
  }
}
