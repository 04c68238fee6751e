/** Fetched data that waits for poll(), and how it becomes records (FetchCollector.java). */
import type { Offset } from "../ids.ts";
import type { PolledRecord } from "../facts.ts";
import type { Ports } from "../ports.ts";
import type { Batch } from "../record/batch.ts";
import type { ConsumerSettings } from "../settings/client-settings.ts";
import type { ConsumedRecord } from "./completed-fetch.ts";
import { CompletedFetch } from "./completed-fetch.ts";
import type { ConsumerPartition } from "./consumer-partition.ts";
import type { ConsumerRules } from "./consumer-rules.ts";

export class FetchBuffer {
  readonly #ports: Ports;
  readonly #settings: ConsumerSettings;
  readonly #rules: ConsumerRules;
  readonly #onDamaged: (partition: ConsumerPartition) => void;
  /** Oldest first; at most one of each partition. */
  readonly #completed: CompletedFetch[] = [];

  /** `onDamaged` is told of a batch with a bad CRC; what was fetched with it is dropped. */
  constructor(
    ports: Ports,
    settings: ConsumerSettings,
    rules: ConsumerRules,
    onDamaged: (partition: ConsumerPartition) => void,
  ) {
    this.#ports = ports;
    this.#settings = settings;
    this.#rules = rules;
    this.#onDamaged = onDamaged;
  }

  get isEmpty(): boolean {
    return this.#completed.length === 0;
  }

  /** Keeps what the fetcher of a partition got. */
  add(partition: ConsumerPartition, fetchOffset: Offset, batches: readonly Batch[]): void {
    this.#completed.push(new CompletedFetch(partition, fetchOffset, batches, this.#rules));
    partition.isBuffered = true;
    partition.bufferedBy = partition.fetcher;
    if (partition.fetcher !== null && !partition.isPaused) partition.fetcher.bufferedCount += 1;
  }

  /** Throws away what was fetched of a partition. */
  drop(partition: ConsumerPartition): void {
    if (!partition.isBuffered) return;
    const at = this.#completed.findIndex((completed) => completed.partition === partition);
    this.#remove(at);
  }

  /** Offset behind what was fetched of a partition; null when nothing of it waits. */
  endOf(partition: ConsumerPartition): Offset | null {
    if (!partition.isBuffered) return null;
    return this.#completed.find((completed) => completed.partition === partition)?.end ?? null;
  }

  /** Up to max.poll.records records; moves the positions of their partitions. */
  collect(): ConsumedRecord[] {
    const records: ConsumedRecord[] = [];
    const limit = this.#settings["max.poll.records"];
    let at = 0;
    while (records.length < limit) {
      const completed = this.#completed[at];
      if (completed === undefined) break;
      if (completed.partition.isPaused) {
        at += 1;
        continue;
      }
      const isGood = this.#isWanted(completed) && this.#takeFrom(completed, records, limit);
      if (isGood && !completed.isDrained) break;
      this.#remove(at);
    }
    return records;
  }

  #remove(at: number): void {
    const [completed] = at === 0 ? [this.#completed.shift()] : this.#completed.splice(at, 1);
    if (completed !== undefined) release(completed.partition);
  }

  /** A seek, a reset or a validation may have come since it was fetched. */
  #isWanted(completed: CompletedFetch): boolean {
    const { partition } = completed;
    if (partition.state.kind !== "fetching" || partition.isRevoking) return false;
    return this.#rules.keepsData(completed.position, partition.offset);
  }

  /** Hands out records of one partition and moves its position; false when the data is damaged. */
  #takeFrom(completed: CompletedFetch, records: ConsumedRecord[], limit: number): boolean {
    const { partition } = completed;
    const { codecs, probe } = this.#ports;
    const first = records.length;
    const position = partition.offset;
    const isGood = completed.take(records, limit, codecs, this.#settings["check.crcs"]);
    if (completed.position !== position) {
      partition.offset = completed.position;
      partition.offsetEpoch = completed.positionEpoch;
      if (probe !== null) {
        const polled: readonly PolledRecord[] = records.slice(first);
        probe.emit({
          kind: "polled",
          partition: partition.metadata.name,
          position,
          nextPosition: partition.offset,
          records: polled,
        });
      }
    }
    if (!isGood) this.#onDamaged(partition);
    return isGood;
  }
}

/** Its broker may be asked for more. */
function release(partition: ConsumerPartition): void {
  partition.isBuffered = false;
  // That of a paused partition keeps nobody from fetching, so it is not counted.
  if (partition.bufferedBy !== null && !partition.isPaused) partition.bufferedBy.bufferedCount -= 1;
  partition.bufferedBy = null;
  partition.fetcher?.changed(partition);
}
