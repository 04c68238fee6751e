/** The records of `__consumer_offsets` (CoordinatorRecordType.java). */
import type { GroupId } from "../../ids.ts";
import { RecordReader } from "./bytes.ts";
import type { GroupMetadataValue } from "./group-metadata.ts";
import {
  decodeGroupMetadataValue,
  encodeGroupMetadataKey,
  encodeGroupMetadataValue,
  GROUP_METADATA_KEY_VERSION,
  readGroupMetadataKey,
} from "./group-metadata.ts";
import type { OffsetCommitKey, OffsetCommitValue } from "./offset-commit.ts";
import {
  decodeOffsetCommitValue,
  encodeOffsetCommitKey,
  encodeOffsetCommitValue,
  OFFSET_COMMIT_KEY_VERSIONS,
  readOffsetCommitKey,
} from "./offset-commit.ts";

/** A value of null is a tombstone: what the key names is no more. */
export type StoredRecord =
  | ({ readonly kind: "offset"; readonly value: OffsetCommitValue | null } & OffsetCommitKey)
  | {
      readonly kind: "group";
      readonly group: GroupId;
      readonly value: GroupMetadataValue | null;
    };

export type DecodedStoredRecord =
  | { readonly kind: "record"; readonly record: StoredRecord }
  /** Of a later version of Kafka: to be passed over. */
  | { readonly kind: "unknown"; readonly version: number }
  | { readonly kind: "bad"; readonly problem: string };

export interface EncodedRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** Null when a text is too long for Kafka's encoding, which takes 32767 bytes. */
export function encodeStoredRecord(record: StoredRecord): EncodedRecord | null {
  let key: Uint8Array | null;
  let value: Uint8Array | null = null;
  if (record.kind === "offset") {
    key = encodeOffsetCommitKey(record);
    if (record.value !== null) value = encodeOffsetCommitValue(record.value);
  } else {
    key = encodeGroupMetadataKey(record.group);
    if (record.value !== null) value = encodeGroupMetadataValue(record.value);
  }
  return key === null || (value === null && record.value !== null) ? null : { key, value };
}

export function decodeStoredRecord(
  key: Uint8Array | null,
  value: Uint8Array | null,
): DecodedStoredRecord {
  if (key === null) return bad("a record without a key");
  const reader = new RecordReader(key);
  const version = reader.int16("version of the key");
  if (reader.problem !== null) return bad(reader.problem);
  if (version === GROUP_METADATA_KEY_VERSION) {
    const group = readGroupMetadataKey(reader);
    if (reader.problem !== null) return bad(`key of a group: ${reader.problem}`);
    const decoded = value === null ? null : decodeGroupMetadataValue(value);
    if (typeof decoded === "string") return bad(`group ${group}: ${decoded}`);
    return { kind: "record", record: { kind: "group", group, value: decoded } };
  }
  if (!OFFSET_COMMIT_KEY_VERSIONS.some((known) => known === version)) {
    return { kind: "unknown", version };
  }
  const of = readOffsetCommitKey(reader);
  if (reader.problem !== null) return bad(`key of an offset: ${reader.problem}`);
  const decoded = value === null ? null : decodeOffsetCommitValue(value);
  if (typeof decoded === "string") {
    return bad(`offset of ${of.group} for ${of.topic}-${of.partition}: ${decoded}`);
  }
  return { kind: "record", record: { kind: "offset", ...of, value: decoded } };
}

function bad(problem: string): DecodedStoredRecord {
  return { kind: "bad", problem };
}
