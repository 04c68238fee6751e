import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import { Errors } from "../errors.ts";

const COLLECTOR = "FetchCollector.java";
const VALIDATION = "KIP-320, SubscriptionState.java";

/** What an answer to "where did that epoch end?" says about a position. */
export type Validation = "valid" | "truncated" | "undefined";

/** The consumer (FetchCollector.java, OffsetsForLeaderEpochUtils.java, SubscriptionState.java). */
export class ConsumerRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    keepsData: COLLECTOR,
    returnsRecord: "CompletedFetch.java",
    nextPosition: "CompletedFetch.java",
    positionEpoch: "KIP-320, CompletedFetch.java",
    checksCrc: "CompletedFetch.java",
    requestedEpoch: "KIP-320, AbstractFetch.java",
    needsValidation: VALIDATION,
    validation: VALIDATION,
    truncatedPosition: VALIDATION,
    acceptsAnswer: VALIDATION,
    mayReset: COLLECTOR,
    refreshesMetadata: COLLECTOR,
    isRetriable: "OffsetFetcherUtils.java",
    fetchesBehindBuffered: "AbstractFetch.java",
    nextSessionEpoch: "KIP-227, FetchMetadata.java",
    keepsSessionId: "KIP-227, FetchSessionHandler.java",
  };

  /** Whether fetched data is for where the consumer still is: a seek may have come between. */
  keepsData(fetchOffset: Offset, position: Offset): boolean {
    return fetchOffset === position;
  }

  /** A batch is fetched whole: what lies before the position in it is skipped. */
  returnsRecord(recordOffset: Offset, position: Offset): boolean {
    return recordOffset >= position;
  }

  /**
   * The position after all records up to `lastOffset` were taken; at the end of a batch it is that of
   * the batch, past what compaction removed and past control records.
   */
  nextPosition(lastOffset: Offset, batchEnd: Offset, batchIsDone: boolean): Offset {
    return batchIsDone ? batchEnd : lastOffset + 1;
  }

  /** The epoch that a position behind a record of that batch carries. */
  positionEpoch(batchEpoch: LeaderEpoch): LeaderEpoch {
    return batchEpoch;
  }

  checksCrc(setting: boolean): boolean {
    return setting;
  }

  /** The leader epoch that a request tells the broker, so that a stale one refuses it. */
  requestedEpoch(known: LeaderEpoch): LeaderEpoch {
    return known;
  }

  /**
   * Whether a position must be checked before more is fetched: another leader, or epoch, may have a
   * log that parted from what was read. A position without epoch (a seek, a reset) has no history.
   */
  needsValidation(
    positionEpoch: LeaderEpoch,
    leader: NodeId,
    leaderEpoch: LeaderEpoch,
    newLeader: NodeId,
    newLeaderEpoch: LeaderEpoch,
  ): boolean {
    const hasChanged = leader !== newLeader || leaderEpoch !== newLeaderEpoch;
    return hasChanged && positionEpoch >= 0 && newLeaderEpoch >= 0;
  }

  /** What the end of the position's epoch at the leader (-1: no common epoch) means for it. */
  validation(position: Offset, epoch: LeaderEpoch, endOffset: Offset): Validation {
    if (epoch < 0 || endOffset < 0) return "undefined";
    return endOffset < position ? "truncated" : "valid";
  }

  /** Where to go on when the log was truncated below the position. */
  truncatedPosition(endOffset: Offset): Offset {
    return endOffset;
  }

  /** Whether an answer about a position is used: only if the position is the same as when asked. */
  acceptsAnswer(
    askedOffset: Offset,
    askedEpoch: LeaderEpoch,
    now: Offset,
    nowEpoch: LeaderEpoch,
  ): boolean {
    return askedOffset === now && askedEpoch === nowEpoch;
  }

  /** Whether a fetch error makes the position invalid: only this one, and only for this position. */
  mayReset(error: number, fetchOffset: Offset, position: Offset): boolean {
    return error === Errors.OFFSET_OUT_OF_RANGE && fetchOffset === position;
  }

  /** Whether a fetch error says that the view of the cluster is wrong. */
  refreshesMetadata(error: number): boolean {
    return (
      error === Errors.NOT_LEADER_OR_FOLLOWER ||
      error === Errors.FENCED_LEADER_EPOCH ||
      error === Errors.REPLICA_NOT_AVAILABLE ||
      error === Errors.KAFKA_STORAGE_ERROR ||
      error === Errors.OFFSET_NOT_AVAILABLE ||
      error === Errors.UNKNOWN_TOPIC_OR_PARTITION ||
      error === Errors.UNKNOWN_TOPIC_ID ||
      error === Errors.INCONSISTENT_TOPIC_ID
    );
  }

  /** Whether a look-up of offsets or epochs that failed so is tried again. */
  isRetriable(error: number): boolean {
    return (
      this.refreshesMetadata(error) ||
      error === Errors.UNKNOWN_LEADER_EPOCH ||
      error === Errors.LEADER_NOT_AVAILABLE ||
      error === Errors.REQUEST_TIMED_OUT ||
      error === Errors.NETWORK_EXCEPTION
    );
  }

  /** Whether a broker is asked for more while data that it sent was not taken yet. */
  fetchesBehindBuffered(bufferedPartitions: number): boolean {
    return bufferedPartitions === 0;
  }

  /** The epoch of the next request of a fetch session; 0 would open a new one. */
  nextSessionEpoch(epoch: number): number {
    return epoch >= 2147483647 ? 1 : epoch + 1;
  }

  /** Whether a session that failed so is named in the next request, to close it there. */
  keepsSessionId(error: number): boolean {
    return error !== Errors.FETCH_SESSION_ID_NOT_FOUND;
  }
}
