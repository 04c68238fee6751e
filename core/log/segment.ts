/**
 * One segment of a log (LogSegment.java): a .log file whose pieces are batches, and two index files,
 * all named by the first offset in 20 digits. It keeps, for each batch, base offset, position and the
 * largest timestamp so far: 24 bytes, and every lookup is a binary search. Batches themselves are read
 * from the file each time, so that damage on disk is noticed where Kafka would notice it.
 *
 * Differs from Kafka: a batch that was damaged on disk is never handed out, whether or not the reader
 * would check its CRC; files of a removed segment go at once, without the delay of .deleted files. A torn
 * batch at the end of a log that was closed, as it seems, is cut, where Kafka appends behind it.
 */
import type { Offset } from "../ids.ts";
import type { Chunk, Storage, StorageFile } from "../ports.ts";
import { Batch } from "../record/batch.ts";
import { crcIsValid, parseBatch, parseUnchecked } from "../record/decode.ts";
import { openEmpty } from "./checkpoint-file.ts";
import type { EpochCache } from "./epoch-cache.ts";
import { INDEX_KINDS, IndexFile, indexPath } from "./index-file.ts";
import type { LogRules } from "./log-rules.ts";

const NAME_DIGITS = 20;
const LOG_SUFFIX = ".log";

/** What appends and rolls of segments are governed by. */
export interface SegmentSettings {
  readonly "index.interval.bytes": number;
}

export class Segment {
  readonly baseOffset: Offset;
  readonly #storage: Storage;
  readonly #rules: LogRules;
  readonly #path: string;
  readonly #file: StorageFile;
  readonly #offsetIndex: IndexFile;
  readonly #timeIndex: IndexFile;
  /** When the process made or opened it; only used until it has a batch. */
  readonly #createdMs: number;
  readonly #bases: Offset[] = [];
  readonly #positions: number[] = [];
  /** Largest timestamp of that batch and all before it. */
  readonly #maxTimestamps: number[] = [];
  #endOffset: Offset;
  #firstMaxTimestamp = -1;
  #offsetOfMaxTimestamp: Offset = -1;
  #bytesSinceIndexEntry = 0;
  #isSynced = false;

  private constructor(
    storage: Storage,
    rules: LogRules,
    path: string,
    baseOffset: Offset,
    nowMs: number,
    file: StorageFile,
    offsetIndex: IndexFile,
    timeIndex: IndexFile,
  ) {
    this.#storage = storage;
    this.#rules = rules;
    this.#path = path;
    this.baseOffset = baseOffset;
    this.#endOffset = baseOffset;
    this.#createdMs = nowMs;
    this.#file = file;
    this.#offsetIndex = offsetIndex;
    this.#timeIndex = timeIndex;
  }

  /** A new, empty segment; files of that name are replaced. */
  static create(
    storage: Storage,
    rules: LogRules,
    directory: string,
    baseOffset: Offset,
    nowMs: number,
  ): Segment {
    const stem = `${directory}/${nameOf(baseOffset)}`;
    const file = openEmpty(storage, stem + LOG_SUFFIX);
    const offsets = IndexFile.create(storage, stem, "offset", baseOffset);
    const times = IndexFile.create(storage, stem, "time", baseOffset);
    return new Segment(storage, rules, stem, baseOffset, nowMs, file, offsets, times);
  }

  /**
   * Opens a segment that is on disk. With `verify`, and when an index is missing or not in order, each
   * batch is checked, the file is cut before the first bad one, and the indexes are made anew.
   * `learn` is told of each batch that was checked. `cutBytes` says how much was cut; `recovered`,
   * whether the batches were checked. With `isEnd`, bytes at its end that are too few for a batch are none
   * of its batches, checked or not (FileLogInputStream.nextBatch).
   */
  static open(
    storage: Storage,
    rules: LogRules,
    directory: string,
    baseOffset: Offset,
    nowMs: number,
    settings: SegmentSettings,
    verify: boolean,
    isEnd: boolean,
    learn: (batch: Batch) => void,
  ): { readonly segment: Segment; readonly cutBytes: number; readonly recovered: boolean } {
    const name = nameOf(baseOffset);
    const stem = `${directory}/${name}`;
    const file = storage.open(stem + LOG_SUFFIX);
    const offsets = IndexFile.open(storage, directory, name, "offset", baseOffset);
    const times = IndexFile.open(storage, directory, name, "time", baseOffset);
    const rebuild = verify || offsets === null || times === null;
    const segment = new Segment(
      storage,
      rules,
      stem,
      baseOffset,
      nowMs,
      file,
      rebuild ? IndexFile.create(storage, stem, "offset", baseOffset) : offsets,
      rebuild ? IndexFile.create(storage, stem, "time", baseOffset) : times,
    );
    const cutBytes = rebuild ? segment.#recover(settings, learn) : segment.#believe(isEnd);
    return { segment, cutBytes, recovered: rebuild };
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes;
  }

  /** One past the last record; the base offset when it is empty. */
  get endOffset(): Offset {
    return this.#endOffset;
  }

  get batchCount(): number {
    return this.#bases.length;
  }

  /** Largest timestamp of its records; -1 when it is empty. */
  get maxTimestamp(): number {
    const count = this.#maxTimestamps.length;
    return count === 0 ? -1 : (this.#maxTimestamps[count - 1] as number);
  }

  /** Time between its first batch and one with `timestamp`; since it was made, when it is empty. */
  waitedMs(nowMs: number, timestamp: number): number {
    return this.#firstMaxTimestamp >= 0
      ? timestamp - this.#firstMaxTimestamp
      : nowMs - this.#createdMs;
  }

  indexIsFull(limitBytes: number): boolean {
    const { entryCount, entryBytes } = this.#offsetIndex;
    if (this.#rules.rollsForIndex(entryCount, entryBytes, limitBytes)) return true;
    const time = this.#timeIndex;
    // It keeps room for the entry that finishes the segment.
    return this.#rules.rollsForIndex(time.entryCount + 1, time.entryBytes, limitBytes);
  }

  append(batch: Batch, indexIntervalBytes: number): void {
    const position = this.#file.sizeBytes;
    this.#file.append(batch);
    this.#isSynced = false;
    this.#note(batch, position);
    this.#index(batch.lastOffset, position, batch.sizeBytes, indexIntervalBytes);
  }

  /** Index of the batch that holds `offset`, or else of the first one behind it. */
  indexFor(offset: Offset): number {
    let low = 0;
    let high = this.#bases.length;
    if (high > 0 && offset >= (this.#bases[high - 1] as Offset)) {
      low = high;
    } else {
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((this.#bases[middle] as Offset) <= offset) low = middle + 1;
        else high = middle;
      }
    }
    if (low === 0) return 0;
    return offset < this.#endOf(low - 1) ? low - 1 : low;
  }

  baseOffsetAt(index: number): Offset {
    return this.#bases[index] as Offset;
  }

  /** The batch as it was appended; null when its bytes are damaged. */
  batchAt(index: number, epochs: EpochCache): Batch | null {
    const chunk = this.#file.read(this.#positions[index] as number);
    if (chunk instanceof Batch) return chunk;
    const base = this.#bases[index] as Offset;
    const { batch } = parseBatch(chunk.bytes(), 0);
    if (batch === undefined || batch.baseOffset !== base) return null;
    // The CRC does not cover the leader epoch, so it is held against the cache.
    return batch.leaderEpoch === epochs.epochAt(base) ? batch : null;
  }

  /** Index of the first batch whose largest timestamp is at least `timestamp`; -1 without one. */
  indexForTimestamp(timestamp: number): number {
    let low = 0;
    let high = this.#maxTimestamps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#maxTimestamps[middle] as number) < timestamp) low = middle + 1;
      else high = middle;
    }
    return low === this.#maxTimestamps.length ? -1 : low;
  }

  /** Removes all batches that end at or after `target`. */
  truncateTo(target: Offset): void {
    const count = this.indexFor(target);
    if (count < this.#bases.length) {
      this.#file.truncate(this.#positions[count] as number);
      this.#isSynced = false;
      this.#endOffset = count === 0 ? this.baseOffset : this.#endOf(count - 1);
      this.#bases.length = count;
      this.#positions.length = count;
      this.#maxTimestamps.length = count;
      if (count === 0) this.#firstMaxTimestamp = -1;
    }
    this.#offsetIndex.truncateTo(target);
    this.#timeIndex.truncateTo(target);
    this.#bytesSinceIndexEntry = 0;
    this.#offsetOfMaxTimestamp = Math.min(this.#offsetOfMaxTimestamp, target - 1);
  }

  /** It takes no more batches: its last timestamp gets an index entry. */
  finish(): void {
    this.#indexTime();
  }

  /** Makes what it holds survive a loss of power, apart from the names of its files. */
  sync(): void {
    if (!this.#isSynced) this.#file.sync();
    this.#isSynced = true;
    this.#offsetIndex.sync();
    this.#timeIndex.sync();
  }

  #note(batch: Batch, position: number): void {
    const { maxTimestamp } = batch.body;
    const previous = this.maxTimestamp;
    if (this.#bases.length === 0) this.#firstMaxTimestamp = maxTimestamp;
    if (maxTimestamp > previous) this.#offsetOfMaxTimestamp = batch.lastOffset;
    this.#bases.push(batch.baseOffset);
    this.#positions.push(position);
    this.#maxTimestamps.push(maxTimestamp > previous ? maxTimestamp : previous);
    this.#endOffset = batch.nextOffset;
  }

  #index(lastOffset: Offset, position: number, sizeBytes: number, intervalBytes: number): void {
    if (this.#rules.needsIndexEntry(this.#bytesSinceIndexEntry, intervalBytes)) {
      this.#offsetIndex.append(lastOffset, position);
      this.#indexTime();
      this.#bytesSinceIndexEntry = 0;
    }
    this.#bytesSinceIndexEntry += sizeBytes;
  }

  #indexTime(): void {
    const latest = this.maxTimestamp;
    if (this.#bases.length === 0) return;
    if (!this.#rules.needsTimeIndexEntry(latest, this.#timeIndex.lastValue)) return;
    this.#timeIndex.append(this.#offsetOfMaxTimestamp, latest);
  }

  /** Where the batch at `index` ends, as far as its neighbours tell. */
  #endOf(index: number): Offset {
    return index + 1 < this.#bases.length ? (this.#bases[index + 1] as Offset) : this.#endOffset;
  }

  /** Checks all batches and cuts before the first bad one. Returns how many bytes went. */
  #recover(settings: SegmentSettings, learn: (batch: Batch) => void): number {
    const sizeBytes = this.#file.sizeBytes;
    let position = 0;
    while (position < sizeBytes) {
      const batch = wholeBatch(this.#file.read(position));
      const isGood =
        batch !== null &&
        this.#rules.keepsVerified(crcIsValid(batch.body), batch.baseOffset, this.#endOffset);
      if (!isGood) break;
      learn(batch);
      this.#note(batch, position);
      const interval = settings["index.interval.bytes"];
      this.#index(batch.lastOffset, position, batch.sizeBytes, interval);
      position += batch.sizeBytes;
    }
    if (position < sizeBytes) this.#file.truncate(position);
    return sizeBytes - position;
  }

  /**
   * Lists the batches as their headers say, without looking at their CRC. A piece whose header makes
   * no sense is listed where it has to be, so that a reader stops there. Returns how many bytes were cut.
   */
  #believe(isEnd: boolean): number {
    const sizeBytes = this.#file.sizeBytes;
    let position = 0;
    while (position < sizeBytes) {
      const chunk = this.#file.read(position);
      if (isEnd && position + chunk.sizeBytes === sizeBytes && isTooShort(chunk)) {
        this.#file.truncate(position);
        this.#offsetIndex.truncateTo(this.#endOffset);
        this.#timeIndex.truncateTo(this.#endOffset);
        break;
      }
      const batch = chunk instanceof Batch ? chunk : believedBatch(chunk.bytes());
      if (batch !== null && batch.baseOffset >= this.#endOffset) {
        this.#note(batch, position);
        position += Math.min(batch.sizeBytes, chunk.sizeBytes);
        continue;
      }
      this.#bases.push(this.#endOffset);
      this.#positions.push(position);
      this.#maxTimestamps.push(this.maxTimestamp);
      position += chunk.sizeBytes;
    }
    this.#isSynced = false;
    return sizeBytes - position;
  }
}

/** "00000000000000000042". */
export function nameOf(offset: Offset): string {
  return String(offset).padStart(NAME_DIGITS, "0");
}

/** The base offset of a .log file; null for other files. */
export function baseOffsetOf(fileName: string): Offset | null {
  return /^\d{20}\.log$/.test(fileName) ? Number(fileName.slice(0, NAME_DIGITS)) : null;
}

/** Removes a segment. Returns the size of its log. */
export function removeSegmentFiles(
  storage: Storage,
  directory: string,
  baseOffset: Offset,
): number {
  const path = `${directory}/${nameOf(baseOffset)}`;
  const { sizeBytes } = storage.open(path + LOG_SUFFIX);
  removeFiles(storage, path);
  return sizeBytes;
}

/** The log goes first: index files without one are removed at the next start. */
function removeFiles(storage: Storage, path: string): void {
  storage.remove(path + LOG_SUFFIX);
  for (const kind of INDEX_KINDS) storage.remove(indexPath(path, kind));
}

function isTooShort(chunk: Chunk): boolean {
  return !(chunk instanceof Batch) && parseUnchecked(chunk.bytes(), 0).error === "too-short";
}

function wholeBatch(chunk: Chunk): Batch | null {
  if (chunk instanceof Batch) return chunk;
  return parseUnchecked(chunk.bytes(), 0).batch ?? null;
}

/** A batch as far as its header can be believed, even when its records are cut short. */
function believedBatch(bytes: Uint8Array): Batch | null {
  const whole = parseUnchecked(bytes, 0);
  if (whole.batch !== undefined) return whole.batch.body.lastOffsetDelta >= 0 ? whole.batch : null;
  if (whole.error !== "too-short") return null;
  const { batch } = parseUnchecked(padded(bytes), 0);
  return batch !== undefined && batch.body.lastOffsetDelta >= 0 ? batch : null;
}

/** The bytes with zeros up to the length that their header names, when that is bearable. */
function padded(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 12) return bytes;
  const sizeBytes = new DataView(bytes.buffer, bytes.byteOffset).getInt32(8) + 12;
  if (sizeBytes <= bytes.length || sizeBytes > 0x8000000) return bytes;
  const longer = new Uint8Array(sizeBytes);
  longer.set(bytes);
  return longer;
}
