/**
 * The log of one replica of one partition (UnifiedLog.java, LocalLog.java): segments on disk, the
 * leader epoch cache, the producer state, and the offsets that bound it. It runs on the lane of its
 * caller; only what Kafka leaves to its scheduler (the flush after a roll, flush.ms, the epoch cache after a
 * truncation) is a step of the lane that was given.
 *
 * Each method that writes may throw a StorageError. The log must not be used any more then: Kafka
 * takes the directory offline.
 *
 * Differs from Kafka: a follower rolls between the batches of one answer, since segments may be
 * smaller than an answer; flush.ms is obeyed to the millisecond, without log.flush.scheduler.interval.ms.
 */
import { assert } from "../assert.ts";
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { EpochEntry, FactOf, ProducerEntry } from "../facts.ts";
import type { LeaderEpoch, Offset, PartitionName } from "../ids.ts";
import type { Lane, Ports, StorageError, Timer } from "../ports.ts";
import { asStorageError } from "../ports.ts";
import type { BatchBody } from "../record/batch.ts";
import { Batch } from "../record/batch.ts";
import { crcIsValid } from "../record/decode.ts";
import type { Rules } from "../rules.ts";
import type { TopicSettings } from "../settings/topic-settings.ts";
import { asStored, refusal, storedRefusal } from "./append-checks.ts";
import type { AppendOrigin } from "./append-origin.ts";
import { EpochCache } from "./epoch-cache.ts";
import type { FollowerAppend, LeaderAppend } from "./append-outcome.ts";
import { refused } from "./append-outcome.ts";
import type { FoundRecord, LogRead } from "./local-log.ts";
import { LocalLog } from "./local-log.ts";
import type { LogCheckpoint } from "./log-loader.ts";
import { loadLog, rebuildProducers } from "./log-loader.ts";
import { ProducerState } from "./producer-state.ts";

export interface PartitionLogOptions {
  readonly ports: Ports;
  readonly rules: Rules;
  /** Where steps of its own run. */
  readonly lane: Lane;
  /** The log's own directory, e.g. "data/order-events-0". Made when it does not exist. */
  readonly directory: string;
  readonly name: PartitionName;
  readonly settings: TopicSettings;
  /** A batch larger than segment.bytes gets a segment of its own; by default it is refused. */
  readonly takesOversized?: boolean;
  readonly checkpoint: LogCheckpoint;
  /** The last process closed this log, and a clean-shutdown file says so. */
  readonly clean: boolean;
  readonly producerIdExpirationMs: number;
  /** A step of its own met a storage error. By default the process ends. */
  readonly onFailure?: (error: StorageError) => void;
  /**
   * Records were cut: a recovery point above the end must not stay in a checkpoint file, or what is
   * appended there next would pass for flushed (LogManager.truncateTo).
   */
  readonly onCut?: () => void;
}

export type TruncationCause = FactOf<"truncated">["why"];

/** Shared by all logs, so it is frozen. */
const NOTHING: LogRead = Object.freeze({ batches: Object.freeze([]), sizeBytes: 0 });
const OUT_OF_RANGE: LogRead = Object.freeze({ error: Errors.OFFSET_OUT_OF_RANGE });
const NEVER_MS = Number.MAX_SAFE_INTEGER;

export class PartitionLog {
  readonly name: PartitionName;
  readonly #ports: Ports;
  readonly #rules: Rules;
  readonly #lane: Lane;
  readonly #directory: string;
  readonly #onFailure: (error: StorageError) => void;
  readonly #onCut: (() => void) | null;
  readonly #epochs: EpochCache;
  readonly #producers: ProducerState;
  readonly #local: LocalLog;
  readonly #takesOversized: boolean;
  #settings: TopicSettings;
  #logStartOffset: Offset;
  #endOffset: Offset;
  #highWatermark: Offset;
  #recoveryPoint: Offset;
  #flushTimer: Timer | null = null;
  #isClosed = false;

  /** Opens the log in its directory, or an empty one, as after a stop of the given kind. */
  static open(options: PartitionLogOptions): PartitionLog {
    return new PartitionLog(options);
  }

  private constructor(options: PartitionLogOptions) {
    const { ports, rules, lane, directory, checkpoint, settings } = options;
    this.name = options.name;
    this.#ports = ports;
    this.#rules = rules;
    this.#lane = lane;
    this.#directory = directory;
    this.#settings = settings;
    this.#takesOversized = options.takesOversized ?? false;
    this.#onFailure =
      options.onFailure ?? ((error) => ports.host.exit(`log ${options.name}: ${error.message}`));
    this.#onCut = options.onCut ?? null;
    this.#epochs = new EpochCache(ports, rules.epochs, directory, lane, (step) => this.#try(step));
    const expirationMs = options.producerIdExpirationMs;
    this.#producers = new ProducerState(ports.storage, rules.dedup, directory, expirationMs);
    if (!ports.storage.exists(directory)) {
      ports.storage.makeDirectory(directory);
      ports.storage.syncDirectory(directory.slice(0, Math.max(0, directory.lastIndexOf("/"))));
    }
    const loaded = loadLog({
      ports,
      rules,
      directory,
      settings,
      checkpoint,
      clean: options.clean,
      epochs: this.#epochs,
      producers: this.#producers,
    });
    this.#local = new LocalLog(ports, rules.log, directory, this.#epochs, loaded.segments);
    this.#logStartOffset = loaded.logStartOffset;
    this.#endOffset = this.#local.active.endOffset;
    this.#recoveryPoint = loaded.recoveryPoint;
    this.#highWatermark = rules.log.highWatermarkAtStart(
      checkpoint.highWatermark,
      this.#logStartOffset,
      this.#endOffset,
    );
    this.#tellLoaded(options.clean, loaded.cutBytes);
  }

  get settings(): TopicSettings {
    return this.#settings;
  }

  get logStartOffset(): Offset {
    return this.#logStartOffset;
  }

  /** One past the last record. */
  get endOffset(): Offset {
    return this.#endOffset;
  }

  get highWatermark(): Offset {
    return this.#highWatermark;
  }

  /** All records below survive a loss of power. */
  get recoveryPoint(): Offset {
    return this.#recoveryPoint;
  }

  /** Of the latest entry of the epoch cache, which may be one without data; -1 without any. */
  get latestEpoch(): LeaderEpoch {
    return this.#epochs.latestEpoch;
  }

  get sizeBytes(): number {
    return this.#local.sizeBytes;
  }

  configure(settings: TopicSettings): void {
    this.#settings = settings;
  }

  /**
   * Appends a batch at the end under the leader's epoch. A duplicate, and what the checks refuse,
   * leaves the log as it is.
   */
  appendAsLeader(body: BatchBody, leaderEpoch: LeaderEpoch, origin: AppendOrigin): LeaderAppend {
    const { log, dedup } = this.#rules;
    const { codecs } = this.#ports;
    const nowMs = this.#ports.clock.wallMs();
    const error = refusal(body, origin, this.#settings, log, nowMs, codecs);
    if (error !== Errors.NONE) return { kind: "refused", error };
    const stored = origin === "client" ? asStored(body, this.#settings, nowMs, codecs) : body;
    const storedError = storedRefusal(stored, body, this.#settings, log);
    if (storedError !== Errors.NONE) return { kind: "refused", error: storedError };
    if (!this.#fitsSegment(stored.sizeBytes)) {
      return { kind: "refused", error: Errors.RECORD_LIST_TOO_LARGE };
    }
    const epoch = log.stampedEpoch(leaderEpoch, -1);
    const batch = new Batch(this.#endOffset, epoch, stored);
    this.#noteEpoch(epoch, batch.baseOffset);
    if (this.#local.mustRoll(batch, this.#settings, nowMs)) this.#roll(nowMs);
    if (stored.producerId >= 0 && dedup.checksSequences(origin)) {
      const verdict = this.#producers.judge(stored);
      if (verdict !== null) {
        if (verdict.error !== null) return { kind: "refused", error: verdict.error };
        const { baseOffset, lastOffset } = verdict.duplicateOf;
        return { kind: "duplicate", baseOffset, lastOffset };
      }
    }
    this.#append(batch, leaderEpoch, "leader");
    this.#flushIfDue();
    return { kind: "appended", batch };
  }

  /**
   * Appends batches that a leader sent, in its offsets, up to the first of an epoch above
   * `leaderEpoch`. Nothing is appended when one of them is damaged or not in order.
   */
  appendAsFollower(batches: readonly Batch[], leaderEpoch: LeaderEpoch): FollowerAppend {
    const rules = this.#rules.log;
    let end = this.#endOffset;
    let count = 0;
    for (; count < batches.length; count++) {
      const batch = batches[count] as Batch;
      if (!rules.followerTakes(batch.leaderEpoch, leaderEpoch)) break;
      if (!rules.mayAppend(crcIsValid(batch.body))) return refused(Errors.CORRUPT_MESSAGE);
      if (!rules.continuesLog(batch.baseOffset, end)) return refused(Errors.UNKNOWN_SERVER_ERROR);
      if (!this.#fitsSegment(batch.sizeBytes)) return refused(Errors.RECORD_LIST_TOO_LARGE);
      end = batch.nextOffset;
    }
    if (count === 0) return { kind: "appended", count };
    const nowMs = this.#ports.clock.wallMs();
    for (let index = 0; index < count; index++) {
      const batch = batches[index] as Batch;
      this.#noteEpoch(batch.leaderEpoch, batch.baseOffset);
      if (this.#local.mustRoll(batch, this.#settings, nowMs)) this.#roll(nowMs);
      this.#append(batch, leaderEpoch, "follower");
    }
    this.#flushIfDue();
    return { kind: "appended", count };
  }

  /**
   * Whole batches from the one that holds `from`, all of them below `upTo`, of one segment. With
   * `atLeastOne` the first may exceed `maxBytes`. CORRUPT_MESSAGE when the first is damaged on disk;
   * a later damaged one ends the answer.
   */
  read(from: Offset, maxBytes: number, upTo: Offset, atLeastOne: boolean): LogRead {
    const rules = this.#rules.log;
    if (!rules.isInRange(from, this.#logStartOffset, this.#endOffset)) return OUT_OF_RANGE;
    if (from === this.#endOffset || from >= upTo) return NOTHING;
    return this.#local.read(from, maxBytes, upTo, atLeastOne);
  }

  /**
   * Cuts everything at or above `target`. When the log is no longer than that, only entries of the
   * epoch cache go that begin there: they may contradict the leader.
   */
  truncateTo(target: Offset, why: TruncationCause, leaderEpoch: LeaderEpoch): void {
    const fromOffset = this.#endOffset;
    if (!this.#rules.log.cutsRecords(target, fromOffset)) {
      if (!this.#epochs.truncateFromEnd(target)) return;
      this.#epochs.writeLater();
      this.#tellTruncated(why, leaderEpoch, fromOffset, this.#highWatermark, 0);
      return;
    }
    if (target < this.#local.firstOffset) {
      this.#startOverAt(target, why, leaderEpoch);
      return;
    }
    const highWatermark = this.#highWatermark;
    const epochsCut = this.#epochs.countWithin(target, fromOffset);
    this.#local.truncateTo(target);
    this.#endOffset = target;
    this.#logStartOffset = Math.min(this.#logStartOffset, target);
    this.#recoveryPoint = this.#rules.log.recoveryPointAfterTruncation(this.#recoveryPoint, target);
    this.#highWatermark = this.#rules.log.highWatermarkAfterTruncation(highWatermark, target);
    this.#epochs.truncateFromEnd(target);
    this.#tellTruncated(why, leaderEpoch, fromOffset, highWatermark, epochsCut);
    this.#epochs.writeLater();
    this.#rebuildProducers();
    this.#onCut?.();
  }

  /** Drops all records and begins anew at `offset`, which becomes the high watermark too. */
  truncateFullyAndStartAt(offset: Offset, leaderEpoch: LeaderEpoch): void {
    this.#startOverAt(offset, "out-of-range", leaderEpoch);
  }

  /**
   * Deletes whole segments below `offset`, which is not above the high watermark: the log begins with
   * its first segment from here on, as it would after a restart.
   */
  deletePrefix(offset: Offset): void {
    if (offset <= this.#logStartOffset) return;
    assert(offset <= this.#highWatermark, "only what is committed is deleted");
    this.#local.deleteBefore(offset);
    const logStartOffset = this.#local.firstOffset;
    if (logStartOffset <= this.#logStartOffset) return;
    this.#logStartOffset = logStartOffset;
    this.#producers.dropSnapshotsBelow(logStartOffset);
    this.#epochs.truncateFromStart(logStartOffset);
    this.#epochs.writeLater();
    const partition = this.name;
    this.#ports.probe?.emit({ kind: "log-prefix-deleted", partition, logStartOffset });
  }

  /** Notes, durably, that an epoch begins: a new leader does so before its first record. */
  assignEpoch(epoch: LeaderEpoch, startOffset: Offset): void {
    if (!this.#epochs.assign(epoch, startOffset)) return;
    this.#ports.probe?.emit({
      kind: "epoch-assigned",
      partition: this.name,
      epoch,
      startOffset,
    });
  }

  /** Where `epoch`, or the largest one below it, ends in this log; null when it cannot tell. */
  endOffsetFor(
    epoch: LeaderEpoch,
  ): { readonly epoch: LeaderEpoch; readonly endOffset: Offset } | null {
    return this.#epochs.endOffsetFor(epoch, this.#endOffset, this.#highWatermark);
  }

  epochEntries(): readonly EpochEntry[] {
    return this.#epochs.entries();
  }

  /** Leader epoch of the record at `offset`; -1 when it is not known. */
  epochAt(offset: Offset): LeaderEpoch {
    return this.#epochs.epochAt(offset);
  }

  /** Sets the high watermark, which lies within the log. Telling the fact is the caller's part. */
  setHighWatermark(offset: Offset): void {
    assert(offset >= this.#logStartOffset, "the high watermark is not below the log start");
    assert(offset <= this.#endOffset, "the high watermark is not above the end of the log");
    this.#highWatermark = offset;
  }

  /** The first record below `upTo` whose timestamp is at least `timestamp`. */
  offsetForTimestamp(timestamp: number, upTo: Offset): FoundRecord | null {
    return this.#local.findTimestamp(timestamp, this.#logStartOffset, upTo);
  }

  /** Base offset of the segment in which `offset` lies, or would. */
  segmentBaseAt(offset: Offset): Offset {
    return this.#local.segmentBaseAt(offset);
  }

  /** What the log knows of each idempotent producer. */
  producers(): readonly ProducerEntry[] {
    return this.#producers.entries();
  }

  /** Forgets producers that have been silent for producer.id.expiration.ms. */
  expireProducers(nowMs: number): void {
    this.#producers.expire(nowMs);
  }

  /** Makes all records survive a loss of power. */
  flush(): void {
    if (this.#endOffset > this.#recoveryPoint) this.#flushUpTo(this.#endOffset);
  }

  /** Flushes everything and leaves a producer snapshot: the next start needs no recovery. */
  close(): void {
    this.#flushUpTo(this.#endOffset);
    this.#producers.takeSnapshot();
    this.#producers.syncSnapshot();
    this.#epochs.write();
    this.#ports.storage.syncDirectory(this.#directory);
    this.#flushTimer?.cancel();
    this.#isClosed = true;
  }

  #fitsSegment(sizeBytes: number): boolean {
    if (this.#takesOversized) return true;
    return this.#rules.log.sizeIsAllowed(sizeBytes, this.#settings["segment.bytes"]);
  }

  #append(batch: Batch, leaderEpoch: LeaderEpoch, as: "leader" | "follower"): void {
    this.#local.active.append(batch, this.#settings["index.interval.bytes"]);
    this.#endOffset = batch.nextOffset;
    if (this.#rules.dedup.updatesState(as)) this.#producers.update(batch);
    else this.#producers.advanceTo(batch.nextOffset);
    const { probe } = this.#ports;
    if (probe !== null) {
      probe.emit({ kind: "appended", partition: this.name, as, leaderEpoch, batch });
    }
  }

  /** Batches bring their epochs; one that is in the cache already costs nothing. */
  #noteEpoch(epoch: LeaderEpoch, startOffset: Offset): void {
    if (epoch !== this.#epochs.latestEpoch && epoch >= 0) this.assignEpoch(epoch, startOffset);
  }

  /** Begins a new segment at the end of the log; the old one is flushed by a step of its own. */
  #roll(nowMs: number): void {
    const baseOffset = this.#endOffset;
    if (this.#local.active.baseOffset === baseOffset) return;
    const ports = this.#ports;
    this.#producers.takeSnapshot();
    this.#local.roll(baseOffset, nowMs);
    ports.probe?.emit({ kind: "segment-rolled", partition: this.name, baseOffset });
    ports.work.later(this.#lane, "flush-log", () => {
      this.#try(() => {
        this.#producers.syncSnapshot();
        const upTo = Math.min(baseOffset, this.#endOffset);
        if (upTo > this.#recoveryPoint) this.#flushUpTo(upTo);
      });
    });
  }

  #flushIfDue(): void {
    const unflushed = this.#endOffset - this.#recoveryPoint;
    if (this.#rules.log.flushesAfterAppend(unflushed, this.#settings["flush.messages"])) {
      this.#flushUpTo(this.#endOffset);
      return;
    }
    const delayMs = this.#settings["flush.ms"];
    if (delayMs >= NEVER_MS) return;
    this.#flushTimer ??= this.#ports.timers.timer(this.#lane, `flush-${this.name}`, () =>
      this.#try(() => this.flush()),
    );
    if (!this.#flushTimer.armed) this.#flushTimer.set(delayMs);
  }

  /** Syncs the segments between the recovery point and `upTo`. */
  #flushUpTo(upTo: Offset): void {
    const recoveryPoint = this.#recoveryPoint;
    this.#local.sync(recoveryPoint, upTo);
    this.#recoveryPoint = this.#rules.log.recoveryPointAfterFlush(recoveryPoint, upTo);
    if (upTo <= recoveryPoint) return;
    this.#flushTimer?.cancel();
    this.#ports.probe?.emit({ kind: "log-flushed", partition: this.name, upTo });
  }

  #startOverAt(offset: Offset, why: TruncationCause, leaderEpoch: LeaderEpoch): void {
    const fromOffset = this.#endOffset;
    const highWatermark = this.#highWatermark;
    const epochsCut = this.#epochs.countWithin(this.#logStartOffset, fromOffset);
    this.#local.startOverAt(offset, this.#ports.clock.wallMs());
    this.#logStartOffset = offset;
    this.#endOffset = offset;
    this.#recoveryPoint = this.#rules.log.recoveryPointAfterTruncation(this.#recoveryPoint, offset);
    this.#highWatermark = offset;
    this.#tellTruncated(why, leaderEpoch, fromOffset, highWatermark, epochsCut);
    this.#epochs.clear();
    this.#producers.startOver(offset);
    this.#onCut?.();
  }

  #rebuildProducers(): void {
    const request = {
      rules: this.#rules,
      segments: this.#local.segments,
      epochs: this.#epochs,
      producers: this.#producers,
      logStartOffset: this.#logStartOffset,
      endOffset: this.#endOffset,
      nowMs: this.#ports.clock.wallMs(),
    };
    rebuildProducers(request, "truncation", false);
  }

  /** Runs a step that nobody waits for. */
  #try(step: () => void): void {
    if (this.#isClosed) return;
    try {
      step();
    } catch (error) {
      this.#onFailure(asStorageError(error));
    }
  }

  #tellLoaded(clean: boolean, cutBytes: number): void {
    if (this.#ports.probe === null) return;
    this.#ports.probe.emit({
      kind: "log-loaded",
      partition: this.name,
      clean,
      logStartOffset: this.#logStartOffset,
      recoveryPoint: this.#recoveryPoint,
      highWatermark: this.#highWatermark,
      endOffset: this.#endOffset,
      cutBytes,
      lastBatch: this.#local.lastBatch(),
      epochs: this.#epochs.entries(),
      producers: this.#producers.entries(),
    });
  }

  #tellTruncated(
    why: TruncationCause,
    leaderEpoch: LeaderEpoch,
    fromOffset: Offset,
    highWatermark: Offset,
    epochsCut: number,
  ): void {
    if (this.#ports.probe === null) return;
    this.#ports.probe.emit({
      kind: "truncated",
      partition: this.name,
      why,
      leaderEpoch,
      fromOffset,
      toOffset: this.#endOffset,
      highWatermark,
      epochsCut,
    });
  }
}
