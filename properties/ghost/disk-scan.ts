/**
 * Reads the segment files of a replica as bytes, with none of the code that recovers them: which
 * batches lie there, which of them are intact, and where the log would end. It is done when a process
 * is about to start, before that process can change anything.
 */
import type { Offset, PartitionName } from "../../core/ids.ts";
import { Batch } from "../../core/record/batch.ts";
import { parseBatch } from "../../core/record/decode.ts";
import type { DurableFiles } from "./durable-files.ts";
import type { GhostLog } from "./ghost-log.ts";

const SEGMENT_SUFFIX = ".log";
const HEADER_BYTES = 61;
/** First byte after base offset, length, leader epoch and magic: the CRC. */
const CRC_AT = 17;

export interface ScannedEntry {
  readonly baseOffset: Offset;
  /** Null when its bytes are not what its CRC says. */
  readonly batch: Batch | null;
}

export interface ScannedSegment {
  readonly baseOffset: Offset;
  readonly path: string;
  readonly entries: readonly ScannedEntry[];
  /** Offset after its last whole batch. */
  readonly end: Offset;
  /** Bytes after the last whole batch that are not one. */
  readonly torn: boolean;
  /** A fault changed bytes of this file, or lost one of its syncs. */
  readonly damaged: boolean;
  /** A fault turned bits of this file over. */
  readonly rotten: boolean;
}

export class DiskScan {
  /** By base offset. */
  readonly segments: readonly ScannedSegment[];

  constructor(segments: readonly ScannedSegment[]) {
    this.segments = segments;
  }

  /** Offset after the last whole batch of the last segment, intact or not. */
  get end(): Offset {
    return this.segments.at(-1)?.end ?? 0;
  }

  get start(): Offset {
    return this.segments[0]?.baseOffset ?? 0;
  }

  /** A segment does not begin where the one before it ends. */
  get hasHole(): boolean {
    return this.holeAt !== null;
  }

  /** Where the first one begins. */
  get holeAt(): Offset | null {
    for (let index = 1; index < this.segments.length; index += 1) {
      const { end } = this.segments[index - 1] as ScannedSegment;
      if (this.segments[index]?.baseOffset !== end) return end;
    }
    return null;
  }

  get tornAtEnd(): boolean {
    return this.segments.at(-1)?.torn ?? false;
  }

  /**
   * Where recovery must end the log when it reads the segment that holds `recoveryPoint` and all
   * later ones, and cuts at the first batch that is not intact (LogLoader.java).
   */
  recoveredEnd(recoveryPoint: Offset): Offset {
    let first = 0;
    while (
      first + 1 < this.segments.length &&
      (this.segments[first + 1] as ScannedSegment).baseOffset <= recoveryPoint
    ) {
      first += 1;
    }
    let end = 0;
    for (const segment of this.segments.slice(first)) {
      end = segment.baseOffset;
      for (const entry of segment.entries) {
        if (entry.batch === null) return entry.baseOffset;
        end = entry.batch.nextOffset;
      }
      if (segment.torn) return end;
    }
    return end;
  }

  /** Offset after the first whole and intact batches, from the start of the log. */
  get intactEnd(): Offset {
    return this.recoveredEnd(-1);
  }

  /** The segment that must hold `offset`. */
  segmentOf(offset: Offset): ScannedSegment | undefined {
    return this.segments.findLast((segment) => segment.baseOffset <= offset);
  }

  /**
   * All intact batches in order up to `end`; of a rotten segment, those that `log` has there. A log that
   * is opened with it without looking counts them as its own, and finds out when it reads them.
   */
  batchesOr(log: GhostLog, end: Offset): Batch[] {
    const found: Batch[] = [];
    this.segments.forEach(({ entries, rotten, baseOffset }, index) => {
      if (!rotten) {
        for (const { batch } of entries) if (batch !== null) found.push(batch);
        return;
      }
      const limit = this.segments[index + 1]?.baseOffset ?? end;
      found.push(...log.batches.slice(log.countBelow(baseOffset), log.countBelow(limit)));
    });
    return found;
  }

  /** All intact batches in order; without those of damaged files, if told so. */
  batches(exceptDamaged: boolean = false): Batch[] {
    const found: Batch[] = [];
    for (const segment of this.segments) {
      if (exceptDamaged && segment.damaged) continue;
      for (const { batch } of segment.entries) if (batch !== null) found.push(batch);
    }
    return found;
  }
}

/**
 * The logs on a node's disk, by partition. A batch that `known` holds with the same bytes is that
 * very object: then nothing is summed or copied.
 */
export function scanDisk(
  files: DurableFiles,
  node: string,
  known: (partition: PartitionName) => GhostLog | undefined,
): Map<PartitionName, DiskScan> {
  const segments = new Map<PartitionName, ScannedSegment[]>();
  const paths = files.list(node).filter((path) => path.endsWith(SEGMENT_SUFFIX));
  for (const path of paths.sort()) {
    const parts = path.split("/");
    const partition = parts.at(-2);
    const baseOffset = Number((parts.at(-1) as string).slice(0, -SEGMENT_SUFFIX.length));
    if (partition === undefined || !Number.isSafeInteger(baseOffset)) continue;
    let list = segments.get(partition);
    if (list === undefined) segments.set(partition, (list = []));
    const damages = files.damage(node, path);
    const damaged = damages.length > 0;
    const rotten = damages.some(({ how }) => how === "bit-rot");
    const log = known(partition);
    const pieces = log === undefined ? undefined : files.pieces?.(node, path);
    const whole = pieces === undefined ? null : knownEntries(baseOffset, pieces, log as GhostLog);
    if (whole !== null) {
      list.push({ baseOffset, path, ...whole, torn: false, damaged, rotten });
      continue;
    }
    const bytes = files.read(node, path);
    if (bytes !== null)
      list.push({ ...scanSegment(path, baseOffset, bytes, log), damaged, rotten });
  }
  const scans = new Map<PartitionName, DiskScan>();
  for (const [partition, list] of segments) scans.set(partition, new DiskScan(list));
  return scans;
}

/**
 * A segment that consists of the very batches that `log` holds, so that no byte of it can differ;
 * null for any other one, whose bytes have to be read.
 */
function knownEntries(
  baseOffset: Offset,
  pieces: readonly unknown[],
  log: GhostLog,
): { readonly entries: readonly ScannedEntry[]; readonly end: Offset } | null {
  const entries: ScannedEntry[] = [];
  let end = baseOffset;
  for (const piece of pieces) {
    if (!(piece instanceof Batch)) return null;
    if (piece.baseOffset < end || log.batchAt(piece.baseOffset) !== piece) return null;
    entries.push({ baseOffset: piece.baseOffset, batch: piece });
    end = piece.nextOffset;
  }
  return { entries, end };
}

/**
 * Whether a file of a metadata snapshot is whole: intact batches, one after the other, from the control
 * batch of its header to that of its footer (KIP-630).
 */
export function isWholeSnapshot(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let last: Batch | null = null;
  let count = 0;
  for (let at = 0; at < bytes.length; count += 1) {
    last = at + HEADER_BYTES <= bytes.length ? (parseBatch(bytes, at).batch ?? null) : null;
    if (last === null) return false;
    at += view.getInt32(at + 8) + 12;
  }
  return count > 1 && last?.body.isControl === true;
}

function scanSegment(
  path: string,
  baseOffset: Offset,
  bytes: Uint8Array,
  known: GhostLog | undefined,
): Omit<ScannedSegment, "damaged" | "rotten"> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: ScannedEntry[] = [];
  let end = baseOffset;
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const sizeBytes = view.getInt32(at + 8) + 12;
    if (sizeBytes < HEADER_BYTES || at + sizeBytes > bytes.length) break;
    if (view.getInt8(at + 16) !== 2) break;
    const offset = view.getInt32(at) * 0x100000000 + view.getUint32(at + 4);
    const expected = known?.batchAt(offset);
    const isKnown = expected !== undefined && sameBytes(bytes, at, view, expected);
    let batch = isKnown ? expected : (parseBatch(bytes, at).batch ?? null);
    // The CRC does not cover the offset; one that goes back is damage all the same.
    if (batch !== null && batch.baseOffset < end) batch = null;
    entries.push({ baseOffset: batch === null ? end : offset, batch });
    end = batch === null ? end + view.getInt32(at + 23) + 1 : batch.nextOffset;
    at += sizeBytes;
  }
  return { baseOffset, path, entries, end, torn: at < bytes.length };
}

function sameBytes(bytes: Uint8Array, at: number, view: DataView, batch: Batch): boolean {
  const { encoded } = batch.body;
  if (view.getInt32(at + 8) + 12 !== encoded.length) return false;
  if (view.getInt32(at + 12) !== batch.leaderEpoch) return false;
  const end = at + encoded.length;
  return Buffer.compare(encoded.subarray(CRC_AT), bytes.subarray(at + CRC_AT, end)) === 0;
}
