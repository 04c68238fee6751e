import { hashString } from "../hash.ts";
import type { KeyedDraws } from "../random.ts";
import { byCodeUnit } from "../order.ts";
import { Directory } from "./directory.ts";
import type { Chunk } from "../ports.ts";
import type { DiskEntry } from "./directory.ts";
import { DiskFile } from "./file.ts";
import type { Damage } from "./file.ts";
import { StorageError } from "./storage-error.ts";

const KEPT = hashString("power-loss-kept");
const NAME = hashString("power-loss-name");

/** What a loss of power leaves of files, where a fault says more than the draw. */
export interface PowerLossWish {
  /** Bytes kept beyond the synced ones; if negative, so many are lost of what was written. */
  readonly keepBytes?: number;
  /** Whole chunks kept beyond the synced bytes. */
  readonly keepChunks?: number;
  /** The wish holds for this file, or the files below this directory; others are drawn. */
  readonly path?: string;
}

/** What observers may ask of a disk. It changes nothing. */
export interface DiskView {
  /** Paths of all files, sorted. */
  files(): readonly string[];
  exists(path: string): boolean;
  size(path: string): number;
  /** So many bytes of the file survive a loss of power. */
  syncedSize(path: string): number;
  /** The whole file, as its program would read it. */
  content(path: string): Uint8Array;
  /** The pieces that make up {@link content}, as they were appended, torn or damaged. */
  chunks(path: string): readonly Chunk[];
  /** The part of it that survives a loss of power. */
  durable(path: string): Uint8Array;
  /** Which bytes are not what was written, or not as durable as was claimed. */
  damage(path: string): readonly Damage[];
  /** Paths of directories whose names are not as durable as was claimed, sorted. */
  damagedDirectories(): readonly string[];
}

/** A disk: a tree of files behind a page cache. It belongs to a host and outlives processes. */
export class Disk implements DiskView {
  readonly #root: Directory = new Directory();

  /** The file or directory, or null. */
  find(path: string): DiskEntry | null {
    // Asked for at nearly every call: the names are looked at where they stand.
    let entry: DiskEntry = this.#root;
    for (let from = 0, end = 0; from < path.length; from = end + 1) {
      end = path.indexOf("/", from);
      if (end < 0) end = path.length;
      const name = path.slice(from, end);
      if (name === "" || name === ".") continue;
      if (entry.kind === "file") return null;
      const next = entry.entries.get(name);
      if (next === undefined) return null;
      entry = next;
    }
    return entry;
  }

  file(path: string): DiskFile {
    const entry = this.find(path);
    if (entry === null || entry.kind !== "file") throw new StorageError("ENOENT", path);
    return entry;
  }

  directory(path: string): Directory {
    const entry = this.find(path);
    if (entry === null || entry.kind !== "directory") throw new StorageError("ENOENT", path);
    return entry;
  }

  list(path: string): readonly string[] {
    return [...this.directory(path).entries.keys()].sort(byCodeUnit);
  }

  makeDirectory(path: string): void {
    let directory = this.#root;
    for (const name of split(path)) {
      const next = directory.entries.get(name);
      if (next === undefined) {
        const made = new Directory();
        add(directory, name, made);
        directory = made;
      } else if (next.kind === "file") {
        throw new StorageError("EIO", path);
      } else {
        directory = next;
      }
    }
  }

  create(path: string): DiskFile {
    const { parent, name } = this.#place(path);
    const file = new DiskFile();
    add(parent, name, file);
    return file;
  }

  rename(from: string, to: string): void {
    const entry = this.find(from);
    if (entry === null || entry.parent === null) throw new StorageError("ENOENT", from);
    const { parent, name } = this.#place(to);
    const old = parent.entries.get(name);
    if (old === entry) return;
    if (old !== undefined && old.kind === "directory" && old.entries.size > 0) {
      throw new StorageError("EIO", to);
    }
    Directory.apply({
      what: "rename",
      removed: { from: entry.parent, name: entry.name },
      added: { to: parent, name, entry },
      durable: false,
    });
  }

  remove(path: string): void {
    const entry = this.find(path);
    if (entry === null || entry.parent === null) return;
    Directory.apply({
      what: "remove",
      removed: { from: entry.parent, name: entry.name },
      added: null,
      durable: false,
    });
  }

  /**
   * The power goes. Each file keeps its synced bytes and a drawn prefix of the rest, which may end
   * inside a chunk; each change of names that was not synced survives or not, by its own draw.
   * `key` names this loss of power among the draws.
   */
  losePower(draws: KeyedDraws, key: number, wish: PowerLossWish): void {
    const visit = (directory: Directory, path: string): void => {
      let k = 0;
      directory.losePower((change) => {
        const name = change.added?.name ?? change.removed?.name ?? "";
        return (draws.draw(NAME, key, hashString(`${path}/${name}`), k++) & 1) === 1;
      });
      directory.restore();
      for (const [name, entry] of directory.entries) {
        const inner = path === "" ? name : `${path}/${name}`;
        if (entry.kind === "directory") visit(entry, inner);
        else entry.losePower(keptBytes(entry, inner, wish, draws, key));
      }
    };
    visit(this.#root, "");
  }

  /** A durable copy of everything, as a disk that was cloned or carried elsewhere. */
  clone(): Disk {
    const copy = new Disk();
    const fill = (from: Directory, to: Directory): void => {
      for (const [name, entry] of from.entries) {
        if (entry.kind === "file") {
          to.adopt(name, entry.clone());
        } else {
          const inner = new Directory();
          to.adopt(name, inner);
          fill(entry, inner);
        }
      }
    };
    fill(this.#root, copy.#root);
    return copy;
  }

  files(): readonly string[] {
    const paths: string[] = [];
    const visit = (directory: Directory, prefix: string): void => {
      for (const [name, entry] of directory.entries) {
        if (entry.kind === "file") paths.push(prefix + name);
        else visit(entry, `${prefix}${name}/`);
      }
    };
    visit(this.#root, "");
    return paths.sort(byCodeUnit);
  }

  exists(path: string): boolean {
    return this.find(path) !== null;
  }

  damagedDirectories(): readonly string[] {
    const paths: string[] = [];
    const visit = (directory: Directory): void => {
      if (directory.claimsTooMuch) paths.push(pathOf(directory));
      for (const entry of directory.entries.values()) if (entry.kind === "directory") visit(entry);
    };
    visit(this.#root);
    return paths.sort(byCodeUnit);
  }

  size(path: string): number {
    return this.file(path).size;
  }

  syncedSize(path: string): number {
    return this.file(path).syncedSize;
  }

  content(path: string): Uint8Array {
    const file = this.file(path);
    return file.bytes(file.size);
  }

  chunks(path: string): readonly Chunk[] {
    return this.file(path).chunks;
  }

  durable(path: string): Uint8Array {
    const file = this.file(path);
    return file.bytes(file.syncedSize);
  }

  damage(path: string): readonly Damage[] {
    return this.file(path).damage();
  }

  #place(path: string): { parent: Directory; name: string } {
    const at = path.lastIndexOf("/");
    const name = path.slice(at + 1);
    if (name !== "" && name !== ".") return { parent: this.directory(path.slice(0, at + 1)), name };
    const names = split(path);
    const last = names.pop();
    if (last === undefined) throw new StorageError("EIO", path);
    return { parent: this.directory(names.join("/")), name: last };
  }
}

/** The path of an entry, as programs name it. */
export function pathOf(entry: DiskEntry): string {
  let path = entry.name;
  for (let at = entry.parent; at !== null && at.parent !== null; at = at.parent) {
    path = `${at.name}/${path}`;
  }
  return path;
}

/** Whether `path` is `scope` or lies below it. */
export function isWithin(path: string, scope: string): boolean {
  const names = split(scope).join("/");
  return path === names || path.startsWith(`${names}/`);
}

function add(parent: Directory, name: string, entry: DiskEntry): void {
  const added = { to: parent, name, entry };
  Directory.apply({ what: "create", removed: null, added, durable: false });
}

function split(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function keptBytes(
  file: DiskFile,
  path: string,
  wish: PowerLossWish,
  draws: KeyedDraws,
  key: number,
): number {
  const { syncedSize, size } = file;
  const unsynced = size - syncedSize;
  if (unsynced === 0) return size;
  if (wish.path === undefined || isWithin(path, wish.path)) {
    const { keepBytes, keepChunks } = wish;
    if (keepBytes !== undefined) {
      const wanted = keepBytes >= 0 ? syncedSize + keepBytes : size + keepBytes;
      return Math.min(size, Math.max(syncedSize, wanted));
    }
    if (keepChunks !== undefined) {
      let kept = syncedSize;
      for (let n = 0; n < keepChunks && kept < size; n++) kept = file.chunkEnd(kept);
      return kept;
    }
  }
  const fileKey = hashString(path);
  const fate = draws.draw(KEPT, key, fileKey, 0) & 3;
  if (fate === 0) return syncedSize;
  if (fate === 1) return size;
  return syncedSize + draws.below(unsynced + 1, KEPT, key, fileKey, 1);
}
