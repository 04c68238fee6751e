import type { Chunk } from "../ports.ts";

/** A part of a chunk: what was torn off is gone, the shared bytes stay as they are. */
export class SliceChunk implements Chunk {
  readonly sizeBytes: number;
  readonly #whole: Chunk;
  readonly #from: number;

  constructor(whole: Chunk, from: number, sizeBytes: number) {
    this.#whole = whole;
    this.#from = from;
    this.sizeBytes = sizeBytes;
  }

  bytes(): Uint8Array {
    return this.#whole.bytes().subarray(this.#from, this.#from + this.sizeBytes);
  }
}

/** A private copy of a chunk with one bit turned over. */
export class RottenChunk implements Chunk {
  readonly sizeBytes: number;
  readonly #bytes: Uint8Array;

  constructor(sound: Chunk, position: number, bit: number) {
    this.sizeBytes = sound.sizeBytes;
    this.#bytes = sound.bytes().slice();
    this.#bytes[position]! ^= 1 << bit;
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }
}
