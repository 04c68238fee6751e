/**
 * DEFLATE (RFC 1951) for batches of records: one block with the fixed Huffman codes, and matches found
 * by one look into a table of the size of the input. General compressors set up a quarter of a megabyte
 * first, which is far more work than compressing a batch.
 */

const MIN_MATCH = 3;
const MAX_MATCH = 258;
const MAX_DISTANCE = 32768;
const END_OF_BLOCK = 256;
const FIRST_LENGTH_SYMBOL = 257;
const MAX_LENGTH_SYMBOL = 285;
/** More entries find little more in a batch. */
const MAX_TABLE_BITS = 12;

/** Bits of a stream, the lowest first. */
class BitWriter {
  readonly #bytes: Uint8Array;
  #at = 0;
  #held = 0;
  #heldBits = 0;

  constructor(maxBytes: number) {
    this.#bytes = new Uint8Array(maxBytes);
  }

  /** At most 16 bits. */
  write(bits: number, width: number): void {
    this.#held |= bits << this.#heldBits;
    this.#heldBits += width;
    while (this.#heldBits >= 8) {
      this.#bytes[this.#at++] = this.#held & 0xff;
      this.#held >>>= 8;
      this.#heldBits -= 8;
    }
  }

  finish(): Uint8Array {
    if (this.#heldBits > 0) this.#bytes[this.#at++] = this.#held;
    return this.#bytes.subarray(0, this.#at);
  }
}

/** Symbols that stand for ranges of values, each twice as wide as the one `perDoubling` before it. */
class RangeSymbols {
  readonly #least: number[] = [];
  readonly #extraBits: number[] = [];
  /** Symbol of each value up to 256; of larger ones by the 128 that they lie in. */
  readonly #small: Uint8Array = new Uint8Array(257);
  readonly #large: Uint8Array = new Uint8Array(257);

  constructor(from: number, to: number, perDoubling: number) {
    for (let least = from; least <= to;) {
      const symbol = this.#least.length;
      const bits = Math.max(0, Math.floor(symbol / perDoubling) - 1);
      this.#least.push(least);
      this.#extraBits.push(bits);
      for (let value = least; value < least + (1 << bits) && value <= to; value++) {
        if (value <= 256) this.#small[value] = symbol;
        else this.#large[(value - 1) >> 7] = symbol;
      }
      least += 1 << bits;
    }
  }

  of(value: number): number {
    return value <= 256 ? this.#small[value]! : this.#large[(value - 1) >> 7]!;
  }

  /** Writes where in its symbol's range a value lies. */
  writeRest(out: BitWriter, symbol: number, value: number): void {
    out.write(value - this.#least[symbol]!, this.#extraBits[symbol]!);
  }
}

const lengths = new RangeSymbols(MIN_MATCH, MAX_MATCH, 4);
const distances = new RangeSymbols(1, MAX_DISTANCE, 2);

/** Codes of literals and lengths as they stand in the stream, with their widths. */
const literals: readonly (readonly [code: number, width: number])[] = Array.from(
  { length: 288 },
  (_, symbol) => {
    if (symbol < 144) return [reversed(0x30 + symbol, 8), 8];
    if (symbol < 256) return [reversed(0x190 + symbol - 144, 9), 9];
    if (symbol < 280) return [reversed(symbol - 256, 7), 7];
    return [reversed(0xc0 + symbol - 280, 8), 8];
  },
);

/** The raw stream, without a header; the same bytes on every machine. */
export function deflate(bytes: Uint8Array): Uint8Array {
  const out = new BitWriter(bytes.length + (bytes.length >> 3) + 8);
  // One block, the last one, of the kind with fixed codes.
  out.write(0b011, 3);
  const tableBits = Math.max(4, Math.min(MAX_TABLE_BITS, 32 - Math.clz32(bytes.length)));
  /** Where three bytes of that hash stood last, plus 1. */
  const seen = new Int32Array(1 << tableBits);
  const hashable = bytes.length - MIN_MATCH;
  for (let at = 0; at < bytes.length;) {
    let length = 0;
    let from = -1;
    if (at <= hashable) {
      const hash = hashOf(bytes, at) >>> (32 - tableBits);
      from = seen[hash]! - 1;
      seen[hash] = at + 1;
      if (from >= 0 && at - from <= MAX_DISTANCE) length = matchLength(bytes, from, at);
    }
    if (length >= MIN_MATCH) {
      writeMatch(out, length, at - from);
      at += length;
    } else {
      writeLiteral(out, bytes[at++]!);
    }
  }
  writeLiteral(out, END_OF_BLOCK);
  return out.finish();
}

function hashOf(bytes: Uint8Array, at: number): number {
  return Math.imul(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16), 0x9e3779b1);
}

function matchLength(bytes: Uint8Array, from: number, at: number): number {
  const most = Math.min(MAX_MATCH, bytes.length - at);
  let length = 0;
  while (length < most && bytes[from + length] === bytes[at + length]) length++;
  return length;
}

function writeLiteral(out: BitWriter, symbol: number): void {
  const [code, width] = literals[symbol]!;
  out.write(code, width);
}

function writeMatch(out: BitWriter, length: number, distance: number): void {
  if (length === MAX_MATCH) {
    // The longest match has a symbol of its own.
    writeLiteral(out, MAX_LENGTH_SYMBOL);
  } else {
    const symbol = lengths.of(length);
    writeLiteral(out, FIRST_LENGTH_SYMBOL + symbol);
    lengths.writeRest(out, symbol, length);
  }
  const symbol = distances.of(distance);
  out.write(reversed(symbol, 5), 5);
  distances.writeRest(out, symbol, distance);
}

/** Huffman codes begin with their highest bit, everything else in a stream with its lowest. */
function reversed(code: number, width: number): number {
  let result = 0;
  for (let bit = 0; bit < width; bit++) result |= ((code >> bit) & 1) << (width - 1 - bit);
  return result;
}
