/**
 * What a log knows of the idempotent producers that wrote to it (ProducerStateManager.java): of each
 * its epoch and its last batches, to refuse gaps and to recognise retries. It is a function of the
 * log alone, up to what snapshots leave out.
 *
 * Differs from Kafka: transactions are not built, so no producer has an open one.
 */
import type { ProducerEntry } from "../facts.ts";
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { Offset, ProducerEpoch, ProducerId, Sequence } from "../ids.ts";
import type { Storage, StorageFile } from "../ports.ts";
import type { Batch, BatchBody } from "../record/batch.ts";
import { BytesChunk } from "./bytes-chunk.ts";
import { openEmpty, readWhole } from "./checkpoint-file.ts";
import type { DedupRules } from "./dedup-rules.ts";
import type { ProducerSnapshotEntry } from "./producer-snapshot.ts";
import { decodeSnapshot, encodeSnapshot } from "./producer-snapshot.ts";
import { nameOf } from "./segment.ts";

/** One batch that a producer appended. Immutable. */
export interface AppendedBatch {
  readonly firstSequence: Sequence;
  readonly lastSequence: Sequence;
  readonly baseOffset: Offset;
  readonly lastOffset: Offset;
}

/** The answer to "may a leader append this?": null, the earlier append, or an error. */
export type SequenceVerdict =
  | null
  | { readonly duplicateOf: AppendedBatch; readonly error: null }
  | { readonly duplicateOf: null; readonly error: ErrorCode };

interface Producer {
  readonly producerId: ProducerId;
  epoch: ProducerEpoch;
  lastTimestamp: number;
  /** Oldest first. */
  readonly batches: AppendedBatch[];
}

const OUT_OF_ORDER: SequenceVerdict = {
  duplicateOf: null,
  error: Errors.OUT_OF_ORDER_SEQUENCE_NUMBER,
};
const OLD_EPOCH: SequenceVerdict = { duplicateOf: null, error: Errors.INVALID_PRODUCER_EPOCH };
const SNAPSHOT_SUFFIX = ".snapshot";

export class ProducerState {
  readonly #storage: Storage;
  readonly #rules: DedupRules;
  readonly #directory: string;
  readonly #expirationMs: number;
  readonly #producers: Map<ProducerId, Producer> = new Map();
  /** Offsets of the snapshot files, ascending. */
  #snapshots: Offset[] = [];
  /** What was told by batches below this offset is known. */
  #upTo: Offset = 0;
  #lastSnapshot: Offset = 0;
  /** The snapshot that was written last, while it is not synced. */
  #unsynced: { readonly offset: Offset; readonly file: StorageFile } | null = null;

  constructor(storage: Storage, rules: DedupRules, directory: string, expirationMs: number) {
    this.#storage = storage;
    this.#rules = rules;
    this.#directory = directory;
    this.#expirationMs = expirationMs;
  }

  get upTo(): Offset {
    return this.#upTo;
  }

  get isEmpty(): boolean {
    return this.#producers.size === 0;
  }

  get hasSnapshot(): boolean {
    return this.#snapshots.length > 0;
  }

  /** Judges a batch that a leader is about to append. */
  judge(body: BatchBody): SequenceVerdict {
    const producer = this.#producers.get(body.producerId);
    const first = body.baseSequence;
    if (producer === undefined) return this.#rules.mayStartUnknown(first) ? null : OUT_OF_ORDER;
    const { batches, epoch } = producer;
    const last = body.lastSequence;
    for (let index = batches.length - 1; index >= 0; index--) {
      const known = batches[index] as AppendedBatch;
      const { firstSequence, lastSequence } = known;
      if (
        this.#rules.isDuplicate(body.producerEpoch, first, last, epoch, firstSequence, lastSequence)
      ) {
        return { duplicateOf: known, error: null };
      }
    }
    if (!this.#rules.epochIsCurrent(body.producerEpoch, epoch)) return OLD_EPOCH;
    if (body.producerEpoch !== epoch) return this.#rules.mayStartEpoch(first) ? null : OUT_OF_ORDER;
    const previous = batches.length === 0 ? -1 : (batches[batches.length - 1] as AppendedBatch);
    const lastSequence = previous === -1 ? -1 : previous.lastSequence;
    return this.#rules.follows(lastSequence, first) ? null : OUT_OF_ORDER;
  }

  /** Takes note of a batch that is in the log. */
  update(batch: Batch): void {
    this.#upTo = batch.nextOffset;
    const { body } = batch;
    if (body.producerId < 0) return;
    let producer = this.#producers.get(body.producerId);
    if (producer === undefined) {
      const { producerId, producerEpoch } = body;
      producer = { producerId, epoch: producerEpoch, lastTimestamp: -1, batches: [] };
      this.#producers.set(producerId, producer);
    }
    if (this.#rules.forgetsBatches(body.producerEpoch, producer.epoch)) {
      producer.batches.length = 0;
    }
    producer.epoch = body.producerEpoch;
    producer.lastTimestamp = body.maxTimestamp;
    // The marker that ends a transaction tells its producer's epoch and time, but no sequence.
    if (body.isControl) return;
    if (producer.batches.length >= this.#rules.rememberedBatches()) producer.batches.shift();
    producer.batches.push({
      firstSequence: body.baseSequence,
      lastSequence: body.lastSequence,
      baseOffset: batch.baseOffset,
      lastOffset: batch.lastOffset,
    });
  }

  /** Says that all batches below `offset` are accounted for. */
  advanceTo(offset: Offset): void {
    this.#upTo = offset;
  }

  entries(): readonly ProducerEntry[] {
    const entries: ProducerEntry[] = [];
    for (const { producerId, epoch, lastTimestamp, batches } of this.#producers.values()) {
      const known = batches.map(({ firstSequence, lastSequence, lastOffset }) => ({
        firstSequence,
        lastSequence,
        lastOffset,
      }));
      entries.push({ producerId, producerEpoch: epoch, lastTimestamp, batches: known });
    }
    return entries;
  }

  expire(nowMs: number): void {
    for (const [producerId, { lastTimestamp }] of this.#producers) {
      if (this.#rules.hasExpired(nowMs, lastTimestamp, this.#expirationMs)) {
        this.#producers.delete(producerId);
      }
    }
  }

  /**
   * Lists the snapshot files and removes those that belong to no segment, except the newest when it
   * is above all segments: a clean stop takes that one.
   */
  listSnapshots(segmentBases: readonly Offset[]): void {
    const found: Offset[] = [];
    for (const name of this.#storage.list(this.#directory)) {
      if (/^\d{20}\.snapshot$/.test(name)) found.push(Number(name.slice(0, -9)));
    }
    const newest = found.at(-1) ?? -1;
    const lastBase = segmentBases.at(-1) ?? 0;
    const kept = new Set(segmentBases);
    if (newest > lastBase) kept.add(newest);
    this.#snapshots = found;
    for (const offset of found) {
      if (!kept.has(offset)) this.#removeSnapshot(offset);
    }
  }

  /**
   * Goes back to the newest usable snapshot; `upTo` then says from where the log is to be read.
   * Nothing changes when the state is of `logEndOffset` already.
   */
  reload(logStartOffset: Offset, logEndOffset: Offset, nowMs: number): void {
    for (const offset of this.#snapshots.slice()) {
      if (!this.#rules.snapshotFits(offset, logStartOffset, logEndOffset)) {
        this.#removeSnapshot(offset);
      }
    }
    if (this.#upTo === logEndOffset) return;
    this.#producers.clear();
    this.#upTo = logStartOffset;
    this.#lastSnapshot = logStartOffset;
    for (;;) {
      const newest = this.#snapshots.at(-1);
      if (newest === undefined) return;
      if (this.#restore(newest, nowMs)) return;
      this.#removeSnapshot(newest);
    }
  }

  /**
   * Writes a snapshot of the state, unless the last one is of the same offset. It is synced by
   * `syncSnapshot`; one that is lost or torn only means that more of the log is read.
   */
  takeSnapshot(): void {
    if (!this.#rules.takesSnapshot(this.#upTo, this.#lastSnapshot)) return;
    const file = openEmpty(this.#storage, this.#pathOf(this.#upTo));
    file.append(new BytesChunk(encodeSnapshot(this.#snapshotEntries())));
    this.#unsynced = { offset: this.#upTo, file };
    this.#lastSnapshot = this.#upTo;
    if (this.#snapshots.at(-1) !== this.#upTo) this.#snapshots.push(this.#upTo);
  }

  /** Makes the newest snapshot survive a loss of power, apart from its name. */
  syncSnapshot(): void {
    const newest = this.#unsynced;
    this.#unsynced = null;
    newest?.file.sync();
  }

  /** The log begins at `offset`: snapshots below it are of no use, but for the newest. */
  dropSnapshotsBelow(offset: Offset): void {
    const newest = this.#snapshots.at(-1);
    for (const snapshot of this.#snapshots.slice()) {
      if (snapshot < offset && snapshot !== newest) this.#removeSnapshot(snapshot);
    }
  }

  /** Forgets everything; the log begins anew at `offset`. */
  startOver(offset: Offset): void {
    this.#producers.clear();
    for (const snapshot of this.#snapshots.slice()) this.#removeSnapshot(snapshot);
    this.#upTo = offset;
    this.#lastSnapshot = offset;
  }

  #restore(offset: Offset, nowMs: number): boolean {
    const bytes = readWhole(this.#storage, this.#directory, nameOf(offset) + SNAPSHOT_SUFFIX);
    const entries = bytes === null ? null : decodeSnapshot(bytes);
    if (entries === null) return false;
    for (const entry of entries) {
      if (this.#rules.hasExpired(nowMs, entry.lastTimestamp, this.#expirationMs)) continue;
      this.#producers.set(entry.producerId, producerOf(entry));
    }
    this.#upTo = offset;
    this.#lastSnapshot = offset;
    return true;
  }

  #snapshotEntries(): readonly ProducerSnapshotEntry[] {
    const entries: ProducerSnapshotEntry[] = [];
    for (const { producerId, epoch, lastTimestamp, batches } of this.#producers.values()) {
      const last = batches.at(-1);
      entries.push({
        producerId,
        producerEpoch: epoch,
        lastSequence: last?.lastSequence ?? -1,
        lastOffset: last?.lastOffset ?? -1,
        offsetDelta: last === undefined ? 0 : last.lastOffset - last.baseOffset,
        lastTimestamp,
      });
    }
    return entries;
  }

  #removeSnapshot(offset: Offset): void {
    if (this.#unsynced?.offset === offset) this.#unsynced = null;
    this.#storage.remove(this.#pathOf(offset));
    this.#snapshots = this.#snapshots.filter((kept) => kept !== offset);
  }

  #pathOf(offset: Offset): string {
    return `${this.#directory}/${nameOf(offset)}${SNAPSHOT_SUFFIX}`;
  }
}

function producerOf(entry: ProducerSnapshotEntry): Producer {
  const { producerId, producerEpoch, lastTimestamp, lastSequence, lastOffset } = entry;
  const batches: AppendedBatch[] = [];
  if (lastSequence >= 0) {
    const difference = lastSequence - entry.offsetDelta;
    const firstSequence = difference < 0 ? difference + 0x80000000 : difference;
    const baseOffset = lastOffset - entry.offsetDelta;
    batches.push({ firstSequence, lastSequence, baseOffset, lastOffset });
  }
  return { producerId, epoch: producerEpoch, lastTimestamp, batches };
}
