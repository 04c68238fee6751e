import { Errors } from "../errors.ts";
import type { BrokerEpoch, LeaderEpoch, Offset, PartitionEpoch } from "../ids.ts";

/** What a follower does with a partition whose log refused what its leader sent. */
export type AppendErrorAction = "back-off" | "failed";

/** What a follower does with a partition for which its leader answered an error. */
export type FetchErrorAction = "out-of-range" | "fenced" | "back-off";

/** What a follower does: fetching, diverging, truncating, its high watermark. */
export class ReplicaRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    acceptsRegistration: "Partition.scala makeLeader, makeFollower; KIP-497",
    isNewLeadership: "Partition.scala makeLeader, makeFollower",
    startOffset: "ReplicaManager.scala initialFetchOffset; KIP-101",
    answerApplies: "AbstractFetcherThread.scala processFetchRequest",
    takesHighWatermark: "AbstractFetcherThread.scala processFetchRequest; KAFKA-14704",
    highWatermark: "UnifiedLog.maybeUpdateHighWatermark; ReplicaFetcherThread.scala",
    truncationOffset: "AbstractFetcherThread.scala getOffsetTruncationState; KIP-279",
    truncatesToLeaderEnd: "AbstractFetcherThread.scala fetchOffsetAndTruncate",
    startsOver: "AbstractFetcherThread.scala fetchOffsetAndTruncate",
    afterFetchError: "AbstractFetcherThread.scala processFetchRequest",
    afterAppendError: "AbstractFetcherThread.scala processFetchRequest",
    mayFetch: "KIP-903, but see replica-fetcher.ts",
    leavesFetcherWhenFenced: "AbstractFetcherThread.scala onPartitionFenced; KIP-320",
    stopsFetching: "ReplicaManager.scala applyLocalFollowersDelta",
  };

  /** Partition epochs only grow; an equal one is the answer to our own proposal, seen again. */
  acceptsRegistration(known: PartitionEpoch, given: PartitionEpoch): boolean {
    return given >= known;
  }

  isNewLeadership(known: LeaderEpoch, given: LeaderEpoch): boolean {
    return given > known;
  }

  /**
   * Where a follower begins to fetch: at the end of its log, whose tail the leader will compare by
   * epochs. A log without any epoch falls back to its high watermark.
   */
  startOffset(endOffset: Offset, highWatermark: Offset, latestEpoch: LeaderEpoch): Offset {
    return latestEpoch >= 0 ? endOffset : highWatermark;
  }

  /** Only a registered process can say which incarnation of its broker fetches. */
  mayFetch(brokerEpoch: BrokerEpoch): boolean {
    return brokerEpoch >= 0;
  }

  /** An answer counts only for the very question that is still open. */
  answerApplies(
    askedOffset: Offset,
    askedEpoch: LeaderEpoch,
    fetchOffset: Offset,
    leaderEpoch: LeaderEpoch,
  ): boolean {
    return askedOffset === fetchOffset && askedEpoch === leaderEpoch;
  }

  /** A diverging answer says where to cut and nothing else. */
  takesHighWatermark(isDiverging: boolean): boolean {
    return !isDiverging;
  }

  highWatermark(leaderHighWatermark: Offset, logStart: Offset, logEnd: Offset): Offset {
    return Math.max(logStart, Math.min(leaderHighWatermark, logEnd));
  }

  /**
   * Where to cut, when the leader's log ends `leaderEpoch` at `leaderEnd`. `localEpoch`, `localEnd`:
   * our largest epoch at or below that one and its end (-1: we know none).
   */
  truncationOffset(
    leaderEpoch: LeaderEpoch,
    leaderEnd: Offset,
    localEpoch: LeaderEpoch,
    localEnd: Offset,
    logEnd: Offset,
  ): Offset {
    if (localEpoch < 0) return Math.min(leaderEnd, logEnd);
    if (localEpoch === leaderEpoch) return Math.min(localEnd, leaderEnd, logEnd);
    // We do not know that epoch: cut what cannot match and ask again.
    return Math.min(localEnd, logEnd);
  }

  /** After OFFSET_OUT_OF_RANGE: we are ahead of the leader (an unclean election). */
  truncatesToLeaderEnd(leaderEnd: Offset, logEnd: Offset): boolean {
    return leaderEnd < logEnd;
  }

  /** After OFFSET_OUT_OF_RANGE: the leader's log starts beyond our end. */
  startsOver(leaderStart: Offset, logEnd: Offset): boolean {
    return leaderStart > logEnd;
  }

  afterFetchError(error: number): FetchErrorAction {
    switch (error) {
      case Errors.OFFSET_OUT_OF_RANGE:
        return "out-of-range";
      case Errors.FENCED_LEADER_EPOCH:
        return "fenced";
      default:
        return "back-off";
    }
  }

  /** Damage may have come on the way; for the rest somebody has to look at the partition. */
  afterAppendError(error: number): AppendErrorAction {
    return error === Errors.CORRUPT_MESSAGE || error === Errors.INVALID_RECORD
      ? "back-off"
      : "failed";
  }

  /** Fenced at our current epoch: only news from the controller helps. */
  leavesFetcherWhenFenced(askedEpoch: LeaderEpoch, leaderEpoch: LeaderEpoch): boolean {
    return askedEpoch === leaderEpoch;
  }

  /** During controlled shutdown a replica that counts for nothing any more stops fetching. */
  stopsFetching(isShuttingDown: boolean, hasLeader: boolean, isInIsr: boolean): boolean {
    return isShuttingDown && (!hasLeader || !isInIsr);
  }
}
