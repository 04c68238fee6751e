/**
 * Hands what is committed to one listener, in order, each time as an input of its own on the
 * listener's lane (the ListenerContext of KafkaRaftClient.java).
 */
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import type { PartitionLog } from "../log/partition-log.ts";
import { decodeMetadataRecord } from "../metadata/codec.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { Lane, Ports } from "../ports.ts";
import type { Batch } from "../record/batch.ts";
import { decodeRecords } from "../record/decode.ts";
import type { RaftRules } from "./raft-rules.ts";

export interface CommittedRecord {
  readonly record: MetadataRecord;
  readonly offset: Offset;
  /** Last of the records that were written as one atomic batch. */
  readonly endsBatch: boolean;
}

export interface LeaderAndEpoch {
  /** -1 when not known. */
  readonly id: NodeId;
  readonly epoch: LeaderEpoch;
}

export interface MetadataLogListener {
  /**
   * Records of one epoch that are committed, whole batches only. `lastOffset` covers control records,
   * so `records` may be empty.
   */
  committed(records: readonly CommittedRecord[], epoch: LeaderEpoch, lastOffset: Offset): void;
  /**
   * There is a new leader, or none. This node hears of its own leadership only when all that was
   * committed before it was handed over.
   */
  leaderChanged(leader: LeaderAndEpoch): void;
}

/** What a reader asks of the log's owner. */
export interface CommittedSource {
  readonly log: PartitionLog;
  readonly highWatermark: Offset;
  readonly leader: LeaderAndEpoch;
  /** Start of this node's own leadership; null while it does not lead. */
  readonly ownEpochStart: Offset | null;
  /** Runs what touches the disk; undefined when the log is closed. */
  guarded<T>(step: () => T): T | undefined;
}

const READ_BYTES = 1048576;

export class CommittedReader {
  readonly #ports: Ports;
  readonly #rules: RaftRules;
  readonly #lane: Lane;
  readonly #listener: MetadataLogListener;
  readonly #source: CommittedSource;
  #nextOffset: Offset = 0;
  #toldLeader: LeaderAndEpoch = { id: -1, epoch: 0 };
  #isScheduled = false;

  constructor(
    ports: Ports,
    rules: RaftRules,
    lane: Lane,
    listener: MetadataLogListener,
    source: CommittedSource,
  ) {
    this.#ports = ports;
    this.#rules = rules;
    this.#lane = lane;
    this.#listener = listener;
    this.#source = source;
  }

  /** There may be something new to hand over. */
  wake(): void {
    if (this.#isScheduled) return;
    const { highWatermark, leader } = this.#source;
    const isNew = leader.id !== this.#toldLeader.id || leader.epoch !== this.#toldLeader.epoch;
    if (!isNew && !this.#rules.mayHandOut(this.#nextOffset, highWatermark)) return;
    this.#isScheduled = true;
    this.#ports.work.later(this.#lane, "committed metadata", () => {
      this.#isScheduled = false;
      this.#handOver();
    });
  }

  #handOver(): void {
    while (this.#rules.mayHandOut(this.#nextOffset, this.#source.highWatermark)) {
      const upTo = this.#source.highWatermark;
      const read = this.#source.guarded(() =>
        this.#source.log.read(this.#nextOffset, READ_BYTES, upTo, true),
      );
      if (read === undefined) return;
      if ("error" in read) {
        return this.#ports.host.exit(
          `the metadata log cannot be read at offset ${this.#nextOffset}`,
        );
      }
      if (read.batches.length === 0) break;
      this.#handOverBatches(read.batches);
    }
    this.#handOverLeader();
  }

  /** One call for each run of batches of one epoch. */
  #handOverBatches(batches: readonly Batch[]): void {
    let records: CommittedRecord[] = [];
    for (const [at, batch] of batches.entries()) {
      if (!batch.body.isControl) this.#decode(batch, records);
      this.#nextOffset = batch.nextOffset;
      if (batches[at + 1]?.leaderEpoch === batch.leaderEpoch) continue;
      this.#listener.committed(records, batch.leaderEpoch, batch.lastOffset);
      records = [];
    }
  }

  #decode(batch: Batch, into: CommittedRecord[]): void {
    for (const { offset, value } of decodeRecords(batch, this.#ports.codecs)) {
      const record = decodeMetadataRecord(value);
      if (record === null) {
        return this.#ports.host.exit(
          `the metadata record at offset ${offset} is of an unknown kind`,
        );
      }
      into.push({ record, offset, endsBatch: offset === batch.lastOffset });
    }
  }

  #handOverLeader(): void {
    const { leader, ownEpochStart } = this.#source;
    const told = this.#toldLeader;
    if (leader.id === told.id && leader.epoch === told.epoch) return;
    if (ownEpochStart !== null && !this.#rules.mayActivate(this.#nextOffset, ownEpochStart)) return;
    this.#toldLeader = leader;
    this.#listener.leaderChanged(leader);
  }
}
