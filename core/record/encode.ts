/**
 * Makes record batches v2 (MemoryRecordsBuilder.java, DefaultRecord.java): one pass for the sizes,
 * one that writes, so that a batch is allocated once.
 */
import { assert } from "../assert.ts";
import type { ProducerEpoch, ProducerId, Sequence } from "../ids.ts";
import type { Codecs, CompressionType } from "../ports.ts";
import type { BatchHeader } from "./batch.ts";
import { BATCH_HEADER_BYTES, BatchBody } from "./batch.ts";
import type { ByteSlab } from "./byte-slab.ts";
import { crc32c } from "./crc32c.ts";
import { utf8Encode } from "./utf8.ts";
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
  const fields = {
    attributes:
      (options.compression === "gzip" ? 1 : 0) |
      (options.transactional === true ? TRANSACTIONAL_FLAG : 0) |
      (options.control === true ? CONTROL_FLAG : 0),
    lastOffsetDelta: records.length - 1,
    baseTimestamp,
    maxTimestamp,
    producerId: options.producerId,
    producerEpoch: options.producerEpoch,
    baseSequence: options.baseSequence,
    recordsCount: records.length,
  };
  if (options.compression === "none") {
    const bytes = allocate(BATCH_HEADER_BYTES + sizeBytes, options.slab);
    writeRecords(bytes, BATCH_HEADER_BYTES, records, baseTimestamp);
    return seal(bytes, fields);
  }
  const plain = new Uint8Array(sizeBytes);
  writeRecords(plain, 0, records, baseTimestamp);
  const packed = options.codecs.compress(options.compression, plain);
  const bytes = allocate(BATCH_HEADER_BYTES + packed.length, options.slab);
  bytes.set(packed, BATCH_HEADER_BYTES);
  return seal(bytes, fields);
}

/** The same records under another producer epoch and sequence: what a client does after a bump. */
export function withProducerState(
  body: BatchBody,
  producerId: ProducerId,
  producerEpoch: ProducerEpoch,
  baseSequence: Sequence,
): BatchBody {
  return seal(body.encoded.slice(), {
    attributes: body.attributes,
    lastOffsetDelta: body.lastOffsetDelta,
    baseTimestamp: body.baseTimestamp,
    maxTimestamp: body.maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    recordsCount: body.recordsCount,
  });
}

/** The same records, all at the time of the leader's append (message.timestamp.type). */
export function withAppendTime(body: BatchBody, nowMs: number): BatchBody {
  return seal(body.encoded.slice(), {
    attributes: body.attributes | APPEND_TIME_FLAG,
    lastOffsetDelta: body.lastOffsetDelta,
    baseTimestamp: body.baseTimestamp,
    maxTimestamp: nowMs,
    producerId: body.producerId,
    producerEpoch: body.producerEpoch,
    baseSequence: body.baseSequence,
    recordsCount: body.recordsCount,
  });
}

/** Writes the header into `bytes`, which hold the records already, and makes the body of them. */
function seal(bytes: Uint8Array, fields: Omit<BatchHeader, "crc">): BatchBody {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  setInt64(view, 0, 0);
  view.setInt32(8, bytes.length - 12);
  view.setInt32(12, -1);
  view.setInt8(16, 2);
  view.setInt16(CRC_FROM, fields.attributes);
  view.setInt32(23, fields.lastOffsetDelta);
  setInt64(view, 27, fields.baseTimestamp);
  setInt64(view, 35, fields.maxTimestamp);
  setInt64(view, 43, fields.producerId);
  view.setInt16(51, fields.producerEpoch);
  view.setInt32(53, fields.baseSequence);
  view.setInt32(57, fields.recordsCount);
  const crc = crc32c(bytes, CRC_FROM);
  view.setUint32(17, crc);
  const body = new BatchBody(bytes, {
    crc,
    attributes: fields.attributes,
    lastOffsetDelta: fields.lastOffsetDelta,
    baseTimestamp: fields.baseTimestamp,
    maxTimestamp: fields.maxTimestamp,
    producerId: fields.producerId,
    producerEpoch: fields.producerEpoch,
    baseSequence: fields.baseSequence,
    recordsCount: fields.recordsCount,
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
    const keySize = utf8Encode(header.key).length;
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
  const start = writeVarint(bytes, at, span.length);
  bytes.set(span, start);
  return start + span.length;
}

/** A signed 64-bit integer that is a safe JavaScript number. */
export function setInt64(view: DataView, at: number, value: number): void {
  view.setInt32(at, Math.floor(value / 0x100000000));
  view.setUint32(at + 4, value >>> 0);
}

export function getInt64(view: DataView, at: number): number {
  return view.getInt32(at) * 0x100000000 + view.getUint32(at + 4);
}
