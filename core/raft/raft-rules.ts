import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";

/** The replicated metadata log (KafkaRaftClient.java, LeaderState.java). */
export class RaftRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    candidateEpoch: "KIP-595; QuorumState.java",
    isElected: "KIP-595; CandidateState.java",
    mustPersistVote: "KIP-595; QuorumState.java",
    leaderCounts: "KIP-595; KafkaRaftClient.java",
    committedIndex: "KIP-595; LeaderState.java",
    mayAdvance: "KIP-595; LeaderState.java",
    observerHighWatermark: "KIP-595; KafkaRaftClient.java",
    mayHandOut: "KIP-595; KafkaRaftClient.java",
    mayAppend: "KIP-595; BatchAccumulator.java",
    mayActivate: "KIP-631; KafkaRaftClient.java",
    mayReply: "KIP-631; DeferredEventQueue.java",
    fetchError: "KIP-595; KafkaRaftClient.java",
    diverges: "KIP-595; ReplicatedLog.java",
    followsHint: "KIP-595; KafkaRaftClient.java",
    truncationOffset: "KIP-595; ReplicatedLog.java",
    mayTruncateTo: "KIP-595; KafkaMetadataLog.scala",
  };

  /** The epoch that a voter stands for election in; never one that its disk has seen before. */
  candidateEpoch(storedEpoch: LeaderEpoch, logEpoch: LeaderEpoch): LeaderEpoch {
    return Math.max(storedEpoch, logEpoch) + 1;
  }

  /** A candidate wins by the votes of more than half of the voters. */
  isElected(votes: number, voters: number): boolean {
    return votes > Math.floor(voters / 2);
  }

  /** A vote is on disk before anybody may count it. */
  mustPersistVote(): boolean {
    return true;
  }

  /** What the leader counts of its own log: only what survives a loss of power. */
  leaderCounts(flushedEnd: Offset, _end: Offset): Offset {
    return flushedEnd;
  }

  /** Index of the committed offset among the voters' log ends in descending order. */
  committedIndex(voters: number): number {
    return Math.floor(voters / 2);
  }

  /** Only a record of the leader's own epoch commits what came before it; nothing un-commits. */
  mayAdvance(candidate: Offset, highWatermark: Offset, epochStart: Offset): boolean {
    return candidate > epochStart && candidate > highWatermark;
  }

  /** What a follower or an observer may take for committed: no more than it holds. */
  observerHighWatermark(told: Offset, ownEnd: Offset): Offset {
    return Math.min(told, ownEnd);
  }

  /** A record goes to the state machines of a node only once it is committed. */
  mayHandOut(lastOffset: Offset, highWatermark: Offset): boolean {
    return lastOffset < highWatermark;
  }

  /** Records that were decided in one epoch are never written in another. */
  mayAppend(decidedIn: LeaderEpoch, epoch: LeaderEpoch): boolean {
    return decidedIn === epoch;
  }

  /** A new leader acts only after it has replayed all that its predecessors committed. */
  mayActivate(nextOffset: Offset, epochStart: Offset): boolean {
    return nextOffset > epochStart;
  }

  /** A request is answered once all records that it wrote, or saw, are committed. */
  mayReply(lastOffset: Offset, highWatermark: Offset): boolean {
    return lastOffset < highWatermark;
  }

  /** What a fetch of the metadata log is refused with; NONE when it is served. */
  fetchError(requestEpoch: LeaderEpoch, epoch: LeaderEpoch, isLeader: boolean): ErrorCode {
    if (requestEpoch < epoch) return Errors.FENCED_LEADER_EPOCH;
    if (requestEpoch > epoch) return Errors.UNKNOWN_LEADER_EPOCH;
    return isLeader ? Errors.NONE : Errors.NOT_LEADER_OR_FOLLOWER;
  }

  /** The fetcher's log holds something after its last epoch that the leader's log does not. */
  diverges(
    fetchOffset: Offset,
    lastFetchedEpoch: LeaderEpoch,
    foundEpoch: LeaderEpoch,
    foundEnd: Offset,
  ): boolean {
    return foundEpoch < lastFetchedEpoch || foundEnd < fetchOffset;
  }

  /** Whether news of a leader is newer than what this node knows. */
  followsHint(
    toldEpoch: LeaderEpoch,
    toldLeader: NodeId,
    epoch: LeaderEpoch,
    leader: NodeId,
  ): boolean {
    return toldEpoch > epoch || (toldEpoch === epoch && leader < 0 && toldLeader >= 0);
  }

  /** Where to cut a log that diverges: `own` is the end here of the epoch that both may have. */
  truncationOffset(divergingEnd: Offset, ownEpochEnd: Offset, ownEnd: Offset): Offset {
    return Math.min(divergingEnd, ownEpochEnd, ownEnd);
  }

  /** Committed metadata is never cut: a node that would have to halts instead. */
  mayTruncateTo(offset: Offset, highWatermark: Offset): boolean {
    return offset >= highWatermark;
  }
}
