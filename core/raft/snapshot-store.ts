/**
 * The snapshots beside a metadata log (KafkaRaftLog.java, FileRawSnapshotWriter.java): files named by
 * end offset and epoch, written under another name until they are whole.
 */
import { assert } from "../assert.ts";
import { BytesChunk } from "../log/bytes-chunk.ts";
import { openEmpty } from "../log/checkpoint-file.ts";
import type { Ports, StorageFile } from "../ports.ts";
import type { SnapshotId } from "../protocol/fetch-snapshot.ts";
import type { RaftRules } from "./raft-rules.ts";
import type { DecodedSnapshot, SnapshotContent } from "./snapshot-file.ts";
import { decodeSnapshot, encodeSnapshot, snapshotHash } from "./snapshot-file.ts";

export interface StoredSnapshot {
  readonly id: SnapshotId;
  readonly sizeBytes: number;
  /** Of the last record that it covers, ms since 1970. */
  readonly timestampMs: number;
  readonly hash: number;
}

const SUFFIX = ".checkpoint";
const PART = ".part";
const NAME = /^(\d{20})-(\d{10})\.checkpoint$/;
/** Of the present release (KIP-853). */
const KRAFT_VERSION = 1;

export class SnapshotStore {
  readonly #ports: Ports;
  readonly #rules: RaftRules;
  readonly #directory: string;
  /** By end offset, ascending. */
  #snapshots: StoredSnapshot[] = [];

  /**
   * Reads what is there. Removes what was not finished; ends the process when a finished snapshot
   * makes no sense, since the log may not hold what it stands for.
   */
  constructor(ports: Ports, rules: RaftRules, directory: string) {
    this.#ports = ports;
    this.#rules = rules;
    this.#directory = directory;
    for (const name of ports.storage.list(directory)) {
      if (name.endsWith(PART)) ports.storage.remove(`${directory}/${name}`);
      const match = NAME.exec(name);
      if (match === null) continue;
      const id = { endOffset: Number(match[1]), epoch: Number(match[2]) };
      this.#add(id, this.#decode(id));
    }
  }

  get latest(): StoredSnapshot | null {
    return this.#snapshots.at(-1) ?? null;
  }

  get earliest(): StoredSnapshot | null {
    return this.#snapshots[0] ?? null;
  }

  get all(): readonly StoredSnapshot[] {
    return this.#snapshots;
  }

  /** Writes a whole snapshot. Null when there is one of that id. */
  write(id: SnapshotId, content: SnapshotContent): StoredSnapshot | null {
    if (this.#find(id) !== undefined) return null;
    const batches = encodeSnapshot(id, content, KRAFT_VERSION, this.#ports.codecs);
    const file = openEmpty(this.#ports.storage, this.#path(id) + PART);
    for (const batch of batches) file.append(batch);
    this.#finish(id, file);
    const hash = snapshotHash(batches);
    return this.#insert({ id, sizeBytes: file.sizeBytes, timestampMs: content.timestampMs, hash });
  }

  /** Begins a snapshot that is to be fetched. */
  begin(id: SnapshotId): PartialSnapshot {
    const file = openEmpty(this.#ports.storage, this.#path(id) + PART);
    return new PartialSnapshot(id, file);
  }

  /** All pieces are there. "damaged" and "unknown" as for a finished one, which it then is not. */
  finish(part: PartialSnapshot): StoredSnapshot | "damaged" | "unknown" {
    const bytes = readBytes(part.file, 0, part.sizeBytes);
    const decoded = decodeSnapshot(bytes, part.id, this.#ports.codecs);
    if (decoded === "damaged" || decoded === "unknown") return decoded;
    this.#finish(part.id, part.file);
    return this.#add(part.id, decoded);
  }

  /** A piece of a snapshot; null when there is no such snapshot or position. */
  read(id: SnapshotId, position: number, maxBytes: number): Uint8Array {
    const found = this.#find(id);
    assert(found !== undefined, "a snapshot that is read exists");
    const file = this.#ports.storage.open(this.#path(id));
    return readBytes(file, position, Math.min(maxBytes, found.sizeBytes - position));
  }

  /** Size of a snapshot; -1 when there is none of that id. */
  sizeOf(id: SnapshotId): number {
    return this.#find(id)?.sizeBytes ?? -1;
  }

  /** What a snapshot holds. Ends the process when it is damaged. */
  load(id: SnapshotId): DecodedSnapshot {
    return this.#decode(id);
  }

  /** Forgets the oldest snapshot. */
  removeEarliest(): void {
    const earliest = this.#snapshots.shift();
    assert(earliest !== undefined, "there is a snapshot to remove");
    this.#ports.storage.remove(this.#path(earliest.id));
  }

  #finish(id: SnapshotId, file: StorageFile): void {
    const { storage } = this.#ports;
    const isSynced = this.#rules.mustSyncSnapshot();
    if (isSynced) file.sync();
    storage.rename(this.#path(id) + PART, this.#path(id));
    if (isSynced) storage.syncDirectory(this.#directory);
  }

  #decode(id: SnapshotId): DecodedSnapshot {
    const path = this.#path(id);
    const file = this.#ports.storage.open(path);
    const bytes = readBytes(file, 0, file.sizeBytes);
    const decoded = decodeSnapshot(bytes, id, this.#ports.codecs);
    if (decoded === "damaged") return this.#ports.host.exit(`the snapshot ${path} is damaged`);
    if (decoded === "unknown") {
      return this.#ports.host.exit(`the snapshot ${path} has a record of an unknown kind`);
    }
    return decoded;
  }

  #add(id: SnapshotId, { timestampMs, hash }: DecodedSnapshot): StoredSnapshot {
    const { sizeBytes } = this.#ports.storage.open(this.#path(id));
    return this.#insert({ id, sizeBytes, timestampMs, hash });
  }

  #insert(snapshot: StoredSnapshot): StoredSnapshot {
    this.#snapshots = this.#snapshots.filter(({ id }) => !isSameId(id, snapshot.id));
    this.#snapshots.push(snapshot);
    this.#snapshots.sort((a, b) => a.id.endOffset - b.id.endOffset || a.id.epoch - b.id.epoch);
    return snapshot;
  }

  #find(id: SnapshotId): StoredSnapshot | undefined {
    return this.#snapshots.find((snapshot) => isSameId(snapshot.id, id));
  }

  #path({ endOffset, epoch }: SnapshotId): string {
    const name = `${String(endOffset).padStart(20, "0")}-${String(epoch).padStart(10, "0")}`;
    return `${this.#directory}/${name}${SUFFIX}`;
  }
}

/** A snapshot of which pieces are still missing. */
export class PartialSnapshot {
  readonly id: SnapshotId;
  readonly file: StorageFile;

  constructor(id: SnapshotId, file: StorageFile) {
    this.id = id;
    this.file = file;
  }

  get sizeBytes(): number {
    return this.file.sizeBytes;
  }

  append(bytes: Uint8Array): void {
    this.file.append(new BytesChunk(bytes));
  }
}

export function isSameId(a: SnapshotId, b: SnapshotId): boolean {
  return a.endOffset === b.endOffset && a.epoch === b.epoch;
}

function readBytes(file: StorageFile, from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const piece = file.read(from + at).bytes();
    const fitting = piece.subarray(0, length - at);
    bytes.set(fitting, at);
    at += fitting.length;
  }
  return bytes;
}
