/**
 * Small files that are replaced as a whole (CheckpointFile.java): written beside the old one, synced,
 * renamed over it, and the directory synced, so that a reader finds the old or the new content.
 */
import type { Offset, PartitionName } from "../ids.ts";
import type { Storage, StorageError, StorageFile } from "../ports.ts";
import { utf8Decode, utf8Encode } from "../record/utf8.ts";
import { BytesChunk } from "./bytes-chunk.ts";

const TEMPORARY = ".tmp";
const VERSION = 0;
const INTEGER = /^-?\d{1,16}$/;

export function writeWhole(storage: Storage, directory: string, name: string, text: string): void {
  const path = `${directory}/${name}`;
  const temporary = path + TEMPORARY;
  const file = openEmpty(storage, temporary);
  file.append(new BytesChunk(utf8Encode(text)));
  file.sync();
  storage.rename(temporary, path);
  storage.syncDirectory(directory);
}

/** A new file, or the old one of that name without its content. */
export function openEmpty(storage: Storage, path: string): StorageFile {
  const file = storage.open(path, true);
  if (file.sizeBytes > 0) file.truncate(0);
  return file;
}

/** The content of a file, null when there is none. */
export function readWhole(storage: Storage, directory: string, name: string): Uint8Array | null {
  const path = `${directory}/${name}`;
  if (!storage.exists(path)) return null;
  const file = storage.open(path);
  const bytes = new Uint8Array(file.sizeBytes);
  let at = 0;
  while (at < bytes.length) {
    const piece = file.read(at).bytes();
    const fitting = piece.subarray(0, bytes.length - at);
    bytes.set(fitting, at);
    at += fitting.length;
  }
  return bytes;
}

/** Removes what a write left behind that did not come to its rename. */
export function removeTemporaries(storage: Storage, directory: string): void {
  for (const name of storage.list(directory)) {
    if (name.endsWith(TEMPORARY)) storage.remove(`${directory}/${name}`);
  }
}

/** Rows of integers, with a name in front when `named`: "version, count, rows", a line each. */
export function formatRows(rows: readonly string[]): string {
  return `${VERSION}\n${rows.length}\n${rows.map((row) => `${row}\n`).join("")}`;
}

/** The rows of a checkpoint, split into columns. Throws an EIO when it is not one. */
export function parseRows(bytes: Uint8Array, path: string, columns: number): string[][] {
  const lines = utf8Decode(bytes).split("\n");
  const count = Number(lines[1]);
  if (lines[0] !== String(VERSION) || lines.length !== count + 3 || lines.at(-1) !== "") {
    throw unreadable(path);
  }
  return lines.slice(2, -1).map((line) => {
    const row = line.split(" ");
    const numbers = columns === 3 ? row.slice(1) : row;
    if (row.length !== columns || !numbers.every((text) => INTEGER.test(text))) {
      throw unreadable(path);
    }
    return row;
  });
}

/**
 * One offset for each partition of a log directory (OffsetCheckpointFile.java). A content that is
 * there already is not written again.
 */
export class OffsetCheckpoint {
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #name: string;
  #lastText: string | null = null;

  constructor(storage: Storage, directory: string, name: string) {
    this.#storage = storage;
    this.#directory = directory;
    this.#name = name;
  }

  /** By partition; empty when the file was never written. */
  read(): Map<PartitionName, Offset> {
    const bytes = readWhole(this.#storage, this.#directory, this.#name);
    const offsets = new Map<PartitionName, Offset>();
    if (bytes === null) return offsets;
    this.#lastText = utf8Decode(bytes);
    for (const [topic, partition, offset] of parseRows(bytes, this.#name, 3)) {
      offsets.set(`${topic}-${partition}`, Number(offset));
    }
    return offsets;
  }

  write(offsets: Iterable<readonly [PartitionName, Offset]>): void {
    const rows: string[] = [];
    for (const [name, offset] of offsets) {
      const dash = name.lastIndexOf("-");
      rows.push(`${name.slice(0, dash)} ${name.slice(dash + 1)} ${offset}`);
    }
    const text = formatRows(rows);
    if (text === this.#lastText) return;
    writeWhole(this.#storage, this.#directory, this.#name, text);
    this.#lastText = text;
  }
}

/** What reading a file amounts to whose content makes no sense: its directory has failed. */
export function unreadable(path: string): StorageError {
  const error = new Error(`unreadable content: ${path}`);
  return Object.assign(error, { name: "StorageError" as const, code: "EIO" as const });
}
