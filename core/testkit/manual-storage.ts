/**
 * An in-memory disk for unit tests: files are lists of chunks, and each knows how much of it was
 * synced. A loss of power cuts every file to its synced bytes; names survive. Errors are injected by
 * the test.
 */
import type { Chunk, Storage, StorageError, StorageErrorCode, StorageFile } from "../ports.ts";

/** Thrown by ports of a process that has ended: what comes after it in a handler never happens. */
export class ProcessEnded extends Error {
  override readonly name = "ProcessEnded";
}

/** What a disk keeps from one process of a node to the next. */
export class ManualDisk {
  readonly files: Map<string, FileContent> = new Map();
  readonly directories: Set<string> = new Set();
  /** The next changing call (append, create, rename, sync) under this path throws this code. */
  failure: { readonly under: string; readonly code: StorageErrorCode } | null = null;

  /** What a loss of power leaves. */
  losePower(): void {
    for (const file of this.files.values()) file.truncate(file.syncedBytes);
  }
}

export class FileContent {
  chunks: Chunk[] = [];
  sizeBytes = 0;
  syncedBytes = 0;

  append(chunk: Chunk): void {
    if (chunk.sizeBytes === 0) return;
    this.chunks.push(chunk);
    this.sizeBytes += chunk.sizeBytes;
  }

  read(position: number): Chunk {
    let start = 0;
    for (const chunk of this.chunks) {
      if (position === start) return chunk;
      if (position < start + chunk.sizeBytes) return pieceOf(chunk, position - start);
      start += chunk.sizeBytes;
    }
    throw new RangeError(`read at ${position} of a file of ${this.sizeBytes} bytes`);
  }

  truncate(sizeBytes: number): void {
    while (this.sizeBytes > sizeBytes) {
      const last = this.chunks.pop();
      if (last === undefined) return;
      this.sizeBytes -= last.sizeBytes;
      if (this.sizeBytes < sizeBytes) {
        const kept = last.bytes().subarray(0, sizeBytes - this.sizeBytes);
        this.append(bytesChunk(kept.slice()));
      }
    }
    this.syncedBytes = Math.min(this.syncedBytes, this.sizeBytes);
  }
}

/** A chunk that is just bytes. */
export function bytesChunk(bytes: Uint8Array): Chunk {
  return { sizeBytes: bytes.length, bytes: () => bytes };
}

function pieceOf(chunk: Chunk, from: number): Chunk {
  return bytesChunk(chunk.bytes().slice(from));
}

export class ManualStorage implements Storage {
  readonly #disk: ManualDisk;
  /** Throws when the process has ended. */
  readonly #check: () => void;

  constructor(disk: ManualDisk, check: () => void) {
    this.#disk = disk;
    this.#check = check;
  }

  list(directory: string): readonly string[] {
    this.#check();
    if (!this.#disk.directories.has(directory)) throw storageError("ENOENT", directory);
    const names = new Set<string>();
    const prefix = `${directory}/`;
    for (const path of [...this.#disk.files.keys(), ...this.#disk.directories]) {
      if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split("/")[0] ?? "");
    }
    return [...names].sort();
  }

  exists(path: string): boolean {
    this.#check();
    return this.#disk.files.has(path) || this.#disk.directories.has(path);
  }

  makeDirectory(path: string): void {
    this.#check();
    this.#mayFail(path);
    let made = "";
    for (const part of path.split("/")) {
      made = made === "" ? part : `${made}/${part}`;
      this.#disk.directories.add(made);
    }
  }

  open(path: string, create: boolean = false): StorageFile {
    this.#check();
    let content = this.#disk.files.get(path);
    if (content === undefined) {
      if (!create) throw storageError("ENOENT", path);
      this.#mayFail(path);
      const parent = parentOf(path);
      if (parent !== "" && !this.#disk.directories.has(parent)) throw storageError("ENOENT", path);
      content = new FileContent();
      this.#disk.files.set(path, content);
    }
    return new ManualFile(path, content, this.#check, () => this.#mayFail(path));
  }

  rename(from: string, to: string): void {
    this.#check();
    this.#mayFail(to);
    if (!this.exists(from)) throw storageError("ENOENT", from);
    const moved = [...this.#disk.files].filter(([path]) => isWithin(path, from));
    for (const [path, content] of moved) {
      this.#disk.files.delete(path);
      this.#disk.files.set(to + path.slice(from.length), content);
    }
    for (const path of [...this.#disk.directories].filter((at) => isWithin(at, from))) {
      this.#disk.directories.delete(path);
      this.#disk.directories.add(to + path.slice(from.length));
    }
  }

  remove(path: string): void {
    this.#check();
    for (const at of [...this.#disk.files.keys()]) {
      if (isWithin(at, path)) this.#disk.files.delete(at);
    }
    for (const at of [...this.#disk.directories]) {
      if (isWithin(at, path)) this.#disk.directories.delete(at);
    }
  }

  syncDirectory(path: string): void {
    this.#check();
    this.#mayFail(path);
  }

  #mayFail(path: string): void {
    const failure = this.#disk.failure;
    if (failure !== null && isWithin(path, failure.under)) throw storageError(failure.code, path);
  }
}

class ManualFile implements StorageFile {
  readonly path: string;
  readonly #content: FileContent;
  readonly #check: () => void;
  readonly #mayFail: () => void;

  constructor(path: string, content: FileContent, check: () => void, mayFail: () => void) {
    this.path = path;
    this.#content = content;
    this.#check = check;
    this.#mayFail = mayFail;
  }

  get sizeBytes(): number {
    return this.#content.sizeBytes;
  }

  append(chunk: Chunk): void {
    this.#check();
    this.#mayFail();
    this.#content.append(chunk);
  }

  read(position: number): Chunk {
    this.#check();
    return this.#content.read(position);
  }

  truncate(sizeBytes: number): void {
    this.#check();
    this.#content.truncate(sizeBytes);
  }

  sync(): void {
    this.#check();
    this.#mayFail();
    this.#content.syncedBytes = this.#content.sizeBytes;
  }
}

function storageError(code: StorageErrorCode, path: string): StorageError {
  return Object.assign(new Error(`${code}: ${path}`), { name: "StorageError" as const, code });
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}
