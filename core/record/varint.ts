/**
 * Zigzag varints of the record format (ByteUtils.java): small numbers, also negative ones, take few
 * bytes. A varlong is a JavaScript number here, so its magnitude must stay below 2^52.
 */
import { assert } from "../assert.ts";

const MAX_VARLONG = 0x10000000000000;
const MAX_BYTES = 10;

/** Bytes that {@link writeVarint} takes for a 32-bit integer. */
export function sizeOfVarint(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  if (zigzag < 0x80) return 1;
  if (zigzag < 0x4000) return 2;
  if (zigzag < 0x200000) return 3;
  return zigzag < 0x10000000 ? 4 : 5;
}

/** Writes a 32-bit integer at `at`; returns the position behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  while (zigzag > 0x7f) {
    bytes[at++] = (zigzag & 0x7f) | 0x80;
    zigzag >>>= 7;
  }
  bytes[at++] = zigzag;
  return at;
}

/** Bytes that {@link writeVarlong} takes. */
export function sizeOfVarlong(value: number): number {
  if (value === (value | 0)) return sizeOfVarint(value);
  let zigzag = zigzagOf(value);
  let size = 1;
  while (zigzag > 0x7f) {
    zigzag = Math.floor(zigzag / 0x80);
    size += 1;
  }
  return size;
}

/** Writes an integer of magnitude below 2^52 at `at`; returns the position behind it. */
export function writeVarlong(bytes: Uint8Array, at: number, value: number): number {
  if (value === (value | 0)) return writeVarint(bytes, at, value);
  let zigzag = zigzagOf(value);
  while (zigzag > 0x7f) {
    bytes[at++] = (zigzag % 0x80) | 0x80;
    zigzag = Math.floor(zigzag / 0x80);
  }
  bytes[at++] = zigzag;
  return at;
}

/** Reads varints, bytes and fixed fields one after the other. */
export class RecordReader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const byte = this.#bytes[this.at];
    assert(byte !== undefined, "a record ends within its batch");
    this.at += 1;
    return byte;
  }

  /** A varint or a varlong. */
  varint(): number {
    const first = this.byte();
    if (first < 0x80) return first & 1 ? -((first + 1) / 2) : first / 2;
    let zigzag = first & 0x7f;
    let factor = 0x80;
    for (let count = 1; count < MAX_BYTES; count++) {
      const byte = this.byte();
      zigzag += (byte & 0x7f) * factor;
      if (byte < 0x80) return zigzag % 2 === 1 ? -((zigzag + 1) / 2) : zigzag / 2;
      factor *= 0x80;
    }
    assert(false, `a varint has at most ${MAX_BYTES} bytes`);
  }

  /** The next `length` bytes, not copied; null for length -1. */
  bytes(length: number): Uint8Array | null {
    if (length < 0) return null;
    const end = this.at + length;
    assert(end <= this.#bytes.length, "a record ends within its batch");
    const span = this.#bytes.subarray(this.at, end);
    this.at = end;
    return span;
  }
}

function zigzagOf(value: number): number {
  assert(value > -MAX_VARLONG && value < MAX_VARLONG, `a varlong is below 2^52: ${value}`);
  return value < 0 ? -value * 2 - 1 : value * 2;
}
