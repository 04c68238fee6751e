/**
 * The segments of one log, as files (LocalLog.java, LogSegments.java): finding, reading, rolling,
 * syncing and cutting them. It knows nothing of leaders, producers or high watermarks.
 */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { LeaderEpoch, Offset } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { Batch } from "../record/batch.ts";
import { decodeRecords } from "../record/decode.ts";
import type { TopicSettings } from "../settings/topic-settings.ts";
import type { EpochCache } from "./epoch-cache.ts";
import { basesOf, removeSegments } from "./log-loader.ts";
import type { LogRules } from "./log-rules.ts";
import { Segment } from "./segment.ts";

export type LogRead =
  | { readonly batches: readonly Batch[]; readonly sizeBytes: number }
  | { readonly error: ErrorCode };

export interface FoundRecord {
  readonly offset: Offset;
  readonly timestamp: number;
  readonly leaderEpoch: LeaderEpoch;
}

/** Shared by all logs, so it is frozen. */
const NOTHING: LogRead = Object.freeze({ batches: Object.freeze([]), sizeBytes: 0 });
const DAMAGED: LogRead = Object.freeze({ error: Errors.CORRUPT_MESSAGE });

export class LocalLog {
  readonly #ports: Ports;
  readonly #rules: LogRules;
  readonly #directory: string;
  readonly #epochs: EpochCache;
  /** At least one, ascending. */
  readonly #segments: Segment[];
  #active: Segment;

  constructor(
    ports: Ports,
    rules: LogRules,
    directory: string,
    epochs: EpochCache,
    segments: Segment[],
  ) {
    this.#ports = ports;
    this.#rules = rules;
    this.#directory = directory;
    this.#epochs = epochs;
    this.#segments = segments;
    this.#active = segments.at(-1) as Segment;
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** The last one: the only one that takes batches. */
  get active(): Segment {
    return this.#active;
  }

  /** Where the first segment begins. */
  get firstOffset(): Offset {
    return (this.#segments[0] as Segment).baseOffset;
  }

  get sizeBytes(): number {
    let sum = 0;
    for (const segment of this.#segments) sum += segment.sizeBytes;
    return sum;
  }

  /** Null when the log is empty or its last batch is damaged. */
  lastBatch(): Batch | null {
    for (let at = this.#segments.length - 1; at >= 0; at--) {
      const segment = this.#segments[at] as Segment;
      const count = segment.batchCount;
      if (count > 0) return segment.batchAt(count - 1, this.#epochs);
    }
    return null;
  }

  /** Whether `batch` must begin a new segment. */
  mustRoll(batch: Batch, settings: TopicSettings, nowMs: number): boolean {
    const rules = this.#rules;
    const active = this.#active;
    const segmentBytes = active.sizeBytes;
    if (rules.rollsForSize(segmentBytes, batch.sizeBytes, settings["segment.bytes"])) return true;
    const waitedMs = active.waitedMs(nowMs, batch.body.maxTimestamp);
    return (
      rules.rollsForTime(segmentBytes, waitedMs, settings["segment.ms"]) ||
      active.indexIsFull(settings["segment.index.bytes"]) ||
      rules.rollsForOffset(batch.lastOffset, active.baseOffset)
    );
  }

  roll(baseOffset: Offset, nowMs: number): void {
    this.#active.finish();
    this.#add(baseOffset, nowMs);
  }

  /** As `PartitionLog.read`, for an offset within the log. */
  read(from: Offset, maxBytes: number, upTo: Offset, atLeastOne: boolean): LogRead {
    const rules = this.#rules;
    let at = this.indexFor(from);
    let segment = this.#segments[at] as Segment;
    let index = segment.indexFor(from);
    while (index === segment.batchCount && at + 1 < this.#segments.length) {
      at += 1;
      segment = this.#segments[at] as Segment;
      index = 0;
    }
    const batches: Batch[] = [];
    let sizeBytes = 0;
    for (; index < segment.batchCount; index++) {
      if (segment.baseOffsetAt(index) >= upTo) break;
      const batch = segment.batchAt(index, this.#epochs);
      if (batch === null) {
        if (batches.length === 0) return DAMAGED;
        break;
      }
      // Before a gap, as rotten headers leave, a batch may end below the offset that is asked for.
      if (batch.nextOffset <= from) continue;
      if (!rules.isBelowBound(batch.lastOffset, upTo)) break;
      if (!rules.fitsAnswer(sizeBytes, batch.sizeBytes, maxBytes, atLeastOne)) break;
      batches.push(batch);
      sizeBytes += batch.sizeBytes;
    }
    return batches.length === 0 ? NOTHING : { batches, sizeBytes };
  }

  /** The first record in [from, upTo) whose timestamp is at least `timestamp`. */
  findTimestamp(timestamp: number, from: Offset, upTo: Offset): FoundRecord | null {
    for (const segment of this.#segments) {
      const first = segment.indexForTimestamp(timestamp);
      if (first < 0) continue;
      for (let index = first; index < segment.batchCount; index++) {
        if (segment.baseOffsetAt(index) >= upTo) return null;
        const batch = segment.batchAt(index, this.#epochs);
        if (batch === null || batch.body.maxTimestamp < timestamp) continue;
        for (const record of decodeRecords(batch, this.#ports.codecs)) {
          if (record.timestamp < timestamp || record.offset < from) continue;
          if (record.offset >= upTo) return null;
          const { leaderEpoch } = batch;
          return { offset: record.offset, timestamp: record.timestamp, leaderEpoch };
        }
      }
    }
    return null;
  }

  /** Syncs what lies between `recoveryPoint` and `upTo`, and the names of files that may be new. */
  sync(recoveryPoint: Offset, upTo: Offset): void {
    let namesAreNew = false;
    for (let at = this.indexFor(recoveryPoint); at < this.#segments.length; at++) {
      const segment = this.#segments[at] as Segment;
      if (segment.baseOffset >= upTo && at > 0) break;
      segment.sync();
      if (this.#rules.syncsDirectory(segment.baseOffset, recoveryPoint)) namesAreNew = true;
    }
    if (namesAreNew) this.#ports.storage.syncDirectory(this.#directory);
  }

  /** Cuts at `target`, which is not below the first segment. */
  truncateTo(target: Offset): void {
    let kept = this.#segments.length;
    while (kept > 1 && (this.#segments[kept - 1] as Segment).baseOffset > target) kept -= 1;
    this.#remove(kept);
    this.#active = this.#segments.at(-1) as Segment;
    this.#active.truncateTo(target);
  }

  /** Removes segments that lie wholly below `target`; the active one stays. */
  deleteBefore(target: Offset): void {
    let count = 0;
    while (count + 1 < this.#segments.length) {
      if ((this.#segments[count + 1] as Segment).baseOffset > target) break;
      count += 1;
    }
    // One after the other from the front: a crash leaves a shorter log, never a hole.
    for (const segment of this.#segments.splice(0, count)) {
      removeSegments(this.#ports.storage, this.#directory, [segment.baseOffset]);
    }
  }

  /** Drops all segments for an empty one. */
  startOverAt(offset: Offset, nowMs: number): void {
    this.#remove(0);
    this.#add(offset, nowMs);
  }

  /** Where the segment begins that {@link indexFor} finds. */
  segmentBaseAt(offset: Offset): Offset {
    return (this.#segments[this.indexFor(offset)] as Segment).baseOffset;
  }

  /** Index of the last segment that begins at or below `offset`; the first without one. */
  indexFor(offset: Offset): number {
    if (offset >= this.#active.baseOffset) return this.#segments.length - 1;
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle] as Segment).baseOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  #remove(from: number): void {
    if (from === this.#segments.length) return;
    const removed = basesOf(this.#segments.splice(from));
    removeSegments(this.#ports.storage, this.#directory, removed);
  }

  #add(baseOffset: Offset, nowMs: number): void {
    const { storage } = this.#ports;
    this.#active = Segment.create(storage, this.#rules, this.#directory, baseOffset, nowMs);
    this.#segments.push(this.#active);
  }
}
