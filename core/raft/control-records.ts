/**
 * The records of the Raft layer itself, in control batches of the metadata log
 * (ControlRecordType.java, LeaderChangeMessage.json, KRaftVersionRecord.json, VotersRecord.json), and
 * those that begin and end a snapshot (SnapshotHeaderRecord.json, SnapshotFooterRecord.json).
 *
 * Differs from Kafka: the values are a version byte and JSON, as those of metadata records.
 */
import type { NodeId, Uuid } from "../ids.ts";
import { decodeVersioned, encodeVersioned } from "../metadata/codec.ts";
import type { DecodedRecord } from "../record/decode.ts";
import type { NewRecord } from "../record/encode.ts";

/** A voter is a node with the very disk that it joined with (KIP-853). */
export interface Voter {
  readonly id: NodeId;
  /** Null while nobody has told it: voters that come from the settings. */
  readonly directoryId: Uuid | null;
  readonly host: string;
}

export interface LeaderChangeRecord {
  readonly type: "LeaderChange";
  readonly leaderId: NodeId;
  readonly voters: readonly NodeId[];
  readonly grantingVoters: readonly NodeId[];
}

export interface KRaftVersionRecord {
  readonly type: "KRaftVersion";
  readonly kRaftVersion: number;
}

export interface VotersRecord {
  readonly type: "Voters";
  readonly voters: readonly Voter[];
}

export interface SnapshotHeaderRecord {
  readonly type: "SnapshotHeader";
  /** Of the last record that the snapshot covers. */
  readonly lastContainedLogTimestamp: number;
}

export interface SnapshotFooterRecord {
  readonly type: "SnapshotFooter";
}

export type ControlRecord =
  | LeaderChangeRecord
  | SnapshotHeaderRecord
  | SnapshotFooterRecord
  | KRaftVersionRecord
  | VotersRecord;

const KEY_TYPES: Readonly<Record<ControlRecord["type"], number>> = {
  LeaderChange: 2,
  SnapshotHeader: 3,
  SnapshotFooter: 4,
  KRaftVersion: 5,
  Voters: 6,
};

export function encodeControlRecord(record: ControlRecord, timestamp: number): NewRecord {
  // Version and type, each an int16.
  const key = new Uint8Array([0, 0, 0, KEY_TYPES[record.type]]);
  return { timestamp, key, value: encodeVersioned(record), headers: [] };
}

/** Null for a control record that this release does not know: it has no meaning here. */
export function decodeControlRecord(record: DecodedRecord): ControlRecord | null {
  const value = decodeVersioned(record.value) as ControlRecord | null;
  return value !== null && Object.hasOwn(KEY_TYPES, value.type) ? value : null;
}
