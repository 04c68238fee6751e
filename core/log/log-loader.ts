/**
 * Opens the files of a log (LogLoader.java): after an unclean stop it checks every batch from the
 * recovery point on and cuts the log before the first bad one; then it makes epoch cache, log start
 * and producer state agree with what is left.
 *
 * Differs from Kafka: above the recovery point a segment must begin where the one before it ends, or
 * the log ends there; Kafka would keep a hole when a segment lost its unsynced tail at the border of
 * two batches. The log ends at a batch that begins below the end of the one before it, too, and at the
 * cut in a segment below the recovery point whose index had to be made anew; Kafka keeps what follows. Removed segments are removed for good before anything is appended.
 */
import type { Offset } from "../ids.ts";
import type { Ports, Storage } from "../ports.ts";
import type { Rules } from "../rules.ts";
import type { TopicSettings } from "../settings/topic-settings.ts";
import { removeTemporaries } from "./checkpoint-file.ts";
import type { EpochCache } from "./epoch-cache.ts";
import type { ProducerState } from "./producer-state.ts";
import { Segment, baseOffsetOf, removeSegmentFiles } from "./segment.ts";

/** What the checkpoint files of the log directory say about one log. */
export interface LogCheckpoint {
  readonly recoveryPoint: Offset;
  readonly logStartOffset: Offset;
  readonly highWatermark: Offset;
}

export interface LoadRequest {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly directory: string;
  readonly settings: TopicSettings;
  readonly checkpoint: LogCheckpoint;
  /** The last process that used the log closed it. */
  readonly clean: boolean;
  readonly epochs: EpochCache;
  readonly producers: ProducerState;
}

export interface LoadedLog {
  /** At least one, ascending. */
  readonly segments: Segment[];
  readonly logStartOffset: Offset;
  readonly recoveryPoint: Offset;
  readonly cutBytes: number;
}

export function loadLog(request: LoadRequest): LoadedLog {
  const { ports, rules, directory, checkpoint, clean, epochs, producers } = request;
  const nowMs = ports.clock.wallMs();
  removeTemporaries(ports.storage, directory);
  epochs.load();
  const { segments, cutBytes, recovered } = loadSegments(request, nowMs);
  const found = segments.at(-1);
  if (found !== undefined && rules.log.startsOver(found.endOffset, checkpoint.logStartOffset)) {
    removeSegments(ports.storage, directory, basesOf(segments.splice(0)));
    epochs.clear();
  }
  if (segments.length === 0) {
    const start = checkpoint.logStartOffset;
    segments.push(Segment.create(ports.storage, rules.log, directory, start, nowMs));
  }
  // What an interrupted truncation removed must not come back once new batches are here.
  if (!clean) ports.storage.syncDirectory(directory);
  const endOffset = (segments.at(-1) as Segment).endOffset;
  const firstBase = (segments[0] as Segment).baseOffset;
  const logStartOffset = rules.log.logStartAtStart(checkpoint.logStartOffset, firstBase);
  epochs.truncateFromEnd(endOffset);
  epochs.truncateFromStart(logStartOffset);
  epochs.write();
  producers.listSnapshots(basesOf(segments));
  const state = { rules, segments, epochs, producers, logStartOffset, endOffset, nowMs };
  // Recovering a segment leaves a snapshot of the producers at its end, also after a clean stop.
  rebuildProducers(state, "start", clean && !recovered);
  const recoveryPoint = rules.log.recoveryPointAtStart(clean, checkpoint.recoveryPoint, endOffset);
  return { segments, logStartOffset, recoveryPoint, cutBytes };
}

export interface RebuildRequest {
  readonly rules: Rules;
  readonly segments: readonly Segment[];
  readonly epochs: EpochCache;
  readonly producers: ProducerState;
  readonly logStartOffset: Offset;
  readonly endOffset: Offset;
  readonly nowMs: number;
}

/** Makes the producer state that of a log which ends at `endOffset` (UnifiedLog.java). */
export function rebuildProducers(
  request: RebuildRequest,
  why: "start" | "truncation",
  clean: boolean,
): void {
  const { rules, segments, producers, logStartOffset, endOffset, nowMs } = request;
  if (!rules.dedup.restoresState(why)) {
    producers.startOver(endOffset);
    return;
  }
  if (!rules.dedup.scansLog(clean, producers.hasSnapshot)) {
    for (const segment of segments.slice(-2)) {
      producers.advanceTo(segment.baseOffset);
      producers.takeSnapshot();
    }
  } else {
    const hadNothingToLose = why === "truncation" && producers.isEmpty;
    const knewAll = producers.upTo >= endOffset;
    producers.reload(logStartOffset, endOffset, nowMs);
    if (!(hadNothingToLose && knewAll)) scan(request);
  }
  producers.advanceTo(endOffset);
  producers.takeSnapshot();
  producers.syncSnapshot();
}

/** Reads what lies between the producer state and the end of the log. */
function scan({ segments, epochs, producers, logStartOffset, endOffset }: RebuildRequest): void {
  for (let at = 0; at < segments.length; at++) {
    const segment = segments[at] as Segment;
    const from = Math.max(segment.baseOffset, producers.upTo, logStartOffset);
    if (from >= endOffset || segment.endOffset <= from) continue;
    producers.advanceTo(from);
    if (at >= segments.length - 2) producers.takeSnapshot();
    for (let index = segment.indexFor(from); index < segment.batchCount; index++) {
      const batch = segment.batchAt(index, epochs);
      if (batch !== null) producers.update(batch);
    }
  }
}

/** Where each segment begins. */
export function basesOf(segments: readonly Segment[]): Offset[] {
  return segments.map((segment) => segment.baseOffset);
}

/**
 * Removes the files of segments, the last one first, and each for good before the next: whatever a
 * crash leaves is a log without holes, and nothing reappears that would overlap new segments.
 * Returns the bytes of the logs.
 */
export function removeSegments(
  storage: Storage,
  directory: string,
  baseOffsets: readonly Offset[],
): number {
  let bytes = 0;
  for (let at = baseOffsets.length - 1; at >= 0; at--) {
    bytes += removeSegmentFiles(storage, directory, baseOffsets[at] as Offset);
    storage.syncDirectory(directory);
  }
  return bytes;
}

function loadSegments(
  request: LoadRequest,
  nowMs: number,
): { readonly segments: Segment[]; readonly cutBytes: number; readonly recovered: boolean } {
  const { ports, rules, directory, settings, checkpoint, clean, epochs } = request;
  const bases = segmentBases(ports.storage, directory);
  const segments: Segment[] = [];
  let cutBytes = 0;
  let recovered = false;
  let wasVerified = false;
  for (let at = 0; at < bases.length; at++) {
    const base = bases[at] as Offset;
    const segmentEnd = bases[at + 1] ?? Number.MAX_SAFE_INTEGER;
    const verify = rules.log.verifiesAtStart(clean, segmentEnd, checkpoint.recoveryPoint);
    const previousEnd = segments.at(-1)?.endOffset ?? base;
    const isCut = cutBytes > 0 || (wasVerified && !rules.log.segmentFollows(base, previousEnd));
    if (isCut) {
      cutBytes += removeSegments(ports.storage, directory, bases.slice(at));
      break;
    }
    const opened = Segment.open(
      ports.storage,
      rules.log,
      directory,
      base,
      nowMs,
      settings,
      verify,
      clean && at === bases.length - 1,
      (batch) => epochs.learn(batch.leaderEpoch, batch.baseOffset),
    );
    segments.push(opened.segment);
    cutBytes += opened.cutBytes;
    recovered ||= opened.recovered;
    wasVerified = verify;
  }
  return { segments, cutBytes, recovered };
}

/** Base offsets of the segments on disk, ascending. Index files without a log are removed. */
function segmentBases(storage: Storage, directory: string): readonly Offset[] {
  const names = storage.list(directory);
  const bases: Offset[] = [];
  for (const name of names) {
    const base = baseOffsetOf(name);
    if (base !== null) bases.push(base);
  }
  for (const name of names) {
    const isIndex = name.endsWith(".index") || name.endsWith(".timeindex");
    const log = `${name.slice(0, name.indexOf("."))}.log`;
    if (isIndex && !names.includes(log)) storage.remove(`${directory}/${name}`);
  }
  return bases;
}
