import type { Offset, Sequence } from "../ids.ts";
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";

const BATCH_FILE = "ProducerBatch.java";
const ACCUMULATOR = "RecordAccumulator.java";
const SENDER = "Sender.java";
const IDEMPOTENCE = "TransactionManager.java";

/** Sequences go from 0 to 2^31 - 1 and begin again at 0 (DefaultRecordBatch.incrementSequence). */
const SEQUENCES = 0x80000000;

/** Errors after which the same batch may be sent again (RetriableException and its subclasses). */
export const retriable: ReadonlySet<number> = new Set<ErrorCode>([
  Errors.CORRUPT_MESSAGE,
  Errors.UNKNOWN_TOPIC_OR_PARTITION,
  Errors.LEADER_NOT_AVAILABLE,
  Errors.NOT_LEADER_OR_FOLLOWER,
  Errors.REQUEST_TIMED_OUT,
  Errors.REPLICA_NOT_AVAILABLE,
  Errors.NETWORK_EXCEPTION,
  Errors.NOT_ENOUGH_REPLICAS,
  Errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  Errors.NOT_CONTROLLER,
  Errors.KAFKA_STORAGE_ERROR,
  Errors.FENCED_LEADER_EPOCH,
  Errors.UNKNOWN_LEADER_EPOCH,
  Errors.OFFSET_NOT_AVAILABLE,
  Errors.UNKNOWN_TOPIC_ID,
  Errors.INCONSISTENT_TOPIC_ID,
]);

/** Errors that say that the client's view of the cluster is wrong (InvalidMetadataException). */
const invalidMetadata: ReadonlySet<number> = new Set<ErrorCode>([
  Errors.UNKNOWN_TOPIC_OR_PARTITION,
  Errors.LEADER_NOT_AVAILABLE,
  Errors.NOT_LEADER_OR_FOLLOWER,
  Errors.REPLICA_NOT_AVAILABLE,
  Errors.NETWORK_EXCEPTION,
  Errors.KAFKA_STORAGE_ERROR,
  Errors.FENCED_LEADER_EPOCH,
  Errors.UNKNOWN_TOPIC_ID,
  Errors.INCONSISTENT_TOPIC_ID,
]);

/** The producer (Sender.java, TransactionManager.java, RecordAccumulator.java). */
export class ProducerRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    partitionOfHash: "BuiltInPartitioner.java partitionForKey",
    roundRobinIndex: "RoundRobinPartitioner.java",
    switchesPartition: "KIP-794, BuiltInPartitioner.java",
    partitionWeight: "KIP-794, BuiltInPartitioner.java",
    isAvailable: "KIP-794, " + ACCUMULATOR,
    isSendable: ACCUMULATOR,
    mustBackOff: "KIP-580, " + ACCUMULATOR,
    leaderChangedSinceAttempt: BATCH_FILE,
    hasExpired: "KIP-91, " + BATCH_FILE,
    mutesWhileInFlight: SENDER,
    mayDrainNew: ACCUMULATOR,
    mayDrainRetry: ACCUMULATOR,
    retryPosition: ACCUMULATOR,
    nextSequence: "DefaultRecordBatch.java",
    isNextSequence: IDEMPOTENCE,
    isRetriable: SENDER,
    mayRetry: "KIP-91, " + SENDER,
    afterOutOfOrder: IDEMPOTENCE,
    bumpsOnUnknownProducer: "KIP-360, " + IDEMPOTENCE,
    isSuccess: SENDER,
    splits: "KIP-126, " + SENDER,
    splitTargetBytes: "KIP-126, " + ACCUMULATOR,
    bumpsOnFailure: "KIP-360, " + IDEMPOTENCE,
    leavesSequenceUnresolved: "KAFKA-5494, " + SENDER,
    sequenceAfterExpiry: "KAFKA-5494, " + IDEMPOTENCE,
    resolvesWithoutBump: IDEMPOTENCE,
    rewritesOnBump: "KIP-360, " + IDEMPOTENCE,
    refreshesMetadata: SENDER,
  };

  // ---- partitions -----------------------------------------------------------------------------

  /** Partition of a keyed record; over all partitions, with a leader or not, so that keys stay. */
  partitionOfHash(hash: number, partitionCount: number): number {
    return (hash & 0x7fffffff) % partitionCount;
  }

  /** Which of `count` candidates the n-th record of a topic goes to; n counts from 0. */
  roundRobinIndex(n: number, count: number): number {
    return n % count;
  }

  /** Whether unkeyed records go elsewhere from here on, after so many bytes to one partition. */
  switchesPartition(producedBytes: number, batchSize: number, allBatchesFull: boolean): boolean {
    return (producedBytes >= batchSize && allBatchesFull) || producedBytes >= 2 * batchSize;
  }

  /** How often a partition is chosen, in proportion: the shorter its queue, the more often. */
  partitionWeight(longestQueue: number, queue: number): number {
    return longestQueue + 1 - queue;
  }

  /** Whether a broker that could not take data for `waitedMs` still counts as available. */
  isAvailable(waitedMs: number, availabilityTimeoutMs: number): boolean {
    return availabilityTimeoutMs === 0 || waitedMs <= availabilityTimeoutMs;
  }

  // ---- when a batch may leave -----------------------------------------------------------------

  /** Whether a batch that is not backing off is due. `isHurried`: flush, close or no memory left. */
  isSendable(isFull: boolean, waitedMs: number, lingerMs: number, isHurried: boolean): boolean {
    return isFull || waitedMs >= lingerMs || isHurried;
  }

  mustBackOff(nowMs: number, retryAtMs: number, leaderChanged: boolean): boolean {
    return nowMs < retryAtMs && !leaderChanged;
  }

  /** Whether a newer leader epoch became known after the last attempt ended. */
  leaderChangedSinceAttempt(attempts: number, attemptsAtLeaderChange: number): boolean {
    return attempts > 0 && attempts === attemptsAtLeaderChange;
  }

  /** delivery.timeout.ms counts from the making of the batch, in the queue and in flight. */
  hasExpired(nowMs: number, createdMs: number, deliveryTimeoutMs: number): boolean {
    return nowMs - createdMs >= deliveryTimeoutMs;
  }

  /** With one request in flight, a partition sends nothing until its batch is answered. */
  mutesWhileInFlight(maxInFlight: number): boolean {
    return maxInFlight === 1;
  }

  /** Whether a batch without sequence may be given one now. */
  mayDrainNew(hasInFlight: boolean, hasOtherEpoch: boolean, isUnresolved: boolean): boolean {
    return !(hasInFlight && hasOtherEpoch) && !isUnresolved;
  }

  /** Whether a batch with a sequence may be sent again now: only the oldest one in doubt. */
  mayDrainRetry(firstInFlight: Sequence, sequence: Sequence): boolean {
    return firstInFlight < 0 || sequence === firstInFlight;
  }

  /**
   * Where in the queue a batch to be retried goes. `queued` are the base sequences of the batches in
   * the queue, -1 for those that never left. Without idempotence it goes to the front.
   */
  retryPosition(queued: readonly Sequence[], sequence: Sequence): number {
    if (sequence < 0) return 0;
    let position = 0;
    while (position < queued.length && isEarlier(queued[position] as Sequence, sequence)) {
      position += 1;
    }
    return position;
  }

  // ---- sequences and epochs -------------------------------------------------------------------

  nextSequence(sequence: Sequence, count: number): Sequence {
    return (sequence + count) % SEQUENCES;
  }

  /** Whether `sequence` follows the last acknowledged one (-1: none yet). */
  isNextSequence(lastAcked: Sequence, sequence: Sequence): boolean {
    return (lastAcked + 1) % SEQUENCES === sequence;
  }

  isRetriable(error: number): boolean {
    return retriable.has(error);
  }

  /** Whether a batch has an attempt left. */
  mayRetry(attempts: number, retries: number, hasExpired: boolean): boolean {
    return !hasExpired && attempts < retries;
  }

  /**
   * What to do with a batch that the broker refused as out of order. It is not the next one, or was
   * rewritten meanwhile: an earlier one is missing, so it waits. It is: the broker has a gap, and only
   * a new epoch helps; but behind an expired batch only when it directly follows that one.
   */
  afterOutOfOrder(
    isUnresolved: boolean,
    wasRewritten: boolean,
    isNext: boolean,
    followsUnresolved: boolean,
  ): "retry" | "bump-and-retry" {
    if (!isUnresolved) return wasRewritten || !isNext ? "retry" : "bump-and-retry";
    return followsUnresolved ? "bump-and-retry" : "retry";
  }

  /** UNKNOWN_PRODUCER_ID is always retried; under a new epoch unless that was done already. */
  bumpsOnUnknownProducer(logStartOffset: Offset, wasRewritten: boolean): boolean {
    return logStartOffset !== -1 && !wasRewritten;
  }

  /** Too old a duplicate to know its offset: the records are in the log. */
  isSuccess(error: number): boolean {
    return error === Errors.NONE || error === Errors.DUPLICATE_SEQUENCE_NUMBER;
  }

  splits(error: number, recordCount: number): boolean {
    return error === Errors.MESSAGE_TOO_LARGE && recordCount > 1;
  }

  /** The size of the parts of a batch that was too large: batch.size, later half of what it was. */
  splitTargetBytes(
    batchSize: number,
    isPart: boolean,
    sizeBytes: number,
    largestRecordBytes: number,
  ): number {
    return isPart ? Math.max(largestRecordBytes, Math.floor(sizeBytes / 2)) : batchSize;
  }

  /** A batch that failed for good leaves a gap. After the last attempt nothing is known for sure. */
  bumpsOnFailure(attempts: number, retries: number): boolean {
    return attempts < retries;
  }

  /** Whether new batches must wait until it is clear what became of an expired one. */
  leavesSequenceUnresolved(wasRequeued: boolean): boolean {
    return wasRequeued;
  }

  /** The next sequence of a partition after a batch that has one expired: its own stays used. */
  sequenceAfterExpiry(next: Sequence, _expiredBase: Sequence, _count: number): Sequence {
    return next;
  }

  /** With nothing in flight any more: batches after the expired one were acknowledged. */
  resolvesWithoutBump(lastAcked: Sequence, next: Sequence): boolean {
    return this.isNextSequence(lastAcked, next);
  }

  /** Whether a bump gives new sequences to a partition's batches: only if it asked for the bump. */
  rewritesOnBump(asked: boolean): boolean {
    return asked;
  }

  refreshesMetadata(error: number): boolean {
    return invalidMetadata.has(error);
  }
}

/** Of two sequences in use at the same time, across the wrap; -1 is never earlier. */
function isEarlier(a: Sequence, b: Sequence): boolean {
  if (a < 0) return false;
  const distance = (b - a + SEQUENCES) % SEQUENCES;
  return distance > 0 && distance < SEQUENCES / 2;
}
