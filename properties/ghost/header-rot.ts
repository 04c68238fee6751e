import type { Offset } from "../../core/ids.ts";
import type { Batch } from "../../core/record/batch.ts";
import type { GhostLog } from "./ghost-log.ts";

/** Base offset, and the leader's stamp of its epoch: a batch's CRC covers neither. */
const UNCOVERED: readonly (readonly [from: number, to: number])[] = [
  [0, 8],
  [12, 16],
];

/**
 * Whether a damaged byte of a segment is one that no CRC covers (DefaultRecordBatch.java: the CRC is
 * over attributes to end). Kafka cannot find that out: it believes in another offset or epoch, and
 * promises nothing about that log, and what is copied from it, any more.
 */
export function isUncovered(log: GhostLog, segmentBase: Offset, position: number): boolean {
  let at = 0;
  for (let index = log.countBelow(segmentBase); index < log.batches.length; index += 1) {
    const sizeBytes = log.batches[index]?.body.encoded.length ?? 0;
    const inBatch = position - at;
    if (inBatch < sizeBytes) return UNCOVERED.some(([from, to]) => inBatch >= from && inBatch < to);
    at += sizeBytes;
  }
  return false;
}

/** End offset of the batch that holds that byte of a segment; -1 without one. */
export function endOfBatchAt(log: GhostLog, segmentBase: Offset, position: number): Offset {
  let at = 0;
  for (let index = log.countBelow(segmentBase); index < log.batches.length; index += 1) {
    const batch = log.batches[index] as Batch;
    at += batch.body.encoded.length;
    if (position < at) return batch.nextOffset;
  }
  return -1;
}
