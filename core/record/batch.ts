import type { LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence } from "../ids.ts";
import type { Chunk, CompressionType } from "../ports.ts";
import type { DecodedRecord } from "./decode.ts";

export const BATCH_HEADER_BYTES = 61;

/** The fields of a batch that its CRC covers, besides the records; and the CRC itself. */
export interface BatchHeader {
  readonly crc: number;
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: ProducerId;
  readonly producerEpoch: ProducerEpoch;
  readonly baseSequence: Sequence;
  readonly recordsCount: number;
}

/**
 * A record batch v2 as its producer encoded it (DefaultRecordBatch.java), base offset 0 and leader
 * epoch -1. Immutable and shared: retries, leader, followers, disks and consumers hold this object.
 * Made only by the encoder and the decoder of this folder.
 */
export class BatchBody implements BatchHeader {
  /** All bytes, header included. Never written after construction. */
  readonly encoded: Uint8Array;
  readonly crc: number;
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: ProducerId;
  readonly producerEpoch: ProducerEpoch;
  readonly baseSequence: Sequence;
  readonly recordsCount: number;
  /** Memo of crc32c.ts's answer for these bytes; ask `crcIsValid`. */
  checkedCrc: "valid" | "bad" | null = null;
  /** Memo of decode.ts for one base offset; ask `decodeRecords`. */
  decoded: { readonly baseOffset: Offset; readonly records: readonly DecodedRecord[] } | null =
    null;

  constructor(encoded: Uint8Array, header: BatchHeader) {
    this.encoded = encoded;
    this.crc = header.crc;
    this.attributes = header.attributes;
    this.lastOffsetDelta = header.lastOffsetDelta;
    this.baseTimestamp = header.baseTimestamp;
    this.maxTimestamp = header.maxTimestamp;
    this.producerId = header.producerId;
    this.producerEpoch = header.producerEpoch;
    this.baseSequence = header.baseSequence;
    this.recordsCount = header.recordsCount;
  }

  get sizeBytes(): number {
    return this.encoded.length;
  }

  /** How the records are compressed; null for a type that is not built. */
  get compression(): CompressionType | null {
    const type = this.attributes & 0x07;
    return type === 0 ? "none" : type === 1 ? "gzip" : null;
  }

  /** The leader gave all records the time of its append, `maxTimestamp` (LogAppendTime). */
  get hasAppendTime(): boolean {
    return (this.attributes & 0x08) !== 0;
  }

  get isControl(): boolean {
    return (this.attributes & 0x20) !== 0;
  }

  get isTransactional(): boolean {
    return (this.attributes & 0x10) !== 0;
  }

  /** Sequence of the last record; -1 without a producer id. */
  get lastSequence(): Sequence {
    if (this.baseSequence < 0) return -1;
    const sum = this.baseSequence + this.lastOffsetDelta;
    return sum > 0x7fffffff ? sum - 0x80000000 : sum;
  }
}

/** A batch in a log: a shared body under the offset and the leader epoch that a leader gave it. */
export class Batch implements Chunk {
  readonly baseOffset: Offset;
  readonly leaderEpoch: LeaderEpoch;
  readonly body: BatchBody;

  constructor(baseOffset: Offset, leaderEpoch: LeaderEpoch, body: BatchBody) {
    this.baseOffset = baseOffset;
    this.leaderEpoch = leaderEpoch;
    this.body = body;
  }

  get lastOffset(): Offset {
    return this.baseOffset + this.body.lastOffsetDelta;
  }

  get nextOffset(): Offset {
    return this.baseOffset + this.body.lastOffsetDelta + 1;
  }

  get sizeBytes(): number {
    return this.body.encoded.length;
  }

  /** A copy of the body's bytes with base offset and leader epoch stamped (both outside the CRC). */
  bytes(): Uint8Array {
    const bytes = this.body.encoded.slice();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    view.setInt32(0, Math.floor(this.baseOffset / 0x100000000));
    view.setUint32(4, this.baseOffset >>> 0);
    view.setInt32(12, this.leaderEpoch);
    return bytes;
  }
}
