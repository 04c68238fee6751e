import type { Chunk } from "../ports.ts";
import { RottenChunk, SliceChunk } from "./chunk.ts";
import type { Directory } from "./directory.ts";

/** Bytes [from, to) of a file that are not what was written, or not as durable as was claimed. */
export interface Damage {
  readonly how: "bit-rot" | "lost-sync";
  readonly from: number;
  readonly to: number;
}

/**
 * A file: immutable chunks with the position at which each ends. Appending copies nothing. The first
 * `syncedSize` bytes survive a loss of power; the rest is in the page cache.
 *
 * Differs from a real file system: cutting a file is durable at once (its journal orders it).
 */
export class DiskFile {
  readonly kind = "file";
  parent: Directory | null = null;
  name = "";
  syncedSize = 0;
  /** How far the program was told that it is synced: more than `syncedSize` after a lost sync. */
  claimedSize = 0;
  #chunks: Chunk[] = [];
  #ends: number[] = [];
  #size = 0;
  #rot: Damage[] = [];

  get size(): number {
    return this.#size;
  }

  /** In order. Not to be changed or kept. */
  get chunks(): readonly Chunk[] {
    return this.#chunks;
  }

  append(chunk: Chunk): void {
    if (chunk.sizeBytes === 0) return;
    this.#size += chunk.sizeBytes;
    this.#chunks.push(chunk);
    this.#ends.push(this.#size);
  }

  /** From `position` to the end of the chunk that holds it. */
  read(position: number): Chunk {
    const index = this.#indexOf(position);
    const chunk = this.#chunks[index]!;
    const start = this.#ends[index]! - chunk.sizeBytes;
    if (position === start) return chunk;
    return new SliceChunk(chunk, position - start, chunk.sizeBytes - (position - start));
  }

  truncate(size: number): void {
    if (size >= this.#size) return;
    const index = size === 0 ? 0 : this.#indexOf(size);
    const cut = this.#chunks[index]!;
    const start = this.#ends[index]! - cut.sizeBytes;
    this.#chunks.length = this.#ends.length = index;
    this.#size = start;
    if (size > start) this.append(new SliceChunk(cut, 0, size - start));
    this.syncedSize = Math.min(this.syncedSize, size);
    this.claimedSize = Math.min(this.claimedSize, size);
    this.#rot = this.#rot.filter((damage) => damage.from < size);
  }

  sync(): void {
    this.syncedSize = this.claimedSize = this.#size;
  }

  /** Where the chunk that holds `position` ends. */
  chunkEnd(position: number): number {
    return this.#ends[this.#indexOf(position)]!;
  }

  /** Turns one bit over, in a private copy of its chunk. */
  rot(position: number, bit: number): void {
    const index = this.#indexOf(position);
    const chunk = this.#chunks[index]!;
    const start = this.#ends[index]! - chunk.sizeBytes;
    this.#chunks[index] = new RottenChunk(chunk, position - start, bit);
    this.#rot.push({ how: "bit-rot", from: position, to: position + 1 });
  }

  damage(): readonly Damage[] {
    if (this.claimedSize <= this.syncedSize) return this.#rot;
    return [...this.#rot, { how: "lost-sync", from: this.syncedSize, to: this.claimedSize }];
  }

  /** The power is gone: only the first `kept` bytes are left, and they are on the platter. */
  losePower(kept: number): void {
    this.truncate(kept);
    this.sync();
  }

  /** A copy of the first `upTo` bytes. */
  bytes(upTo: number): Uint8Array {
    const result = new Uint8Array(upTo);
    let at = 0;
    for (const chunk of this.#chunks) {
      if (at >= upTo) break;
      const bytes = chunk.bytes();
      result.set(at + bytes.length <= upTo ? bytes : bytes.subarray(0, upTo - at), at);
      at += bytes.length;
    }
    return result;
  }

  clone(): DiskFile {
    const copy = new DiskFile();
    copy.#chunks = [...this.#chunks];
    copy.#ends = [...this.#ends];
    copy.#size = this.#size;
    copy.#rot = [...this.#rot];
    copy.sync();
    return copy;
  }

  #indexOf(position: number): number {
    const ends = this.#ends;
    const last = ends.length - 1;
    // Readers mostly look at the end.
    if (last === 0 || (last > 0 && ends[last - 1]! <= position)) return last;
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle]! <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
