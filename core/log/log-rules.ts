import type { LeaderEpoch, Offset } from "../ids.ts";

/** What a partition log must do with its bytes: append checks, recovery, truncation, checkpoints. */
export class LogRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    mayAppend: "UnifiedLog.java",
    stampedEpoch: "KIP-101",
    followerTakes: "UnifiedLog.java",
    continuesLog: "UnifiedLog.java",
    countIsRight: "LogValidator.java",
    sizeIsAllowed: "UnifiedLog.java",
    timestampIsAllowed: "KIP-937",
    needsKeys: "LogValidator.java",
    rollsForSize: "LogSegment.java",
    rollsForTime: "LogSegment.java",
    rollsForIndex: "LogSegment.java, OffsetIndex.java, TimeIndex.java",
    rollsForOffset: "LogSegment.java",
    needsIndexEntry: "LogSegment.java",
    needsTimeIndexEntry: "TimeIndex.java",
    flushesAfterAppend: "UnifiedLog.java",
    syncsDirectory: "LocalLog.java",
    recoveryPointAfterFlush: "LocalLog.java",
    consumesCleanShutdownFile: "LogManager.java",
    verifiesAtStart: "LogLoader.java",
    keepsVerified: "LogSegment.java",
    segmentFollows: "LogLoader.java",
    recoveryPointAtStart: "LogLoader.java",
    logStartAtStart: "LogLoader.java",
    startsOver: "LogLoader.java",
    highWatermarkAtStart: "Partition.scala",
    cutsRecords: "UnifiedLog.java",
    highWatermarkAfterTruncation: "UnifiedLog.java",
    recoveryPointAfterTruncation: "LocalLog.java",
    isInRange: "LocalLog.java",
    isBelowBound: "LocalLog.java",
    fitsAnswer: "KIP-74",
  };

  /** Whether a batch may get into any log, by leader or follower. */
  mayAppend(crcIsValid: boolean): boolean {
    return crcIsValid;
  }

  /** The epoch that a leader of `leaderEpoch` writes into a batch that came with epoch `given`. */
  stampedEpoch(leaderEpoch: LeaderEpoch, _given: LeaderEpoch): LeaderEpoch {
    return leaderEpoch;
  }

  /**
   * Whether a follower in `leaderEpoch` takes a replicated batch. A newer one comes from a log that
   * the follower has not compared with its own yet; it stops before it.
   */
  followerTakes(batchEpoch: LeaderEpoch, leaderEpoch: LeaderEpoch): boolean {
    return batchEpoch <= leaderEpoch;
  }

  /** Whether a replicated batch may come next; a compacted log has gaps. */
  continuesLog(baseOffset: Offset, logEndOffset: Offset): boolean {
    return baseOffset >= logEndOffset;
  }

  /** Whether the header of a producer's batch counts its records as its offsets do. */
  countIsRight(recordsCount: number, lastOffsetDelta: number): boolean {
    return recordsCount > 0 && recordsCount === lastOffsetDelta + 1;
  }

  /** Whether a producer's batch obeys a limit: max.message.bytes, or segment.bytes for any batch. */
  sizeIsAllowed(sizeBytes: number, limitBytes: number): boolean {
    return sizeBytes <= limitBytes;
  }

  /** message.timestamp.before.max.ms and .after.max.ms, for CreateTime; -1 is "none". */
  timestampIsAllowed(
    timestamp: number,
    nowMs: number,
    beforeMaxMs: number,
    afterMaxMs: number,
  ): boolean {
    if (timestamp === -1) return true;
    return nowMs - timestamp <= beforeMaxMs && timestamp - nowMs <= afterMaxMs;
  }

  /** Whether a record without a key is refused. */
  needsKeys(cleanupPolicy: string): boolean {
    return cleanupPolicy === "compact";
  }

  rollsForSize(segmentBytes: number, batchBytes: number, limitBytes: number): boolean {
    return segmentBytes > limitBytes - batchBytes;
  }

  /** `waitedMs` lies between the segment's first batch and this one (segment.ms). */
  rollsForTime(segmentBytes: number, waitedMs: number, limitMs: number): boolean {
    return segmentBytes > 0 && waitedMs > limitMs;
  }

  /** segment.index.bytes, for the offset index (8 bytes an entry) and the time index (12). */
  rollsForIndex(entryCount: number, entryBytes: number, limitBytes: number): boolean {
    return entryCount >= Math.floor(limitBytes / entryBytes);
  }

  /** Index entries hold offsets relative to the segment's base, in 31 bits. */
  rollsForOffset(lastOffset: Offset, segmentBaseOffset: Offset): boolean {
    return lastOffset - segmentBaseOffset > 0x7fffffff;
  }

  /** index.interval.bytes: whether the batch that is appended now gets an index entry. */
  needsIndexEntry(bytesSinceLastEntry: number, intervalBytes: number): boolean {
    return bytesSinceLastEntry > intervalBytes;
  }

  /** The time index holds increasing timestamps only. */
  needsTimeIndexEntry(timestamp: number, lastEntryTimestamp: number): boolean {
    return timestamp > lastEntryTimestamp;
  }

  /** flush.messages. */
  flushesAfterAppend(unflushedRecords: number, limitRecords: number): boolean {
    return unflushedRecords >= limitRecords;
  }

  /** Whether the flush of a segment must also make its file name durable: it may be new. */
  syncsDirectory(segmentBaseOffset: Offset, recoveryPoint: Offset): boolean {
    return segmentBaseOffset >= recoveryPoint;
  }

  recoveryPointAfterFlush(recoveryPoint: Offset, flushedUpTo: Offset): Offset {
    return Math.max(recoveryPoint, flushedUpTo);
  }

  /**
   * Whether the clean-shutdown file goes before any log is used. One that stays would vouch, at the
   * next start, for bytes that were written after it.
   */
  consumesCleanShutdownFile(): boolean {
    return true;
  }

  /** Whether each batch of a segment that ends at `segmentEnd` is checked when the log is opened. */
  verifiesAtStart(clean: boolean, segmentEnd: Offset, recoveryPoint: Offset): boolean {
    return !clean && segmentEnd > recoveryPoint;
  }

  /** Whether a batch stays that was checked at start; the first that does not ends the log. */
  keepsVerified(crcIsValid: boolean, baseOffset: Offset, expectedOffset: Offset): boolean {
    return crcIsValid && baseOffset >= expectedOffset;
  }

  /** Whether a segment above the recovery point goes on where the one before it ends. */
  segmentFollows(segmentBaseOffset: Offset, previousEnd: Offset): boolean {
    return segmentBaseOffset === previousEnd;
  }

  recoveryPointAtStart(clean: boolean, checkpoint: Offset, logEndOffset: Offset): Offset {
    return clean ? logEndOffset : Math.min(checkpoint, logEndOffset);
  }

  logStartAtStart(checkpoint: Offset, firstSegmentBase: Offset): Offset {
    return Math.max(checkpoint, firstSegmentBase);
  }

  /** Whether what recovery left lies wholly below the log start: it is dropped. */
  startsOver(logEndOffset: Offset, logStartCheckpoint: Offset): boolean {
    return logEndOffset < logStartCheckpoint;
  }

  /** The checkpoint may be ahead of a log that lost its tail. */
  highWatermarkAtStart(checkpoint: Offset, logStartOffset: Offset, logEndOffset: Offset): Offset {
    return Math.max(logStartOffset, Math.min(checkpoint, logEndOffset));
  }

  /** Whether truncation to `target` removes records; the epoch cache is trimmed in any case. */
  cutsRecords(target: Offset, logEndOffset: Offset): boolean {
    return target < logEndOffset;
  }

  highWatermarkAfterTruncation(highWatermark: Offset, logEndOffset: Offset): Offset {
    return Math.min(highWatermark, logEndOffset);
  }

  recoveryPointAfterTruncation(recoveryPoint: Offset, logEndOffset: Offset): Offset {
    return Math.min(recoveryPoint, logEndOffset);
  }

  /** Otherwise OFFSET_OUT_OF_RANGE. */
  isInRange(offset: Offset, logStartOffset: Offset, logEndOffset: Offset): boolean {
    return offset >= logStartOffset && offset <= logEndOffset;
  }

  /** Whether a reader that may see offsets below `upTo` gets a batch. */
  isBelowBound(lastOffset: Offset, upTo: Offset): boolean {
    return lastOffset < upTo;
  }

  /** A first batch that is larger than the answer goes out alone, or its reader would be stuck. */
  fitsAnswer(
    takenBytes: number,
    batchBytes: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): boolean {
    return takenBytes + batchBytes <= maxBytes || (atLeastOne && takenBytes === 0);
  }
}
