import type { LeaderEpoch, Offset } from "../ids.ts";

/** The leader epoch cache (LeaderEpochFileCache.java): KIP-101, KIP-279, KIP-320. */
export class EpochRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    isNews: "LeaderEpochFileCache.java",
    removedByAssignment: "LeaderEpochFileCache.java",
    removedByTruncation: "LeaderEpochFileCache.java",
    startAfterPrefix: "LeaderEpochFileCache.java",
    learnsAtRecovery: "LogSegment.java",
    assignmentIsWritten: "LeaderEpochFileCache.java",
    knows: "KIP-101",
    answeredEpoch: "KIP-279",
    answeredEnd: "KIP-101",
  };

  /** Whether (epoch, start) changes a cache that ends with the given entry (-1, -1 when empty). */
  isNews(
    latestEpoch: LeaderEpoch,
    latestStart: Offset,
    epoch: LeaderEpoch,
    start: Offset,
  ): boolean {
    return epoch !== latestEpoch || start < latestStart;
  }

  /** Whether an entry contradicts the newly assigned one: both columns must increase. */
  removedByAssignment(
    entryEpoch: LeaderEpoch,
    entryStart: Offset,
    epoch: LeaderEpoch,
    start: Offset,
  ): boolean {
    return entryEpoch >= epoch || entryStart >= start;
  }

  /**
   * Whether an entry goes when a log is cut to `target`, or was asked to be: also one without data
   * at the end of a log that is no longer than `target`.
   */
  removedByTruncation(entryStart: Offset, target: Offset): boolean {
    return entryStart >= target;
  }

  /** Where an entry begins that holds the log start. */
  startAfterPrefix(entryStart: Offset, logStartOffset: Offset): Offset {
    return Math.max(entryStart, logStartOffset);
  }

  /** Whether recovery adds the epoch of a batch that it verified. */
  learnsAtRecovery(batchEpoch: LeaderEpoch, latestEpoch: LeaderEpoch): boolean {
    return batchEpoch >= 0 && batchEpoch > latestEpoch;
  }

  /**
   * Whether an assignment is on disk before anything is done in the new epoch. Otherwise it waits
   * for the next write of the cache.
   */
  assignmentIsWritten(): boolean {
    return true;
  }

  /** Whether the end offset of an epoch can be told. */
  knows(requested: LeaderEpoch, latestEpoch: LeaderEpoch): boolean {
    return requested >= 0 && requested <= latestEpoch;
  }

  /** The epoch to answer for: the largest one that is no larger; the requested one without any. */
  answeredEpoch(requested: LeaderEpoch, floorEpoch: LeaderEpoch): LeaderEpoch {
    return floorEpoch < 0 ? requested : floorEpoch;
  }

  /** Where that epoch ends: where the next one begins, or with the log. */
  answeredEnd(
    requested: LeaderEpoch,
    latestEpoch: LeaderEpoch,
    nextEpochStart: Offset,
    logEndOffset: Offset,
    _highWatermark: Offset,
  ): Offset {
    return requested === latestEpoch ? logEndOffset : nextEpochStart;
  }
}
