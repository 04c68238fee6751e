/** What a broker sent of one partition, until poll() has handed all of it out (CompletedFetch.java). */
import type { LeaderEpoch, Offset } from "../ids.ts";
import { NO_EPOCH } from "../ids.ts";
import type { Codecs } from "../ports.ts";
import type { Batch } from "../record/batch.ts";
import type { DecodedRecord } from "../record/decode.ts";
import { crcIsValid, decodeRecords } from "../record/decode.ts";
import type { ConsumerPartition } from "./consumer-partition.ts";
import type { ConsumerRules } from "./consumer-rules.ts";

export interface ConsumedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
  readonly leaderEpoch: LeaderEpoch;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: DecodedRecord["headers"];
}

export class CompletedFetch {
  readonly partition: ConsumerPartition;
  /** Offset of the next record that is wanted of it. */
  position: Offset;
  /** Epoch of the last record that was handed out; -1 before the first. */
  positionEpoch: LeaderEpoch = NO_EPOCH;
  readonly #batches: readonly Batch[];
  readonly #rules: ConsumerRules;
  #batchAt = 0;
  /** Of the current batch; null until it is looked at. */
  #records: readonly DecodedRecord[] | null = null;
  #recordAt = 0;

  constructor(
    partition: ConsumerPartition,
    fetchOffset: Offset,
    batches: readonly Batch[],
    rules: ConsumerRules,
  ) {
    this.partition = partition;
    this.position = fetchOffset;
    this.#batches = batches;
    this.#rules = rules;
  }

  /** Offset behind the last batch. */
  get end(): Offset {
    return this.#batches[this.#batches.length - 1]?.nextOffset ?? this.position;
  }

  get isDrained(): boolean {
    return this.#batchAt >= this.#batches.length;
  }

  /**
   * Moves records to `into` until it holds `limit` or nothing is left, and the position with them.
   * False: the next batch is damaged.
   */
  take(into: ConsumedRecord[], limit: number, codecs: Codecs, checkCrcs: boolean): boolean {
    while (into.length < limit && !this.isDrained) {
      const batch = this.#batches[this.#batchAt] as Batch;
      if (this.#records === null) {
        if (this.#rules.checksCrc(checkCrcs) && !crcIsValid(batch.body)) return false;
        this.#records = batch.body.isControl ? [] : decodeRecords(batch, codecs);
        this.#recordAt = 0;
      }
      this.#takeFrom(batch, this.#records, into, limit);
    }
    return true;
  }

  #takeFrom(
    batch: Batch,
    records: readonly DecodedRecord[],
    into: ConsumedRecord[],
    limit: number,
  ): void {
    const { topic, index } = this.partition;
    let lastOffset = this.position - 1;
    while (this.#recordAt < records.length && into.length < limit) {
      const record = records[this.#recordAt++] as DecodedRecord;
      if (!this.#rules.returnsRecord(record.offset, this.position)) continue;
      lastOffset = record.offset;
      into.push({
        topic,
        partition: index,
        offset: record.offset,
        leaderEpoch: batch.leaderEpoch,
        timestamp: record.timestamp,
        key: record.key,
        value: record.value,
        headers: record.headers,
      });
    }
    const isDone = this.#recordAt >= records.length;
    this.position = this.#rules.nextPosition(lastOffset, batch.nextOffset, isDone);
    this.positionEpoch = this.#rules.positionEpoch(batch.leaderEpoch);
    if (!isDone) return;
    this.#batchAt += 1;
    this.#records = null;
  }
}
