/**
 * Makes record batches v2 (MemoryRecordsBuilder.java, DefaultRecord.java): one pass for the sizes,
 * one that writes, so that a batch is allocated once.
 */
import { assert } from "../assert.ts";
import type { ProducerEpoch, ProducerId, Sequence } from "../ids.ts";
import type { Codecs, CompressionType } from "../ports.ts";
import { BATCH_HEADER_BYTES, BatchBody } from "./batch.ts";
import type { ByteSlab } from "./byte-slab.ts";
import { crc32c } from "./crc32c.ts";
import { utf8Encode, utf8Size } from "./utf8.ts";
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from "./varint.ts";

export interface NewRecord {
  /** ms since 1970 (CreateTime). */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
}

export interface EncodeOptions {
  readonly compression: CompressionType;
  /** -1, with epoch and sequence -1, for a batch that is not idempotent. */
  readonly producerId: ProducerId;
  readonly producerEpoch: ProducerEpoch;
  readonly baseSequence: Sequence;
  readonly codecs: Codecs;
  readonly control?: boolean;
  readonly transactional?: boolean;
  /** Where the bytes are taken from, when many small batches are made. */
  readonly slab?: ByteSlab;
}

/** The first byte that the CRC covers: the attributes. */
export const CRC_FROM = 21;
const APPEND_TIME_FLAG = 0x08;
const TRANSACTIONAL_FLAG = 0x10;
const CONTROL_FLAG = 0x20;
/** Up to this length a loop is faster than `set`, which costs a call into the engine. */
const LOOP_BYTES = 128;

/** One batch of at least one record, in their order. Its base timestamp is the first record's. */
export function encodeBatch(records: readonly NewRecord[], options: EncodeOptions): BatchBody {
  const first = records[0];
  assert(first !== undefined, "a batch has a record");
  const baseTimestamp = first.timestamp;
  let maxTimestamp = first.timestamp;
  let sizeBytes = 0;
  for (let index = 0; index < records.length; index++) {
    const record = records[index] as NewRecord;
    if (record.timestamp > maxTimestamp) maxTimestamp = record.timestamp;
    const length = lengthOf(record, index, baseTimestamp);
    sizeBytes += sizeOfVarint(length) + length;
  }
  const { compression, codecs, slab, producerId, producerEpoch, baseSequence } = options;
  const attributes =
    (compression === "gzip" ? 1 : 0) |
    (options.transactional === true ? TRANSACTIONAL_FLAG : 0) |
    (options.control === true ? CONTROL_FLAG : 0);
  let bytes: Uint8Array;
  if (compression === "none") {
    bytes = allocate(BATCH_HEADER_BYTES + sizeBytes, slab);
    writeRecords(bytes, BATCH_HEADER_BYTES, records, baseTimestamp);
  } else {
    const plain = new Uint8Array(sizeBytes);
    writeRecords(plain, 0, records, baseTimestamp);
    const packed = codecs.compress(compression, plain);
    bytes = allocate(BATCH_HEADER_BYTES + packed.length, slab);
    bytes.set(packed, BATCH_HEADER_BYTES);
  }
  return seal(
    bytes,
    attributes,
    records.length - 1,
    baseTimestamp,
    maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    records.length,
  );
}

/** The same records under another producer epoch and sequence: what a client does after a bump. */
export function withProducerState(
  body: BatchBody,
  producerId: ProducerId,
  producerEpoch: ProducerEpoch,
  baseSequence: Sequence,
): BatchBody {
  return seal(
    body.encoded.slice(),
    body.attributes,
    body.lastOffsetDelta,
    body.baseTimestamp,
    body.maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    body.recordsCount,
  );
}

/** The same records, all at the time of the leader's append (message.timestamp.type). */
export function withAppendTime(body: BatchBody, nowMs: number): BatchBody {
  return seal(
    body.encoded.slice(),
    body.attributes | APPEND_TIME_FLAG,
    body.lastOffsetDelta,
    body.baseTimestamp,
    nowMs,
    body.producerId,
    body.producerEpoch,
    body.baseSequence,
    body.recordsCount,
  );
}

/** Writes the header into `bytes`, which hold the records already, and makes the body of them. */
function seal(
  bytes: Uint8Array,
  attributes: number,
  lastOffsetDelta: number,
  baseTimestamp: number,
  maxTimestamp: number,
  producerId: ProducerId,
  producerEpoch: ProducerEpoch,
  baseSequence: Sequence,
  recordsCount: number,
): BatchBody {
  putInt64(bytes, 0, 0);
  putInt32(bytes, 8, bytes.length - 12);
  putInt32(bytes, 12, -1);
  bytes[16] = 2;
  putInt16(bytes, CRC_FROM, attributes);
  putInt32(bytes, 23, lastOffsetDelta);
  putInt64(bytes, 27, baseTimestamp);
  putInt64(bytes, 35, maxTimestamp);
  putInt64(bytes, 43, producerId);
  putInt16(bytes, 51, producerEpoch);
  putInt32(bytes, 53, baseSequence);
  putInt32(bytes, 57, recordsCount);
  const crc = crc32c(bytes, CRC_FROM);
  putInt32(bytes, 17, crc);
  const body = new BatchBody(bytes, {
    crc,
    attributes,
    lastOffsetDelta,
    baseTimestamp,
    maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    recordsCount,
  });
  body.checkedCrc = "valid";
  return body;
}

function allocate(sizeBytes: number, slab: ByteSlab | undefined): Uint8Array {
  return slab === undefined ? new Uint8Array(sizeBytes) : slab.take(sizeBytes);
}

/** Bytes of a record behind its length field. */
function lengthOf(record: NewRecord, offsetDelta: number, baseTimestamp: number): number {
  const { key, value, headers } = record;
  let size = 1 + sizeOfVarlong(record.timestamp - baseTimestamp) + sizeOfVarint(offsetDelta);
  size += key === null ? 1 : sizeOfVarint(key.length) + key.length;
  size += value === null ? 1 : sizeOfVarint(value.length) + value.length;
  size += sizeOfVarint(headers.length);
  for (const header of headers) {
    const keySize = utf8Size(header.key);
    size += sizeOfVarint(keySize) + keySize;
    size += header.value === null ? 1 : sizeOfVarint(header.value.length) + header.value.length;
  }
  return size;
}

function writeRecords(
  bytes: Uint8Array,
  from: number,
  records: readonly NewRecord[],
  baseTimestamp: number,
): void {
  let at = from;
  for (let index = 0; index < records.length; index++) {
    const record = records[index] as NewRecord;
    at = writeVarint(bytes, at, lengthOf(record, index, baseTimestamp));
    bytes[at++] = 0;
    at = writeVarlong(bytes, at, record.timestamp - baseTimestamp);
    at = writeVarint(bytes, at, index);
    at = writeBytes(bytes, at, record.key);
    at = writeBytes(bytes, at, record.value);
    at = writeVarint(bytes, at, record.headers.length);
    for (const header of record.headers) {
      at = writeBytes(bytes, at, utf8Encode(header.key));
      at = writeBytes(bytes, at, header.value);
    }
  }
}

function writeBytes(bytes: Uint8Array, at: number, span: Uint8Array | null): number {
  if (span === null) return writeVarint(bytes, at, -1);
  const { length } = span;
  const start = writeVarint(bytes, at, length);
  if (length > LOOP_BYTES) {
    bytes.set(span, start);
  } else {
    for (let index = 0; index < length; index++) bytes[start + index] = span[index] as number;
  }
  return start + length;
}

function putInt16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

function putInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
}

function putInt64(bytes: Uint8Array, at: number, value: number): void {
  putInt32(bytes, at, Math.floor(value / 0x100000000));
  putInt32(bytes, at + 4, value >>> 0);
}

/** A signed 64-bit integer that is a safe JavaScript number. */
export function setInt64(view: DataView, at: number, value: number): void {
  view.setInt32(at, Math.floor(value / 0x100000000));
  view.setUint32(at + 4, value >>> 0);
}

export function getInt64(view: DataView, at: number): number {
  return view.getInt32(at) * 0x100000000 + view.getUint32(at + 4);
}
