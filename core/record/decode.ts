/** Reads record batches v2 back: their records, or a whole batch out of bytes of unknown origin. */
import { assert } from "../assert.ts";
import type { Offset } from "../ids.ts";
import type { Codecs } from "../ports.ts";
import { BATCH_HEADER_BYTES, Batch, BatchBody } from "./batch.ts";
import { crc32c } from "./crc32c.ts";
import { CRC_FROM, getInt64 } from "./encode.ts";
import { utf8Decode } from "./utf8.ts";
import { RecordReader } from "./varint.ts";

export interface DecodedRecord {
  readonly offset: Offset;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
}

export type ParseError = "too-short" | "bad-magic" | "bad-crc" | "bad-length";
export type ParsedBatch =
  | { readonly batch: Batch; readonly error?: undefined }
  | { readonly error: ParseError; readonly batch?: undefined };

/** Shared by all records, so it is frozen. */
const NO_HEADERS: DecodedRecord["headers"] = Object.freeze([]);
/** What one batch may unpack to; a larger one is a compression bomb. */
const MAX_UNPACKED_BYTES = 0x10000000;

/**
 * The records of a batch whose CRC holds, with their offsets in that log. Keys and values are views
 * into shared bytes and must not be written to. Decoded once for each body and base offset.
 */
export function decodeRecords(batch: Batch, codecs: Codecs): readonly DecodedRecord[] {
  const memo = batch.body.decoded;
  if (memo !== null && memo.baseOffset === batch.baseOffset) return memo.records;
  const records = decode(batch.baseOffset, batch.body, codecs);
  batch.body.decoded = { baseOffset: batch.baseOffset, records };
  return records;
}

/** Whether the bytes of a body are what its CRC says. Computed at most once for each body. */
export function crcIsValid(body: BatchBody): boolean {
  if (body.checkedCrc === null) {
    body.checkedCrc = crc32c(body.encoded, CRC_FROM) === body.crc ? "valid" : "bad";
  }
  return body.checkedCrc === "valid";
}

/** The batch that starts at `at`, its CRC checked. Copies its bytes. */
export function parseBatch(bytes: Uint8Array, at: number): ParsedBatch {
  const parsed = parseUnchecked(bytes, at);
  if (parsed.batch !== undefined && !crcIsValid(parsed.batch.body)) return { error: "bad-crc" };
  return parsed;
}

/** As {@link parseBatch}, but believes the bytes as long as they have the shape of a batch. */
export function parseUnchecked(bytes: Uint8Array, at: number): ParsedBatch {
  if (bytes.length - at < BATCH_HEADER_BYTES) return { error: "too-short" };
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
  if (view.getInt8(16) !== 2) return { error: "bad-magic" };
  const sizeBytes = view.getInt32(8) + 12;
  if (sizeBytes < BATCH_HEADER_BYTES) return { error: "bad-length" };
  if (sizeBytes > view.byteLength) return { error: "too-short" };
  const encoded = bytes.slice(at, at + sizeBytes);
  // A body is the same whatever log it lies in: base offset 0, leader epoch -1.
  encoded.fill(0, 0, 8);
  encoded.fill(0xff, 12, 16);
  const body = new BatchBody(encoded, {
    crc: view.getUint32(17),
    attributes: view.getInt16(CRC_FROM),
    lastOffsetDelta: view.getInt32(23),
    baseTimestamp: getInt64(view, 27),
    maxTimestamp: getInt64(view, 35),
    producerId: getInt64(view, 43),
    producerEpoch: view.getInt16(51),
    baseSequence: view.getInt32(53),
    recordsCount: view.getInt32(57),
  });
  return { batch: new Batch(getInt64(view, 0), view.getInt32(12), body) };
}

function decode(baseOffset: Offset, body: BatchBody, codecs: Codecs): readonly DecodedRecord[] {
  const type = body.compression;
  assert(type !== null, "the compression type of a batch is known");
  let bytes = body.encoded;
  let from = BATCH_HEADER_BYTES;
  if (type !== "none") {
    bytes = codecs.decompress(type, bytes.subarray(from), MAX_UNPACKED_BYTES);
    from = 0;
  }
  const appendTime = body.hasAppendTime ? body.maxTimestamp : null;
  const reader = new RecordReader(bytes, from);
  const records: DecodedRecord[] = [];
  for (let index = 0; index < body.recordsCount; index++) {
    const length = reader.varint();
    const end = reader.at + length;
    reader.byte();
    const timestamp = body.baseTimestamp + reader.varint();
    const offset = baseOffset + reader.varint();
    const key = reader.bytes(reader.varint());
    const value = reader.bytes(reader.varint());
    const headers = readHeaders(reader);
    assert(reader.at === end, "a record is as long as it says");
    records.push({ offset, timestamp: appendTime ?? timestamp, key, value, headers });
  }
  return records;
}

function readHeaders(reader: RecordReader): DecodedRecord["headers"] {
  const count = reader.varint();
  if (count === 0) return NO_HEADERS;
  const headers: { key: string; value: Uint8Array | null }[] = [];
  for (let index = 0; index < count; index++) {
    const key = reader.bytes(reader.varint());
    assert(key !== null, "a header has a key");
    headers.push({ key: utf8Decode(key), value: reader.bytes(reader.varint()) });
  }
  return headers;
}
