/**
 * What a node has of the metadata on its disk (KafkaRaftLog.java): the log, snapshots of what came
 * before it, and the voters that both name. Methods may throw a StorageError.
 *
 * Differs from Kafka: the log begins with its first segment, also right after older ones were deleted,
 * where Kafka's begins at its earliest snapshot until the next restart. metadata.log.segment.bytes may
 * be smaller than the largest batch, which then gets a segment of its own.
 */
import { assert } from "../assert.ts";
import type { LeaderEpoch, NodeId, Offset, Uuid } from "../ids.ts";
import { METADATA_TOPIC, partitionName } from "../ids.ts";
import { PartitionLog } from "../log/partition-log.ts";
import { encodeMetadataRecord } from "../metadata/codec.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { Ports } from "../ports.ts";
import type { SnapshotId } from "../protocol/fetch-snapshot.ts";
import type { Batch } from "../record/batch.ts";
import { decodeRecords } from "../record/decode.ts";
import type { NewRecord } from "../record/encode.ts";
import { encodeBatch } from "../record/encode.ts";
import type { Rules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import { resolveSettings } from "../settings/definition.ts";
import { topicSettings } from "../settings/topic-settings.ts";
import type { ControlRecord, Voter } from "./control-records.ts";
import { decodeControlRecord, encodeControlRecord } from "./control-records.ts";
import type { StoredSnapshot } from "./snapshot-store.ts";
import { SnapshotStore } from "./snapshot-store.ts";
import { VoterHistory } from "./voter-history.ts";

export const METADATA_PARTITION: string = partitionName(METADATA_TOPIC, 0);
/** The lane that elections, appends and fetches of this log run on. */
export const RAFT_LANE = "raft";

/** MAX_BATCH_SIZE_BYTES in KafkaRaftClient.java. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 1048576;

export interface MetadataStoreOptions {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  /** Until the log itself lists them. */
  readonly voters: readonly Voter[];
}

export class MetadataStore {
  readonly log: PartitionLog;
  readonly snapshots: SnapshotStore;
  readonly voters: VoterHistory;
  readonly #ports: Ports;
  readonly #rules: Rules;
  readonly #settings: BrokerSettings;

  /** Opens or makes the directory. Ends the process when what it holds makes no sense. */
  constructor({ ports, rules, settings, voters }: MetadataStoreOptions) {
    this.#ports = ports;
    this.#rules = rules;
    this.#settings = settings;
    this.voters = new VoterHistory(rules.raft, voters);
    const directory = directoryOf(settings);
    if (!ports.storage.exists(directory)) {
      ports.storage.makeDirectory(directory);
      ports.storage.syncDirectory(settings["log.dir"]);
    }
    this.snapshots = new SnapshotStore(ports, rules.raft, directory);
    this.log = PartitionLog.open({
      ports,
      rules,
      lane: RAFT_LANE,
      directory,
      name: METADATA_PARTITION,
      settings: resolveSettings(topicSettings, {
        "max.message.bytes": MAX_BATCH_BYTES,
        "segment.bytes": settings["metadata.log.segment.bytes"],
        "segment.ms": settings["metadata.log.segment.ms"],
      }),
      takesOversized: true,
      checkpoint: { recoveryPoint: 0, logStartOffset: 0, highWatermark: 0 },
      clean: false,
      producerIdExpirationMs: settings["producer.id.expiration.ms"],
    });
    const { latest } = this.snapshots;
    if (latest !== null) this.#adopt(latest);
    this.#readVoters();
  }

  get endOffset(): Offset {
    return this.log.endOffset;
  }

  /** Epoch of the last record; 0 without any. */
  get lastEpoch(): LeaderEpoch {
    const { latestEpoch } = this.log;
    return latestEpoch >= 0 ? latestEpoch : (this.snapshots.latest?.id.epoch ?? 0);
  }

  /** The log names this disk of this node as a voter, or names the node without a disk. */
  isVoter(id: NodeId, directoryId: Uuid): boolean {
    return this.voters.includes(id, directoryId);
  }

  /** Leader: appends an atomic batch. */
  appendRecords(records: readonly MetadataRecord[], epoch: LeaderEpoch): Batch {
    const timestamp = this.#ports.clock.wallMs();
    const encoded = records.map((record) => ({
      timestamp,
      key: null,
      value: encodeMetadataRecord(record),
      headers: [],
    }));
    return this.#append(encoded, epoch, false);
  }

  /** Leader: appends an atomic batch of control records. */
  appendControl(records: readonly ControlRecord[], epoch: LeaderEpoch): Batch {
    const now = this.#ports.clock.wallMs();
    const encoded = records.map((record) => encodeControlRecord(record, now));
    const batch = this.#append(encoded, epoch, true);
    this.#noteControlBatch(batch);
    return batch;
  }

  /** Follower: appends what the leader of `epoch` sent. False when it does not fit. */
  appendFetched(batches: readonly Batch[], epoch: LeaderEpoch): boolean {
    const appended = this.log.appendAsFollower(batches, epoch);
    if (appended.kind === "refused") return false;
    for (let at = 0; at < appended.count; at++) this.#noteControlBatch(batches[at] as Batch);
    return true;
  }

  /** Follower: where to cut for a leader whose `epoch` ends at `endOffset`. */
  truncationFor({ epoch, endOffset }: SnapshotId): Offset {
    const ownEnd = this.log.endOffsetFor(epoch)?.endOffset ?? this.log.endOffset;
    return this.#rules.raft.truncationOffset(endOffset, ownEnd, this.log.endOffset);
  }

  truncateTo(offset: Offset, epoch: LeaderEpoch): void {
    this.log.truncateTo(offset, "diverging", epoch);
    this.voters.truncateTo(offset);
  }

  /** A fetched snapshot is whole: the log begins anew behind it. */
  install(snapshot: StoredSnapshot): void {
    this.#replaceLog(snapshot.id);
    const { voters } = this.snapshots.load(snapshot.id);
    this.voters.startFrom(snapshot.id.endOffset - 1, voters);
  }

  /**
   * Deletes the oldest snapshots, and what of the log lies before the next one, for retention. The
   * newest snapshot stays, and what lies above `upTo`: some state machine has not read it yet.
   */
  clean(upTo: Offset): void {
    const { raft } = this.#rules;
    const nowMs = this.#ports.clock.wallMs();
    const retentionBytes = this.#settings["metadata.max.retention.bytes"];
    const retentionMs = this.#settings["metadata.max.retention.ms"];
    for (;;) {
      const [oldest, next] = this.snapshots.all;
      if (oldest === undefined || next === undefined) return;
      let totalBytes = this.log.sizeBytes;
      for (const { sizeBytes } of this.snapshots.all) totalBytes += sizeBytes;
      const goes =
        raft.dropsForSize(totalBytes, retentionBytes) ||
        raft.dropsForAge(nowMs - oldest.timestampMs, retentionMs);
      // A node that has just started may not know yet how much is committed.
      if (!goes || next.id.endOffset > Math.min(upTo, this.log.highWatermark)) return;
      this.log.deletePrefix(next.id.endOffset);
      this.snapshots.removeEarliest();
      this.voters.forgetBefore(next.id.endOffset);
    }
  }

  /** What is committed for certain: all that a snapshot covers. */
  #adopt(latest: StoredSnapshot): void {
    const { id } = latest;
    const { log } = this;
    const isReplaced = log.latestEpoch < 0 && log.endOffset === id.endOffset;
    const replaces = this.#rules.raft.snapshotReplacesLog(
      id.endOffset,
      id.epoch,
      log.endOffset,
      log.latestEpoch,
    );
    if (replaces && !isReplaced) this.#replaceLog(id);
    else if (log.logStartOffset <= id.endOffset) log.setHighWatermark(id.endOffset);
    if (log.logStartOffset > id.endOffset) {
      const at = `offset ${log.logStartOffset}`;
      this.#ports.host.exit(`the metadata log begins at ${at}, behind its snapshots`);
    }
  }

  #replaceLog(id: SnapshotId): void {
    this.log.truncateFullyAndStartAt(id.endOffset, id.epoch);
  }

  #append(encoded: readonly NewRecord[], epoch: LeaderEpoch, control: boolean): Batch {
    const body = encodeBatch(encoded, {
      compression: "none",
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      codecs: this.#ports.codecs,
      control,
    });
    const appended = this.log.appendAsLeader(body, epoch, "raft");
    assert(appended.kind === "appended", "the metadata log takes what its leader writes");
    return appended.batch;
  }

  /** What snapshot and log say about voters: the only thing that a node keeps of control records. */
  #readVoters(): void {
    const { latest } = this.snapshots;
    const { log } = this;
    if (latest === null && log.logStartOffset > 0) {
      this.#ports.host.exit(`the metadata log begins at ${log.logStartOffset}, without a snapshot`);
    }
    if (latest !== null) {
      const { voters } = this.snapshots.load(latest.id);
      this.voters.startFrom(latest.id.endOffset - 1, voters);
    }
    for (let offset = latest?.id.endOffset ?? 0; offset < log.endOffset;) {
      const read = log.read(offset, READ_BYTES, log.endOffset, true);
      if ("error" in read) {
        return this.#ports.host.exit(`the metadata log is damaged at offset ${offset}`);
      }
      for (const batch of read.batches) {
        this.#noteControlBatch(batch);
        offset = batch.nextOffset;
      }
    }
  }

  #noteControlBatch(batch: Batch): void {
    if (!batch.body.isControl) return;
    for (const record of decodeRecords(batch, this.#ports.codecs)) {
      const control = decodeControlRecord(record);
      if (control?.type === "Voters") this.voters.add(record.offset, control.voters);
    }
  }
}

export function directoryOf(settings: BrokerSettings): string {
  return `${settings["log.dir"]}/${METADATA_PARTITION}`;
}
