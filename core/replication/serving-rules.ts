import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { LeaderEpoch, Offset } from "../ids.ts";

export type Reader = "client" | "follower";

/** What clients are told: when a produce is acknowledged, how far a fetch may read. */
export class ServingRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    leaderEpochError: "Partition.scala checkCurrentLeaderEpoch; KIP-320",
    acksAreValid: "ReplicaManager.scala isValidRequiredAcks",
    mayProduceTo: "ReplicaManager.scala appendToLocalLog, KafkaApis.scala handleProduceRequest",
    hasEnoughReplicas: "Partition.scala appendRecordsToLeader, checkEnoughReplicasReachOffset",
    isReplicated: "Partition.scala checkEnoughReplicasReachOffset",
    failsWaitingProduces: "ReplicaManager.scala completeDelayedOperationsWhenNotPartitionLeader",
    readLimit: "Partition.scala readRecords, UnifiedLog.fetchHighWatermark; KIP-98",
    diverges: "Partition.scala readRecords; KIP-595",
    isInRange: "UnifiedLog.read in LocalLog.java",
    latestIsKnown: "Partition.scala fetchOffsetForTimestamp; KIP-207",
    answersAtOnce: "ReplicaManager.scala fetchMessages",
    endsWaitAtRoll: "DelayedFetch.java tryComplete",
    includesInIncremental: "FetchSession.scala maybeUpdateResponseData; KIP-227",
    sessionError: "FetchManager in FetchSession.scala; KIP-227",
  };

  /** NONE, or how a request of another leader epoch is refused. -1 asks for no check. */
  leaderEpochError(requested: LeaderEpoch, current: LeaderEpoch, _reader: Reader): ErrorCode {
    if (requested < 0 || requested === current) return Errors.NONE;
    return requested < current ? Errors.FENCED_LEADER_EPOCH : Errors.UNKNOWN_LEADER_EPOCH;
  }

  acksAreValid(acks: number): boolean {
    return acks === -1 || acks === 0 || acks === 1;
  }

  /** What coordinators keep is theirs; Kafka lets its own admin client in by its id. */
  mayProduceTo(isInternalTopic: boolean, clientId: string): boolean {
    return !isInternalTopic || clientId === "__admin_client";
  }

  /** acks=all: asked of the committed ISR before the append, of the maximal ISR before the ack. */
  hasEnoughReplicas(isrSize: number, minIsr: number): boolean {
    return isrSize >= minIsr;
  }

  /** acks=all: all of the ISR has everything below `requiredOffset`. */
  isReplicated(requiredOffset: Offset, highWatermark: Offset): boolean {
    return highWatermark >= requiredOffset;
  }

  /** Once a leader follows, what waits on it must not be acknowledged by another's records. */
  failsWaitingProduces(isLeader: boolean): boolean {
    return !isLeader;
  }

  /** One past the last offset that may be given out. */
  readLimit(reader: Reader, endOffset: Offset, highWatermark: Offset): Offset {
    return reader === "follower" ? endOffset : highWatermark;
  }

  /** Does the fetcher's log part from ours at or before its end? `found`: ours for its last epoch. */
  diverges(
    lastFetchedEpoch: LeaderEpoch,
    fetchOffset: Offset,
    foundEpoch: LeaderEpoch,
    foundEnd: Offset,
  ): boolean {
    return foundEpoch < lastFetchedEpoch || foundEnd < fetchOffset;
  }

  isInRange(fetchOffset: Offset, logStart: Offset, logEnd: Offset): boolean {
    return fetchOffset >= logStart && fetchOffset <= logEnd;
  }

  /** A new leader's high watermark may lag behind what clients have seen. */
  latestIsKnown(highWatermark: Offset, epochStart: Offset): boolean {
    return highWatermark >= epochStart;
  }

  answersAtOnce(
    maxWaitMs: number,
    partitions: number,
    readableBytes: number,
    minBytes: number,
    hasNews: boolean,
  ): boolean {
    return maxWaitMs <= 0 || partitions === 0 || readableBytes >= minBytes || hasNews;
  }

  /** A fetch behind the newest segment that it may read waits for no more bytes. */
  endsWaitAtRoll(segmentOfFetch: Offset, segmentOfLimit: Offset): boolean {
    return segmentOfFetch < segmentOfLimit;
  }

  /** Within a session a partition is told of only when there is something to tell. */
  includesInIncremental(
    hasRecords: boolean,
    isErrorOrDiverging: boolean,
    highWatermark: Offset,
    toldHighWatermark: Offset,
    logStart: Offset,
    toldLogStart: Offset,
  ): boolean {
    if (hasRecords || isErrorOrDiverging) return true;
    return highWatermark !== toldHighWatermark || logStart !== toldLogStart;
  }

  sessionError(isKnown: boolean, expectedEpoch: number, givenEpoch: number): ErrorCode {
    if (!isKnown) return Errors.FETCH_SESSION_ID_NOT_FOUND;
    return expectedEpoch === givenEpoch ? Errors.NONE : Errors.INVALID_FETCH_SESSION_EPOCH;
  }
}
