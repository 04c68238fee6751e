/**
 * Reads partitions of `__consumer_offsets` into their coordinators (CoordinatorLoaderImpl.scala): one
 * partition after the other, each up to the end of its log, offsets.load.buffer.size bytes in a step.
 *
 * Differs from Kafka: a load ends without success when the leadership was interrupted, not only when
 * this broker does not lead at the end.
 */
import type { Lane, Ports, StorageError } from "../../ports.ts";
import { asStorageError } from "../../ports.ts";
import type { LogRead } from "../../log/local-log.ts";
import type { Batch } from "../../record/batch.ts";
import { decodeRecords } from "../../record/decode.ts";
import { decodeStoredRecord } from "../records/coordinator-record.ts";
import type { CoordinatedPartition } from "./coordinated-partition.ts";
import type { GroupShard } from "./group-shard.ts";

const LOADER_LANE: Lane = "group-metadata-manager";

export interface Load {
  readonly partition: CoordinatedPartition;
  readonly shard: GroupShard;
  /** It is of no use any more. */
  isCancelled: boolean;
  /** Called in a step of the loader. */
  readonly ended: (succeeded: boolean) => void;
}

export interface CoordinatorLoaderOptions {
  readonly ports: Ports;
  readonly chunkBytes: number;
  onStorageError(error: StorageError): void;
}

export class CoordinatorLoader {
  readonly #options: CoordinatorLoaderOptions;
  /** The first one is being loaded. */
  readonly #loads: Load[] = [];
  #isClosed = false;

  constructor(options: CoordinatorLoaderOptions) {
    this.#options = options;
  }

  add(load: Load): void {
    this.#loads.push(load);
    if (this.#loads.length === 1) this.#nextStep(load.partition.log.logStartOffset);
  }

  close(): void {
    this.#isClosed = true;
    this.#loads.length = 0;
  }

  #nextStep(offset: number): void {
    this.#options.ports.work.later(LOADER_LANE, "load groups", () => {
      if (!this.#isClosed) this.#step(offset);
    });
  }

  #step(offset: number): void {
    const load = this.#loads[0] as Load;
    const { partition, shard } = load;
    if (load.isCancelled) return this.#end(load, false);
    const { isLeader, leadsSince, log } = partition;
    if (!isLeader || leadsSince > shard.leaderEpoch) return this.#end(load, false);
    if (offset >= log.endOffset) return this.#end(load, true);
    const read = this.#read(partition, offset);
    if ("error" in read) return this.#end(load, false);
    if (read.batches.length === 0) return this.#end(load, true);
    let next = offset;
    for (const batch of read.batches) {
      if (!this.#replay(shard, batch)) return this.#end(load, false);
      next = batch.nextOffset;
    }
    shard.advance(Math.min(next, log.highWatermark));
    this.#nextStep(next);
  }

  #end(load: Load, succeeded: boolean): void {
    this.#loads.shift();
    const next = this.#loads[0];
    if (next !== undefined) this.#nextStep(next.partition.log.logStartOffset);
    load.ended(succeeded);
  }

  #read({ log }: CoordinatedPartition, offset: number): LogRead {
    try {
      return log.read(offset, this.#options.chunkBytes, log.endOffset, true);
    } catch (error) {
      this.#options.onStorageError(asStorageError(error));
      return { batches: [], sizeBytes: 0 };
    }
  }

  /** False when it holds what is no record of this topic. */
  #replay(shard: GroupShard, batch: Batch): boolean {
    if (batch.body.isControl) return true;
    for (const { key, value, offset } of decodeRecords(batch, this.#options.ports.codecs)) {
      const decoded = decodeStoredRecord(key, value);
      if (decoded.kind === "bad") return false;
      if (decoded.kind === "record") shard.load(decoded.record, offset, batch.leaderEpoch);
    }
    return true;
  }
}
