/**
 * A replica's log as the facts tell it: batches that are shared with the nodes, and for each of them
 * a 64-bit hash of everything up to its end, so that two logs are compared up to any offset without
 * walking them. An append costs a few multiplications; a lookup near the end a few steps.
 */
import type { EpochEntry } from "../../core/facts.ts";
import type { LeaderEpoch, Offset } from "../../core/ids.ts";
import type { Batch } from "../../core/record/batch.ts";

/** Lookups walk back this many batches before they halve the log. */
const NEAR_END = 8;

export class GhostLog {
  readonly batches: Batch[] = [];
  /** What the batches imply about leader epochs, oldest first. */
  readonly epochs: EpochEntry[] = [];
  /** Two lanes of the hash of the log up to the end of each batch. */
  readonly #high: number[] = [];
  readonly #low: number[] = [];
  #startHigh = 0;
  #startLow = 0;
  #start: Offset = 0;
  #end: Offset = 0;
  /** Counts what took batches away: whoever keeps a summary of the log knows when it is void. */
  #cuts = 0;

  get start(): Offset {
    return this.#start;
  }

  get end(): Offset {
    return this.#end;
  }

  get cuts(): number {
    return this.#cuts;
  }

  /** Epoch of the last batch; -1 without one. */
  get lastEpoch(): LeaderEpoch {
    const last = this.epochs[this.epochs.length - 1];
    return last === undefined ? -1 : last.epoch;
  }

  /** Adds a batch at its own offset. One that lies below the end replaces what was there. */
  append(batch: Batch): void {
    const { baseOffset, leaderEpoch, body } = batch;
    if (baseOffset < this.#end) this.truncateTo(baseOffset);
    const index = this.batches.length;
    let high = index === 0 ? this.#startHigh : (this.#high[index - 1] as number);
    let low = index === 0 ? this.#startLow : (this.#low[index - 1] as number);
    high = Math.imul(high ^ baseOffset, 0x9e3779b1);
    high = Math.imul(high ^ (high >>> 15) ^ leaderEpoch, 0x85ebca6b);
    high = Math.imul(high ^ (high >>> 13) ^ body.crc, 0xc2b2ae35);
    low = Math.imul(low ^ body.crc, 0x27d4eb2f);
    low = Math.imul(low ^ (low >>> 15) ^ body.lastOffsetDelta, 0x165667b1);
    low = Math.imul(low ^ (low >>> 13) ^ baseOffset ^ (leaderEpoch << 16), 0x9e3779b1);
    this.batches.push(batch);
    this.#high.push(high ^ (high >>> 16));
    this.#low.push(low ^ (low >>> 16));
    if (leaderEpoch > this.lastEpoch) {
      this.epochs.push({ epoch: leaderEpoch, startOffset: baseOffset });
    }
    this.#end = baseOffset + body.lastOffsetDelta + 1;
  }

  /** Cuts all batches that reach beyond `offset`, which becomes the end. */
  truncateTo(offset: Offset): void {
    if (offset >= this.#end) return;
    const kept = this.countBelow(offset);
    this.batches.length = kept;
    this.#high.length = kept;
    this.#low.length = kept;
    this.#end = Math.max(offset, this.#start);
    this.#cuts += 1;
    while (this.epochs.length > 0 && (this.epochs.at(-1) as EpochEntry).startOffset >= this.#end) {
      this.epochs.pop();
    }
  }

  /**
   * Empties the log; its next batch is expected at `offset`. When `prefix` is known up to there, the
   * log counts as equal to it below.
   */
  startAt(offset: Offset, prefix: GhostLog | null): void {
    const below = prefix === null || offset === 0 ? 0 : prefix.countBelow(offset);
    const known = prefix !== null && below > 0;
    this.#startHigh = known ? (prefix.#high[below - 1] as number) : 0;
    this.#startLow = known ? (prefix.#low[below - 1] as number) : 0;
    this.batches.length = 0;
    this.#high.length = 0;
    this.#low.length = 0;
    this.epochs.length = 0;
    this.#start = offset;
    this.#end = offset;
    this.#cuts += 1;
  }

  /** The same batches in a log of its own. */
  clone(): GhostLog {
    const copy = new GhostLog();
    copy.startAt(this.#start, null);
    copy.#startHigh = this.#startHigh;
    copy.#startLow = this.#startLow;
    for (const batch of this.batches) copy.append(batch);
    copy.#end = this.#end;
    return copy;
  }

  /**
   * Forgets the batches that end at or below `offset`, of which nobody will ask again; what follows still
   * counts as following them. Returns how many they were.
   */
  forgetBefore(offset: Offset): number {
    const count = this.countBelow(offset);
    if (count === 0) return 0;
    this.#startHigh = this.#high[count - 1] as number;
    this.#startLow = this.#low[count - 1] as number;
    this.#start = (this.batches[count - 1] as Batch).nextOffset;
    this.batches.splice(0, count);
    this.#high.splice(0, count);
    this.#low.splice(0, count);
    return count;
  }

  /** Takes over a log that was read from a disk: `batches` up to `end`. */
  replace(start: Offset, batches: readonly Batch[], end: Offset, prefix: GhostLog | null): void {
    this.startAt(start, prefix);
    for (const batch of batches) {
      if (batch.nextOffset > end) break;
      this.append(batch);
    }
    this.#end = end;
  }

  /** How many batches end at or below `offset`. */
  countBelow(offset: Offset): number {
    const { batches } = this;
    let high = batches.length;
    if (offset >= this.#end) return high;
    for (let step = 0; step < NEAR_END && high > 0; step += 1) {
      if ((batches[high - 1] as Batch).nextOffset <= offset) return high;
      high -= 1;
    }
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((batches[middle] as Batch).nextOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The batch that holds `offset`, if any. */
  batchAt(offset: Offset): Batch | undefined {
    if (offset < this.#start || offset >= this.#end) return undefined;
    const batch = this.batches[this.countBelow(offset)];
    return batch !== undefined && batch.baseOffset <= offset ? batch : undefined;
  }

  /** Whether both logs hold the same batches below `offset`. Both must reach it. */
  samePrefix(other: GhostLog, offset: Offset): boolean {
    const mine = this.countBelow(offset);
    const theirs = other.countBelow(offset);
    return (
      this.#hashHigh(mine) === other.#hashHigh(theirs) &&
      this.#hashLow(mine) === other.#hashLow(theirs)
    );
  }

  #hashHigh(count: number): number {
    return count === 0 ? this.#startHigh : (this.#high[count - 1] as number);
  }

  #hashLow(count: number): number {
    return count === 0 ? this.#startLow : (this.#low[count - 1] as number);
  }
}

/** The first offset below `end` at which two logs differ; only for messages, it walks both. */
export function firstDifference(a: GhostLog, b: GhostLog, end: Offset): Offset {
  const start = Math.max(a.start, b.start);
  let mine = a.countBelow(start);
  let theirs = b.countBelow(start);
  for (;;) {
    const x = a.batches[mine++];
    const y = b.batches[theirs++];
    if (x === undefined || y === undefined) return x?.baseOffset ?? y?.baseOffset ?? end;
    if (!sameBatch(x, y)) return Math.min(x.baseOffset, y.baseOffset);
  }
}

/** Same place, same epoch, same content (by its CRC). */
export function sameBatch(a: Batch, b: Batch): boolean {
  return (
    a === b ||
    (a.baseOffset === b.baseOffset &&
      a.leaderEpoch === b.leaderEpoch &&
      (a.body === b.body ||
        (a.body.crc === b.body.crc && a.body.encoded.length === b.body.encoded.length)))
  );
}
