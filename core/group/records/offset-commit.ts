/** A committed offset (OffsetCommitKey.json, OffsetCommitValue.json). */
import type { GroupId, LeaderEpoch, Offset } from "../../ids.ts";
import { NO_EPOCH } from "../../ids.ts";
import { RecordReader, RecordWriter } from "./bytes.ts";

export interface OffsetCommitKey {
  readonly group: GroupId;
  readonly topic: string;
  readonly partition: number;
}

export interface OffsetCommitValue {
  /** Of the next record to read. */
  readonly offset: Offset;
  /** Of the last record that was read; -1 when unknown. */
  readonly leaderEpoch: LeaderEpoch;
  readonly metadata: string;
  /** Wall clock of the coordinator, in ms. */
  readonly commitTimestamp: number;
  /** When it ends, as old clients could say; -1 for the broker's retention. */
  readonly expireTimestamp: number;
}

/** Version 0 was for commits without a retention of their own; both look the same. */
export const OFFSET_COMMIT_KEY_VERSIONS = [0, 1] as const;
const KEY_VERSION = 1;
/** What Kafka 4 writes: the highest version that is not flexible. */
const VALUE_VERSION = 3;
const NEWEST_READ = 3;
const EXPIRING_VERSION = 1;

export function encodeOffsetCommitKey({
  group,
  topic,
  partition,
}: OffsetCommitKey): Uint8Array | null {
  return new RecordWriter().int16(KEY_VERSION).text(group).text(topic).int32(partition).done();
}

export function encodeOffsetCommitValue(value: OffsetCommitValue): Uint8Array | null {
  const { offset, leaderEpoch, metadata, commitTimestamp } = value;
  return new RecordWriter()
    .int16(VALUE_VERSION)
    .int64(offset)
    .int32(leaderEpoch)
    .text(metadata)
    .int64(commitTimestamp)
    .done();
}

/** The key behind its version. */
export function readOffsetCommitKey(reader: RecordReader): OffsetCommitKey {
  const group = reader.text("group");
  const topic = reader.text("topic");
  const partition = reader.int32("partition");
  reader.end();
  return { group, topic, partition };
}

/** The value, or what is wrong with it. */
export function decodeOffsetCommitValue(bytes: Uint8Array): OffsetCommitValue | string {
  const reader = new RecordReader(bytes);
  const version = reader.int16("version");
  if (version < 0 || version > NEWEST_READ) return `an offset of unknown version ${version}`;
  const offset = reader.int64("offset");
  const leaderEpoch = version >= 3 ? reader.int32("leader epoch") : NO_EPOCH;
  const metadata = reader.text("metadata");
  const commitTimestamp = reader.int64("commit timestamp");
  const expireTimestamp = version === EXPIRING_VERSION ? reader.int64("expire timestamp") : -1;
  reader.end();
  return reader.problem ?? { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp };
}
