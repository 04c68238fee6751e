import type { Chunk } from "../ports.ts";

/** A piece of a file that is just bytes: index entries, checkpoints, snapshots. */
export class BytesChunk implements Chunk {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }
}
