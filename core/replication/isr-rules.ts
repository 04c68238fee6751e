import type { BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch } from "../ids.ts";
import { Errors } from "../errors.ts";

/** What made a leader look at its high watermark again. */
export type HighWatermarkCause = "append" | "follower-end" | "isr-committed" | "elected";

/** What a leader does with a proposal that the controller refused. */
export type Refusal = "roll-back" | "wait" | "retry";

/** What a leader does: follower progress, ISR proposals, the high watermark. */
export class IsrRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    mayJoin: "Partition.scala isFollowerInSync; KAFKA-7128",
    isEligible: "Partition.scala isReplicaIsrEligible; KIP-841, KIP-903",
    isCaughtUp: "Replica.scala isCaughtUp; KIP-16",
    lastCaughtUp: "Replica.scala updateFetchStateOrThrow",
    caughtUpAtElection: "Replica.scala resetReplicaState",
    followerEndAtElection: "Replica.scala resetReplicaState",
    isStaleBrokerEpoch: "Replica.scala updateFetchStateOrThrow; KIP-903",
    maximalIsr: "PartitionState in Partition.scala; KIP-497",
    mayPropose: "Partition.scala canAddReplicaToIsr, getOutOfSyncReplicas; KIP-497",
    effectiveMinIsr: "Partition.scala effectiveMinIsr; KIP-966",
    mayAdvance: "Partition.scala maybeIncrementLeaderHW, isUnderMinIsr; KIP-966",
    countsOutsideIsr: "Partition.scala maybeIncrementLeaderHW, shouldWaitForReplicaToJoinIsr",
    highWatermark: "Partition.scala maybeIncrementLeaderHW",
    reconsiders: "Partition.scala; KAFKA-13091",
    acceptsAnswer: "Partition.scala handleAlterPartitionUpdate; KAFKA-12751",
    afterRefusal: "Partition.scala handleAlterPartitionError",
    metadataReplacesPending: "Partition.scala makeLeader, but see leader-state.ts",
  };

  /** A follower may join the ISR when it misses nothing that may have been committed. */
  mayJoin(followerEnd: Offset, highWatermark: Offset, epochStart: Offset): boolean {
    return followerEnd >= highWatermark && followerEnd >= epochStart;
  }

  /** Only a live incarnation that the controller knows may join; `fetchedAs` null: never fetched. */
  isEligible(
    isFenced: boolean,
    isShuttingDown: boolean,
    fetchedAs: BrokerEpoch | null,
    registeredAs: BrokerEpoch,
  ): boolean {
    if (isFenced || isShuttingDown || fetchedAs === null) return false;
    return fetchedAs === -1 || fetchedAs === registeredAs;
  }

  isCaughtUp(
    followerEnd: Offset,
    leaderEnd: Offset,
    nowMs: number,
    lastCaughtUpMs: number,
    maxLagMs: number,
  ): boolean {
    return followerEnd === leaderEnd || nowMs - lastCaughtUpMs <= maxLagMs;
  }

  /** When the follower last had all that the leader had, as this fetch shows. */
  lastCaughtUp(
    fetchOffset: Offset,
    leaderEnd: Offset,
    leaderEndAtLastFetch: Offset,
    nowMs: number,
    lastFetchMs: number,
    lastCaughtUpMs: number,
  ): number {
    if (fetchOffset >= leaderEnd) return Math.max(lastCaughtUpMs, nowMs);
    if (fetchOffset >= leaderEndAtLastFetch) return Math.max(lastCaughtUpMs, lastFetchMs);
    return lastCaughtUpMs;
  }

  /** Members of the ISR get the benefit of the doubt when a leadership begins. */
  caughtUpAtElection(isInIsr: boolean, nowMs: number): number {
    return isInIsr ? nowMs : -Infinity;
  }

  /** What an old leadership knew of a follower counts only if it went on without a break. */
  followerEndAtElection(knownEnd: Offset, alreadyLed: boolean): Offset {
    return alreadyLed ? knownEnd : -1;
  }

  /** A fetch of an incarnation that was replaced must not count. */
  isStaleBrokerEpoch(fetchedAs: BrokerEpoch, registeredAs: BrokerEpoch): boolean {
    return fetchedAs !== -1 && registeredAs > fetchedAs;
  }

  /** Whoever may be in the controller's ISR while a proposal is under way. */
  maximalIsr(committed: readonly NodeId[], proposed: readonly NodeId[]): readonly NodeId[] {
    return proposed.length > committed.length ? proposed : committed;
  }

  /** One proposal at a time. */
  mayPropose(isPending: boolean): boolean {
    return !isPending;
  }

  effectiveMinIsr(minIsr: number, replicationFactor: number): number {
    return Math.min(minIsr, replicationFactor);
  }

  /** Under min ISR nothing commits. `isrSize` is that of the committed ISR. */
  mayAdvance(isrSize: number, minIsr: number): boolean {
    return isrSize >= minIsr;
  }

  /** A follower about to join is waited for, or the ISR could never grow under load. */
  countsOutsideIsr(isCaughtUp: boolean, isEligible: boolean): boolean {
    return isCaughtUp && isEligible;
  }

  /** `ends`: of the leader's log first, then of each follower that counts; -1 is unknown. */
  highWatermark(ends: readonly Offset[]): Offset {
    let lowest = Infinity;
    for (const end of ends) if (end < lowest) lowest = end;
    return lowest;
  }

  reconsiders(_after: HighWatermarkCause): boolean {
    return true;
  }

  /** Is the answer about this leadership, and not older than what is known? Equal epochs commit. */
  acceptsAnswer(
    leaderEpoch: LeaderEpoch,
    partitionEpoch: PartitionEpoch,
    answerLeaderEpoch: LeaderEpoch,
    answerPartitionEpoch: PartitionEpoch,
  ): boolean {
    return answerLeaderEpoch === leaderEpoch && answerPartitionEpoch >= partitionEpoch;
  }

  afterRefusal(error: number): Refusal {
    switch (error) {
      case Errors.OPERATION_NOT_ATTEMPTED:
      case Errors.INELIGIBLE_REPLICA:
        return "roll-back";
      case Errors.UNKNOWN_TOPIC_OR_PARTITION:
      case Errors.UNKNOWN_TOPIC_ID:
      case Errors.FENCED_LEADER_EPOCH:
      case Errors.INVALID_UPDATE_VERSION:
      case Errors.INVALID_REQUEST:
      case Errors.NEW_LEADER_ELECTED:
        return "wait";
      default:
        return "retry";
    }
  }

  /** Metadata that tells nothing new must not make the leader forget what it proposed. */
  metadataReplacesPending(known: PartitionEpoch, given: PartitionEpoch): boolean {
    return given > known;
  }
}
