/**
 * Which leader epoch begins at which offset (LeaderEpochFileCache.java), kept in memory and in the
 * file leader-epoch-checkpoint beside the log. Both columns strictly increase.
 *
 * An assignment is on disk before it returns. A truncation is written by a later step: entries that
 * are too many do no harm, since the next start trims them to the log.
 */
import type { EpochEntry } from "../facts.ts";
import type { LeaderEpoch, Offset } from "../ids.ts";
import type { Lane, Ports } from "../ports.ts";
import { formatRows, parseRows, readWhole, writeWhole } from "./checkpoint-file.ts";
import type { EpochRules } from "./epoch-rules.ts";

const FILE_NAME = "leader-epoch-checkpoint";
const NO_ENTRY: EpochEntry = { epoch: -1, startOffset: -1 };

export class EpochCache {
  readonly #ports: Ports;
  readonly #rules: EpochRules;
  readonly #directory: string;
  readonly #lane: Lane;
  readonly #guard: (step: () => void) => void;
  #entries: EpochEntry[] = [];
  #latest: EpochEntry = NO_ENTRY;
  #isDirty = false;
  #writeIsQueued = false;

  /** `guard` runs a step of `lane` and deals with its storage errors. */
  constructor(
    ports: Ports,
    rules: EpochRules,
    directory: string,
    lane: Lane,
    guard: (step: () => void) => void,
  ) {
    this.#ports = ports;
    this.#rules = rules;
    this.#directory = directory;
    this.#lane = lane;
    this.#guard = guard;
  }

  /** Reads the file. Throws an EIO when it is damaged. */
  load(): void {
    const bytes = readWhole(this.#ports.storage, this.#directory, FILE_NAME);
    if (bytes === null) return;
    const rows = parseRows(bytes, `${this.#directory}/${FILE_NAME}`, 2);
    this.#replace(
      rows.map(([epoch, start]) => ({ epoch: Number(epoch), startOffset: Number(start) })),
    );
    this.#isDirty = false;
  }

  /** -1 when there is none. */
  get latestEpoch(): LeaderEpoch {
    return this.#latest.epoch;
  }

  entries(): readonly EpochEntry[] {
    return this.#entries.slice();
  }

  /** Notes that `epoch` begins at `start`, durably. False when the cache says so already. */
  assign(epoch: LeaderEpoch, start: Offset): boolean {
    if (!this.#note(epoch, start)) return false;
    if (this.#rules.assignmentIsWritten()) this.write();
    return true;
  }

  /** Recovery found a batch; the caller writes the cache when it is done. */
  learn(epoch: LeaderEpoch, start: Offset): void {
    if (this.#rules.learnsAtRecovery(epoch, this.#latest.epoch)) this.#note(epoch, start);
  }

  /** Drops what begins at or after `target`, in memory. True when something went. */
  truncateFromEnd(target: Offset): boolean {
    if (!this.#rules.removedByTruncation(this.#latest.startOffset, target)) return false;
    const kept = this.#entries.filter(
      ({ startOffset }) => !this.#rules.removedByTruncation(startOffset, target),
    );
    if (kept.length === this.#entries.length) return false;
    this.#replace(kept);
    return true;
  }

  /** Drops, in memory, what ends at or before the log start; the entry that holds it begins there. */
  truncateFromStart(logStartOffset: Offset): void {
    const first = this.#entries[0];
    if (first === undefined || first.startOffset >= logStartOffset) return;
    const kept: EpochEntry[] = [];
    for (let index = 0; index < this.#entries.length; index++) {
      const entry = this.#entries[index] as EpochEntry;
      const next = this.#entries[index + 1];
      if (next !== undefined && next.startOffset <= logStartOffset) continue;
      const start = this.#rules.startAfterPrefix(entry.startOffset, logStartOffset);
      kept.push({ epoch: entry.epoch, startOffset: start });
    }
    this.#replace(kept);
  }

  clear(): void {
    if (this.#entries.length === 0) return;
    this.#replace([]);
    this.write();
  }

  /** Epoch of the record at `offset`; -1 when no entry covers it. */
  epochAt(offset: Offset): LeaderEpoch {
    if (offset >= this.#latest.startOffset) return this.#latest.epoch;
    const index = this.#countUpTo(offset, "startOffset") - 1;
    return this.#entries[index]?.epoch ?? -1;
  }

  /** Where `requested`, or the largest epoch below it, ends; null when that cannot be told. */
  endOffsetFor(
    requested: LeaderEpoch,
    logEndOffset: Offset,
    highWatermark: Offset,
  ): { readonly epoch: LeaderEpoch; readonly endOffset: Offset } | null {
    const latest = this.#latest.epoch;
    if (!this.#rules.knows(requested, latest)) return null;
    const above = requested === latest ? this.#entries.length : this.#countUpTo(requested, "epoch");
    const floor = this.#entries[above - 1]?.epoch ?? -1;
    const nextStart = this.#entries[above]?.startOffset ?? logEndOffset;
    return {
      epoch: this.#rules.answeredEpoch(requested, floor),
      endOffset: this.#rules.answeredEnd(requested, latest, nextStart, logEndOffset, highWatermark),
    };
  }

  /** How many epochs have data within [from, to). */
  countWithin(from: Offset, to: Offset): number {
    let count = 0;
    for (let index = this.#entries.length - 1; index >= 0; index--) {
      const start = (this.#entries[index] as EpochEntry).startOffset;
      const end = this.#entries[index + 1]?.startOffset ?? to;
      if (end <= from) break;
      if (start < to) count += 1;
    }
    return count;
  }

  /** Writes the file if it is behind. */
  write(): void {
    if (!this.#isDirty) return;
    const rows = this.#entries.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`);
    writeWhole(this.#ports.storage, this.#directory, FILE_NAME, formatRows(rows));
    this.#isDirty = false;
  }

  /** Writes the file in a step of its own, if it is still behind then. */
  writeLater(): void {
    if (this.#writeIsQueued) return;
    this.#writeIsQueued = true;
    this.#ports.work.later(this.#lane, "leader-epoch-checkpoint", () => {
      this.#writeIsQueued = false;
      this.#guard(() => this.write());
    });
  }

  #note(epoch: LeaderEpoch, start: Offset): boolean {
    const latest = this.#latest;
    if (!this.#rules.isNews(latest.epoch, latest.startOffset, epoch, start)) return false;
    const kept = this.#entries.filter(
      (entry) => !this.#rules.removedByAssignment(entry.epoch, entry.startOffset, epoch, start),
    );
    kept.push({ epoch, startOffset: start });
    this.#replace(kept);
    return true;
  }

  #replace(entries: EpochEntry[]): void {
    this.#entries = entries;
    this.#latest = entries.at(-1) ?? NO_ENTRY;
    this.#isDirty = true;
  }

  /** How many entries have a column that is at most `bound`: a binary search. */
  #countUpTo(bound: number, column: keyof EpochEntry): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] as EpochEntry)[column] <= bound) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
