import { hashString } from "../hash.ts";
import { SLOT_US } from "../kernel.ts";
import type { Process } from "../process.ts";
import type { Chunk, FilePort, StoragePort } from "../ports.ts";
import { SliceChunk } from "./chunk.ts";
import { pathOf } from "./disk.ts";
import type { Disk } from "./disk.ts";
import type { DiskFile } from "./file.ts";
import type { DiskOperation } from "./health.ts";
import { StorageError } from "./storage-error.ts";

const SYNC = hashString("sync-cost");

/** What storage calls take, in virtual microseconds. */
export interface DiskCosts {
  readonly appendUs: number;
  readonly readUs: number;
  /** Changing or reading a directory, opening, cutting. */
  readonly nameUs: number;
  readonly syncUs: number;
  /** Drawn on top of a sync, for each host and time slot. */
  readonly syncSpreadUs: number;
}

export const defaultDiskCosts: DiskCosts = {
  appendUs: 3,
  readUs: 1,
  nameUs: 15,
  syncUs: 400,
  syncSpreadUs: 1200,
};

/** The storage port of one process, on the disk that its host has when it boots. */
export class ProcessStorage implements StoragePort {
  readonly process: Process;
  readonly #disk: Disk;
  readonly #costs: DiskCosts;
  #syncSlot = -1;
  #syncUs = 0;

  constructor(process: Process, disk: Disk, costs: DiskCosts) {
    this.process = process;
    this.#disk = disk;
    this.#costs = costs;
  }

  list(directory: string): readonly string[] {
    this.beforeRead(directory);
    this.spend(this.#costs.nameUs);
    return this.#disk.list(directory);
  }

  exists(path: string): boolean {
    this.process.check();
    return this.#disk.exists(path);
  }

  makeDirectory(path: string): void {
    if (this.exists(path)) return;
    this.#changeNames(path, true);
    this.#disk.makeDirectory(path);
    this.process.afterChange();
  }

  open(path: string, create: boolean = false): FilePort {
    if (!create || this.exists(path)) {
      this.beforeRead(path);
      this.spend(this.#costs.nameUs);
      return new OpenFile(this, this.#disk.file(path));
    }
    this.#changeNames(path, true);
    const file = this.#disk.create(path);
    this.process.afterChange();
    return new OpenFile(this, file);
  }

  rename(from: string, to: string): void {
    this.#changeNames(to, false);
    this.#disk.rename(from, to);
    this.process.afterChange();
  }

  remove(path: string): void {
    this.#changeNames(path, false);
    this.#disk.remove(path);
    this.process.afterChange();
  }

  syncDirectory(path: string): void {
    this.beforeChange("sync", path);
    const directory = this.#disk.directory(path);
    this.spendSync();
    const { node } = this.process;
    if (node.health.lostSyncs === 0) directory.sync();
    else if (directory.loseSync()) node.damaged("lost-sync", pathOf(directory), 0, 0);
    this.process.afterChange();
  }

  beforeRead(path: string): void {
    this.process.check();
    if (this.process.node.health.fails("read")) throw new StorageError("EIO", path);
  }

  beforeChange(operation: DiskOperation, path: string): void {
    this.process.beforeChange();
    if (this.process.node.health.fails(operation)) throw new StorageError("EIO", path);
  }

  append(file: DiskFile, chunk: Chunk): void {
    const { process } = this;
    const { health } = process.node;
    process.beforeChange();
    if (health.errors.length > 0 && health.fails("write")) {
      throw new StorageError("EIO", pathOf(file));
    }
    this.spend(this.#costs.appendUs);
    if (health.full.length > 0 && chunk.sizeBytes > health.freeBytes) {
      // Like write(2): what fits is written, then there is no more room.
      const fits = health.freeBytes;
      if (fits > 0) file.append(new SliceChunk(chunk, 0, fits));
      health.use(fits);
      throw new StorageError("ENOSPC", pathOf(file));
    }
    if (health.full.length > 0) health.use(chunk.sizeBytes);
    file.append(chunk);
    process.afterChange();
  }

  read(file: DiskFile, position: number): Chunk {
    this.process.check();
    if (this.process.node.health.fails("read")) throw new StorageError("EIO", pathOf(file));
    if (!(position >= 0 && position < file.size)) {
      throw new RangeError(`read at ${position} of ${pathOf(file)}, which has ${file.size} bytes`);
    }
    this.spend(this.#costs.readUs);
    return file.read(position);
  }

  truncate(file: DiskFile, sizeBytes: number): void {
    if (!(sizeBytes >= 0)) throw new RangeError(`truncate ${pathOf(file)} to ${sizeBytes}`);
    this.process.beforeChange();
    if (this.process.node.health.fails("write")) throw new StorageError("EIO", pathOf(file));
    this.spend(this.#costs.nameUs);
    file.truncate(sizeBytes);
    this.process.afterChange();
  }

  sync(file: DiskFile): void {
    const { node } = this.process;
    this.process.beforeChange();
    if (node.health.fails("sync")) throw new StorageError("EIO", pathOf(file));
    this.spendSync();
    if (node.health.lostSyncs === 0) {
      file.sync();
    } else if (file.claimedSize < file.size) {
      const from = file.syncedSize;
      file.claimedSize = file.size;
      node.damaged("lost-sync", pathOf(file), from, file.size);
    }
    this.process.afterChange();
  }

  spend(us: number): void {
    const { process } = this;
    const { health } = process.node;
    if (health.stalls > 0) process.stalled = true;
    process.spend(health.slow.length === 0 ? us : health.timeFor(us, process.localUs));
  }

  spendSync(): void {
    const { process } = this;
    const slot = Math.floor(process.localUs / SLOT_US);
    if (slot !== this.#syncSlot) {
      const { syncUs, syncSpreadUs } = this.#costs;
      const { node } = process;
      this.#syncSlot = slot;
      this.#syncUs = syncUs + node.draws.below(syncSpreadUs + 1, SYNC, node.key, slot, 0);
    }
    this.spend(this.#syncUs);
  }

  #changeNames(path: string, needsRoom: boolean): void {
    this.beforeChange("write", path);
    this.spend(this.#costs.nameUs);
    if (needsRoom && this.process.node.health.freeBytes <= 0) {
      throw new StorageError("ENOSPC", path);
    }
  }
}

/** A file that a process has open. It follows the file when that is renamed. */
class OpenFile implements FilePort {
  readonly #storage: ProcessStorage;
  readonly #file: DiskFile;

  constructor(storage: ProcessStorage, file: DiskFile) {
    this.#storage = storage;
    this.#file = file;
  }

  get path(): string {
    return pathOf(this.#file);
  }

  get sizeBytes(): number {
    return this.#file.size;
  }

  append(chunk: Chunk): void {
    this.#storage.append(this.#file, chunk);
  }

  read(position: number): Chunk {
    return this.#storage.read(this.#file, position);
  }

  truncate(sizeBytes: number): void {
    this.#storage.truncate(this.#file, sizeBytes);
  }

  sync(): void {
    this.#storage.sync(this.#file);
  }
}
