/**
 * The two index files of a segment: .index (last offset of a batch -> position of the batch, 8 bytes
 * an entry, OffsetIndex.java) and .timeindex (largest timestamp so far -> offset, 12 bytes, TimeIndex.java).
 * Both columns are kept as numbers in memory; offsets on disk are relative to the segment's base.
 *
 * Differs from Kafka: the files are appended to, not mapped at their full size; and lookups use the
 * segment's own list of batches, so that a damaged index cannot mislead a reader. The files are what
 * a start checks: one that makes no sense has its segment recovered.
 */
import type { Offset } from "../ids.ts";
import type { Storage, StorageFile } from "../ports.ts";
import { getInt64, setInt64 } from "../record/encode.ts";
import { BytesChunk } from "./bytes-chunk.ts";
import { openEmpty, readWhole } from "./checkpoint-file.ts";

export const OFFSET_ENTRY_BYTES = 8;
export const TIME_ENTRY_BYTES = 12;

export const INDEX_KINDS = ["offset", "time"] as const;
export type IndexKind = (typeof INDEX_KINDS)[number];

export class IndexFile {
  readonly #kind: IndexKind;
  readonly #baseOffset: Offset;
  readonly #file: StorageFile;
  /** Offset index: last offsets of batches; time index: offsets. */
  readonly #offsets: Offset[] = [];
  /** Offset index: positions in the log; time index: timestamps. */
  readonly #values: number[] = [];
  #isSynced = false;

  private constructor(kind: IndexKind, baseOffset: Offset, file: StorageFile) {
    this.#kind = kind;
    this.#baseOffset = baseOffset;
    this.#file = file;
  }

  static create(storage: Storage, stem: string, kind: IndexKind, baseOffset: Offset): IndexFile {
    const path = indexPath(stem, kind);
    return new IndexFile(kind, baseOffset, openEmpty(storage, path));
  }

  /** The index as it lies on disk; null when it is missing or not in order. */
  static open(
    storage: Storage,
    directory: string,
    name: string,
    kind: IndexKind,
    baseOffset: Offset,
  ): IndexFile | null {
    const path = indexPath(`${directory}/${name}`, kind);
    const bytes = readWhole(storage, directory, indexPath(name, kind));
    if (bytes === null) return null;
    const index = new IndexFile(kind, baseOffset, storage.open(path));
    return index.#take(bytes) ? index : null;
  }

  get entryCount(): number {
    return this.#offsets.length;
  }

  get entryBytes(): number {
    return this.#kind === "offset" ? OFFSET_ENTRY_BYTES : TIME_ENTRY_BYTES;
  }

  /** Position or timestamp of the last entry; -1 without one. */
  get lastValue(): number {
    return this.#values.length === 0 ? -1 : (this.#values[this.#values.length - 1] as number);
  }

  append(offset: Offset, value: number): void {
    const bytes = new Uint8Array(this.entryBytes);
    const view = new DataView(bytes.buffer);
    if (this.#kind === "offset") {
      view.setInt32(0, offset - this.#baseOffset);
      view.setInt32(4, value);
    } else {
      setInt64(view, 0, value);
      view.setInt32(8, offset - this.#baseOffset);
    }
    this.#file.append(new BytesChunk(bytes));
    this.#isSynced = false;
    this.#offsets.push(offset);
    this.#values.push(value);
  }

  /** Drops the entries of offsets at or above `target`. */
  truncateTo(target: Offset): void {
    let count = this.#offsets.length;
    while (count > 0 && (this.#offsets[count - 1] as Offset) >= target) count -= 1;
    if (count === this.#offsets.length) return;
    this.#offsets.length = count;
    this.#values.length = count;
    this.#file.truncate(count * this.entryBytes);
    this.#isSynced = false;
  }

  sync(): void {
    if (this.#isSynced) return;
    this.#file.sync();
    this.#isSynced = true;
  }

  /** Takes over what was read; false unless both columns go up from entry to entry. */
  #take(bytes: Uint8Array): boolean {
    if (bytes.length % this.entryBytes !== 0) return false;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let lastOffset = this.#baseOffset - 1;
    let lastValue = -1;
    for (let at = 0; at < bytes.length; at += this.entryBytes) {
      const isOffset = this.#kind === "offset";
      const offset = this.#baseOffset + view.getInt32(isOffset ? at : at + 8);
      const value = isOffset ? view.getInt32(at + 4) : getInt64(view, at);
      if (offset <= lastOffset || value <= lastValue) return false;
      this.#offsets.push(offset);
      this.#values.push(value);
      lastOffset = offset;
      lastValue = value;
    }
    return true;
  }
}

export function indexPath(stem: string, kind: IndexKind): string {
  return kind === "offset" ? `${stem}.index` : `${stem}.timeindex`;
}
