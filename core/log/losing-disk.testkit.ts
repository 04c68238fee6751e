/**
 * A disk for tests of crashes: a loss of power keeps of each file its synced bytes and a drawn part
 * of the rest, and may undo each creation, rename and removal that was not synced. A crash can
 * strike before or after any call that changes something. Cutting a file is durable at once.
 */
import type { Chunk, Storage, StorageFile } from "../ports.ts";
import { FileContent, ProcessEnded } from "../testkit/manual-storage.ts";

type Names = Map<string, FileContent>;

/** One change of names in a directory: what goes and what comes. */
interface NameChange {
  readonly directory: string;
  readonly removed: string | null;
  readonly added: { readonly path: string; readonly file: FileContent } | null;
}

/** An integer in [0, bound). */
export type Draw = (bound: number) => number;

export class LosingDisk implements Storage {
  readonly #draw: Draw;
  readonly #directories: Set<string> = new Set([""]);
  #names: Names = new Map();
  /** As they are on the platter, without the changes that are not synced. */
  #durable: Names = new Map();
  #changes: NameChange[] = [];
  #callsLeft: number | null = null;
  #isEnded = false;

  constructor(draw: Draw) {
    this.#draw = draw;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The process ends at the `calls`-th changing call from here, before or after it. */
  crashAfter(calls: number | null): void {
    this.#callsLeft = calls;
  }

  /** The process ends now. */
  kill(): void {
    this.#isEnded = true;
  }

  /** The next process may use the disk. */
  boot(): void {
    this.#isEnded = false;
    this.#callsLeft = null;
  }

  losePower(): void {
    for (const change of this.#changes) {
      if (this.#draw(2) === 1) apply(this.#durable, change);
    }
    this.#changes = [];
    this.#names = new Map(this.#durable);
    for (const file of this.#names.values()) {
      const unsynced = file.sizeBytes - file.syncedBytes;
      const fate = this.#draw(4);
      const kept = fate === 0 ? 0 : fate === 1 ? unsynced : this.#draw(unsynced + 1);
      file.truncate(file.syncedBytes + kept);
      file.syncedBytes = file.sizeBytes;
    }
  }

  list(directory: string): readonly string[] {
    const prefix = `${directory}/`;
    const names = new Set<string>();
    for (const path of [...this.#names.keys(), ...this.#directories]) {
      if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split("/")[0] as string);
    }
    return [...names].sort();
  }

  exists(path: string): boolean {
    return this.#names.has(path) || this.#directories.has(path);
  }

  /** Directories are durable here: the logs under test make theirs once. */
  makeDirectory(path: string): void {
    this.#directories.add(path);
  }

  open(path: string, create: boolean = false): StorageFile {
    const file = this.#names.get(path) ?? new FileContent();
    if (!this.#names.has(path)) {
      if (!create) throw new Error(`no file ${path}`);
      this.#rename({ directory: parentOf(path), removed: null, added: { path, file } });
    }
    const change = (work: () => void): void => this.#change(work);
    return {
      path,
      get sizeBytes(): number {
        return file.sizeBytes;
      },
      append: (chunk: Chunk) => change(() => file.append(chunk)),
      read: (position) => file.read(position),
      truncate: (sizeBytes) => change(() => file.truncate(sizeBytes)),
      sync: () => change(() => (file.syncedBytes = file.sizeBytes)),
    };
  }

  rename(from: string, to: string): void {
    const file = this.#names.get(from);
    if (file === undefined) throw new Error(`no file ${from}`);
    this.#rename({ directory: parentOf(to), removed: from, added: { path: to, file } });
  }

  remove(path: string): void {
    this.#rename({ directory: parentOf(path), removed: path, added: null });
  }

  syncDirectory(path: string): void {
    this.#change(() => {
      for (const change of this.#changes) {
        if (change.directory === path) apply(this.#durable, change);
      }
      this.#changes = this.#changes.filter((change) => change.directory !== path);
    });
  }

  #rename(change: NameChange): void {
    this.#change(() => {
      apply(this.#names, change);
      this.#changes.push(change);
    });
  }

  #change(work: () => void): void {
    if (this.#isEnded) throw new ProcessEnded("disk");
    const strikes = this.#callsLeft !== null && --this.#callsLeft < 0;
    if (strikes && this.#draw(2) === 0) this.#end();
    work();
    if (strikes) this.#end();
  }

  #end(): never {
    this.#isEnded = true;
    throw new ProcessEnded("disk");
  }
}

function apply(names: Names, { removed, added }: NameChange): void {
  if (removed !== null) names.delete(removed);
  if (added !== null) names.set(added.path, added.file);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
