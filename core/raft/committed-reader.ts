/**
 * Hands what is committed to one listener, in order, each time as an input of its own on the
 * listener's lane (the ListenerContext of KafkaRaftClient.java). What a snapshot has replaced is handed
 * over as that snapshot; and when enough was handed over, the listener's state becomes a snapshot.
 */
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import { NO_NODE } from "../ids.ts";
import { decodeMetadataRecord } from "../metadata/codec.ts";
import type { MetadataImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import { imageOf } from "../metadata/snapshot-records.ts";
import type { Lane, Ports } from "../ports.ts";
import type { Batch } from "../record/batch.ts";
import { decodeRecords } from "../record/decode.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { MetadataStore } from "./metadata-store.ts";
import type { RaftRules } from "./raft-rules.ts";
import { SnapshotGenerator } from "./snapshot-generator.ts";
import type { StoredSnapshot } from "./snapshot-store.ts";

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
  /**
   * All that was committed up to the image's offset, as one: it replaces what was handed over before.
   * The image is the listener's own.
   */
  snapshotLoaded?(image: MetadataImage): void;
  /** The state that all records handed over so far make; null while they are not all applied. */
  image?(): MetadataImage | null;
}

/** What a reader asks of the log's owner. */
export interface CommittedSource {
  readonly store: MetadataStore;
  readonly nodeId: NodeId;
  readonly highWatermark: Offset;
  readonly leader: LeaderAndEpoch;
  /** Start of this node's own leadership; null while it does not lead. */
  readonly ownEpochStart: Offset | null;
  /** Runs what touches the disk; undefined when the log is closed. */
  guarded<T>(step: () => T): T | undefined;
  /** A snapshot of what was committed was written. */
  snapshotWritten(): void;
}

const READ_BYTES = 1048576;

export class CommittedReader {
  readonly #ports: Ports;
  readonly #rules: RaftRules;
  readonly #lane: Lane;
  readonly #listener: MetadataLogListener;
  readonly #source: CommittedSource;
  readonly #generator: SnapshotGenerator | null;
  #nextOffset: Offset = 0;
  #toldLeader: LeaderAndEpoch = { id: -1, epoch: 0 };
  #isScheduled = false;

  /** `generates`: snapshots of this node are made of this listener's state. */
  constructor(
    ports: Ports,
    rules: RaftRules,
    lane: Lane,
    listener: MetadataLogListener,
    source: CommittedSource,
    settings: BrokerSettings,
    generates: boolean,
  ) {
    this.#ports = ports;
    this.#rules = rules;
    this.#lane = lane;
    this.#listener = listener;
    this.#source = source;
    this.#generator = generates ? new SnapshotGenerator(ports, rules, settings, source) : null;
  }

  /** All below it was handed over. */
  get nextOffset(): Offset {
    return this.#nextOffset;
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
    this.#handOverLoss();
    this.#handOverSnapshot();
    while (this.#rules.mayHandOut(this.#nextOffset, this.#source.highWatermark)) {
      const upTo = this.#source.highWatermark;
      const read = this.#source.guarded(() =>
        this.#source.store.log.read(this.#nextOffset, READ_BYTES, upTo, true),
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
    const last = batches.at(-1);
    if (last !== undefined) this.#generator?.handedOver(batches, last, this.#listener);
  }

  /** The log does not hold what comes next: a snapshot does. */
  #handOverSnapshot(): void {
    const { store, highWatermark } = this.#source;
    const { latest } = store.snapshots;
    if (latest === null || latest.id.endOffset > highWatermark) return;
    const { endOffset } = latest.id;
    const isMissing = this.#nextOffset < store.log.logStartOffset;
    if (endOffset <= this.#nextOffset || (!isMissing && this.#nextOffset > 0)) return;
    this.#source.guarded(() => this.#load(latest));
  }

  #load({ id, hash }: StoredSnapshot): void {
    const { records } = this.#source.store.snapshots.load(id);
    const { endOffset, epoch } = id;
    this.#nextOffset = endOffset;
    this.#listener.snapshotLoaded?.(imageOf(records, endOffset - 1, epoch));
    this.#generator?.startFrom();
    const { probe } = this.#ports;
    if (probe !== null) probe.emit({ kind: "snapshot-loaded", endOffset, epoch, hash });
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

  /**
   * A listener hears that its node leads no more before it gets records that another leader wrote:
   * it would take them for its own.
   */
  #handOverLoss(): void {
    const { leader, nodeId } = this.#source;
    const told = this.#toldLeader;
    if (told.id !== nodeId || (leader.id === told.id && leader.epoch === told.epoch)) return;
    this.#tellLeader(leader.id === nodeId ? { id: NO_NODE, epoch: leader.epoch } : leader);
  }

  #handOverLeader(): void {
    const { leader, ownEpochStart } = this.#source;
    const told = this.#toldLeader;
    if (leader.id === told.id && leader.epoch === told.epoch) return;
    if (ownEpochStart !== null && !this.#rules.mayActivate(this.#nextOffset, ownEpochStart)) return;
    this.#tellLeader(leader);
  }

  #tellLeader(leader: LeaderAndEpoch): void {
    this.#toldLeader = leader;
    this.#listener.leaderChanged(leader);
  }
}
