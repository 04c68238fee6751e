import type { Offset, ProducerEpoch, Sequence } from "../ids.ts";
import type { AppendOrigin } from "./append-origin.ts";

const MAX_SEQUENCE = 0x7fffffff;

/** Idempotence on the broker (ProducerStateManager.java, ProducerAppendInfo.java): KIP-98. */
export class DedupRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    checksSequences: "ProducerAppendInfo.java",
    rememberedBatches: "ProducerStateEntry.java",
    isDuplicate: "ProducerStateEntry.java",
    epochIsCurrent: "ProducerAppendInfo.java",
    mayStartUnknown: "ProducerAppendInfo.java",
    mayStartEpoch: "ProducerAppendInfo.java",
    follows: "ProducerAppendInfo.java",
    forgetsBatches: "ProducerStateEntry.java",
    updatesState: "UnifiedLog.java",
    restoresState: "UnifiedLog.java",
    scansLog: "UnifiedLog.java",
    snapshotFits: "ProducerStateManager.java",
    takesSnapshot: "ProducerStateManager.java",
    hasExpired: "ProducerStateManager.java",
  };

  /** Whether a leader looks at sequences: replicated batches were judged by their leader. */
  checksSequences(origin: AppendOrigin): boolean {
    return origin === "client";
  }

  /** How many of a producer's last batches a log can recognise again. */
  rememberedBatches(): number {
    return 5;
  }

  /** Whether a batch is the very one that was appended under these sequences. */
  isDuplicate(
    epoch: ProducerEpoch,
    first: Sequence,
    last: Sequence,
    knownEpoch: ProducerEpoch,
    knownFirst: Sequence,
    knownLast: Sequence,
  ): boolean {
    return epoch === knownEpoch && first === knownFirst && last === knownLast;
  }

  /** Otherwise INVALID_PRODUCER_EPOCH: a newer instance of the producer has been here. */
  epochIsCurrent(epoch: ProducerEpoch, knownEpoch: ProducerEpoch): boolean {
    return epoch >= knownEpoch;
  }

  /** The first sequence of a producer of which the log knows nothing (it may have expired). */
  mayStartUnknown(_first: Sequence): boolean {
    return true;
  }

  /** The first sequence under a new producer epoch; otherwise OUT_OF_ORDER_SEQUENCE_NUMBER. */
  mayStartEpoch(first: Sequence): boolean {
    return first === 0;
  }

  /** Whether a sequence comes next; `last` is -1 when the epoch has no batch yet. */
  follows(last: Sequence, first: Sequence): boolean {
    return last === MAX_SEQUENCE ? first === 0 : first === last + 1;
  }

  /** Whether a batch of this epoch empties the list of the producer's last batches. */
  forgetsBatches(epoch: ProducerEpoch, knownEpoch: ProducerEpoch): boolean {
    return epoch !== knownEpoch;
  }

  /** Whether an append is noted: a follower may lead next and must recognise retries. */
  updatesState(_role: "leader" | "follower"): boolean {
    return true;
  }

  /** Whether a log that is opened or truncated rebuilds its producers from snapshot and batches. */
  restoresState(_why: "start" | "truncation"): boolean {
    return true;
  }

  /** Whether batches are read to restore the state: not after a clean stop without a snapshot. */
  scansLog(clean: boolean, hasSnapshot: boolean): boolean {
    return !clean || hasSnapshot;
  }

  /** Whether a snapshot is of this log's past; the others are deleted. */
  snapshotFits(offset: Offset, logStartOffset: Offset, logEndOffset: Offset): boolean {
    return offset <= logEndOffset && offset > logStartOffset;
  }

  /** Whether anything happened since the last snapshot. */
  takesSnapshot(stateOffset: Offset, lastSnapshotOffset: Offset): boolean {
    return stateOffset > lastSnapshotOffset;
  }

  hasExpired(nowMs: number, lastTimestamp: number, expirationMs: number): boolean {
    return nowMs - lastTimestamp >= expirationMs;
  }
}
