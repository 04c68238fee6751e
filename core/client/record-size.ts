/** How many bytes a record takes in a batch v2 before compression (DefaultRecord.java). */
import { utf8Encode } from "../record/utf8.ts";
import { sizeOfVarint, sizeOfVarlong } from "../record/varint.ts";

export interface RecordHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** Attributes, and the largest offset delta and timestamp delta that are counted on. */
const MAX_OVERHEAD_BYTES = 21;

/** Its exact size at that place in a batch. */
export function recordSizeBytes(
  key: Uint8Array | null,
  value: Uint8Array | null,
  headers: readonly RecordHeader[],
  offsetDelta: number,
  timestampDelta: number,
): number {
  const body =
    1 +
    sizeOfVarint(offsetDelta) +
    sizeOfVarlong(timestampDelta) +
    contentBytes(key, value, headers);
  return body + sizeOfVarint(body);
}

/** At most so many bytes, wherever in a batch it comes to lie. */
export function recordSizeUpperBound(
  key: Uint8Array | null,
  value: Uint8Array | null,
  headers: readonly RecordHeader[],
): number {
  return MAX_OVERHEAD_BYTES + contentBytes(key, value, headers);
}

function contentBytes(
  key: Uint8Array | null,
  value: Uint8Array | null,
  headers: readonly RecordHeader[],
): number {
  let size = fieldBytes(key) + fieldBytes(value) + sizeOfVarint(headers.length);
  for (const header of headers) {
    size += fieldBytes(utf8Encode(header.key)) + fieldBytes(header.value);
  }
  return size;
}

function fieldBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : sizeOfVarint(bytes.length) + bytes.length;
}
