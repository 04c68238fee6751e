/**
 * A partition of `__consumer_offsets` as the log under its coordinator (CoordinatorPartitionWriter.scala).
 * An append waits for no other replica: as in Kafka it is one with acks=1, so that it does not ask how
 * large the ISR is; under min ISR the high watermark stands still, and the write times out.
 *
 * Differs from Kafka: each write is a batch of its own; Kafka collects those of
 * group.coordinator.append.linger.ms.
 */
import { assert } from "../../assert.ts";
import { Errors } from "../../errors.ts";
import type { LeaderEpoch, Offset } from "../../ids.ts";
import type { Ports } from "../../ports.ts";
import type { NewRecord } from "../../record/encode.ts";
import { encodeBatch } from "../../record/encode.ts";
import type {
  AppendRefusal,
  ReplicatedLog,
} from "../../replicated-state/replicated-state-machine.ts";
import { encodeStoredRecord } from "../records/coordinator-record.ts";
import type { CoordinatedPartition } from "./coordinated-partition.ts";
import type { CoordinatorRecord } from "./coordinator-state.ts";
import type { GroupRules } from "./group-rules.ts";

export class CoordinatorLog implements ReplicatedLog<CoordinatorRecord> {
  readonly #ports: Ports;
  readonly #rules: GroupRules;
  readonly #partition: CoordinatedPartition;

  constructor(ports: Ports, rules: GroupRules, partition: CoordinatedPartition) {
    this.#ports = ports;
    this.#rules = rules;
    this.#partition = partition;
  }

  get nextOffset(): Offset {
    return this.#partition.log.endOffset;
  }

  append(records: readonly CoordinatorRecord[], epoch: LeaderEpoch): Offset | AppendRefusal {
    const { isLeader, leadsSince } = this.#partition;
    if (!this.#rules.mayAppend(isLeader, leadsSince, epoch)) {
      return { refused: Errors.NOT_LEADER_OR_FOLLOWER };
    }
    const timestamp = this.#ports.clock.wallMs();
    const encoded: NewRecord[] = [];
    for (const { stored } of records) {
      const bytes = encodeStoredRecord(stored);
      if (bytes === null) return { refused: Errors.UNKNOWN_SERVER_ERROR };
      encoded.push({ timestamp, key: bytes.key, value: bytes.value, headers: [] });
    }
    const body = encodeBatch(encoded, {
      compression: "none",
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      codecs: this.#ports.codecs,
    });
    const appended = this.#partition.appendLocally(body);
    if (appended.kind === "refused") return { refused: appended.error };
    assert(appended.kind === "appended", "a batch without a producer id is no duplicate");
    return appended.batch.baseOffset;
  }

  /** `records` in runs of which each surely fits into a batch. */
  *inBatches(records: readonly CoordinatorRecord[]): Iterable<readonly CoordinatorRecord[]> {
    const limit = this.#partition.log.settings["max.message.bytes"] - BATCH_OVERHEAD_BYTES;
    let run: CoordinatorRecord[] = [];
    let sizeBytes = 0;
    for (const record of records) {
      const bytes = encodeStoredRecord(record.stored);
      const size = (bytes?.key.length ?? 0) + (bytes?.value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
      if (run.length > 0 && sizeBytes + size > limit) {
        yield run;
        run = [];
        sizeBytes = 0;
      }
      run.push(record);
      sizeBytes += size;
    }
    if (run.length > 0) yield run;
  }
}

const BATCH_OVERHEAD_BYTES = 61;
/** Of lengths, timestamp and offset, at most. */
const RECORD_OVERHEAD_BYTES = 26;
