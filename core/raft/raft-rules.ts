import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { RaftStateName } from "./raft-facts.ts";
import type { LeaderEpoch, NodeId, Offset, Uuid } from "../ids.ts";

/** The replicated metadata log (KafkaRaftClient.java, LeaderState.java). */
export class RaftRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    candidateEpoch: "KIP-595; QuorumState.java",
    isElected: "KIP-595; EpochElection.java",
    isRejected: "KIP-595; EpochElection.java",
    mustPersistVote: "KIP-595; QuorumState.java",
    asksBeforeStanding: "KIP-996; QuorumState.java",
    voteError: "KIP-595; KafkaRaftClient.java",
    isUpToDate: "KIP-595; OffsetAndEpoch.java",
    mayGrantVote: "KIP-996; EpochState.java",
    isSameVoter: "KIP-853; ReplicaKey.java",
    stateAtStart: "KIP-595; QuorumState.java",
    electionTimeoutMs: "KIP-595; QuorumState.java",
    successorBackoffMs: "KIP-595; RaftUtil.java",
    heedsAnswer: "KIP-595; KafkaRaftClient.java",
    needsBeginQuorumEpoch: "KIP-853; LeaderState.java",
    hasMajorityFetched: "KAFKA-15489; LeaderState.java",
    hasLostQuorum: "KAFKA-15489; LeaderState.java",
    flushesBeforeFetch: "KIP-595; KafkaRaftClient.java",
    leaderCounts: "KIP-595; KafkaRaftClient.java",
    committedIndex: "KIP-595; LeaderState.java",
    mayAdvance: "KIP-595; LeaderState.java",
    observerHighWatermark: "KIP-595; KafkaRaftClient.java",
    mayHandOut: "KIP-595; KafkaRaftClient.java",
    mayAppend: "KIP-595; BatchAccumulator.java",
    mayActivate: "KIP-631; KafkaRaftClient.java",
    mayReply: "KIP-631; DeferredEventQueue.java",
    fetchError: "KIP-595; KafkaRaftClient.java",
    needsSnapshot: "KIP-630; RaftLog.java",
    diverges: "KIP-595; RaftLog.java",
    followsHint: "KIP-595; KafkaRaftClient.java",
    truncationOffset: "KIP-595; RaftLog.java",
    mayTruncateTo: "KIP-595; KafkaRaftLog.java",
    snapshotReplacesLog: "KIP-630; KafkaRaftLog.java",
    mustSnapshot: "KIP-876; SnapshotGenerator.java",
    mustSyncSnapshot: "KIP-630; FileRawSnapshotWriter.java",
    dropsForSize: "KIP-630; KafkaRaftLog.java",
    dropsForAge: "KIP-630; KafkaRaftLog.java",
    snapshotPieceError: "KIP-630; KafkaRaftClient.java",
  };

  // ---- elections --------------------------------------------------------------------------------

  /** The epoch that a voter stands for election in; never one that its disk has seen before. */
  candidateEpoch(storedEpoch: LeaderEpoch, logEpoch: LeaderEpoch): LeaderEpoch {
    return Math.max(storedEpoch, logEpoch) + 1;
  }

  /** A candidate wins by the votes of more than half of the voters. */
  isElected(votes: number, voters: number): boolean {
    return votes > Math.floor(voters / 2);
  }

  /** So many voters have refused that the others are no majority. */
  isRejected(refusals: number, voters: number): boolean {
    return refusals > Math.floor(voters / 2);
  }

  /** An epoch, and a vote in it, are on disk before anybody may count on them. */
  mustPersistVote(): boolean {
    return true;
  }

  /** Whether a voter asks whether it would be elected before it raises the epoch. */
  asksBeforeStanding(): boolean {
    return true;
  }

  /** What a request for a vote is refused with before anything is made of it; NONE when it is sound. */
  voteError(
    preVote: boolean,
    replicaEpoch: LeaderEpoch,
    lastOffsetEpoch: LeaderEpoch,
    lastOffset: Offset,
    epoch: LeaderEpoch,
  ): ErrorCode {
    const isAhead = preVote ? lastOffsetEpoch > replicaEpoch : lastOffsetEpoch >= replicaEpoch;
    if (isAhead || lastOffsetEpoch < 0 || lastOffset < 0) return Errors.INVALID_REQUEST;
    return replicaEpoch < epoch ? Errors.FENCED_LEADER_EPOCH : Errors.NONE;
  }

  /** The candidate's log holds at least all that could be committed here: later epoch, or as long. */
  isUpToDate(
    candidateEpoch: LeaderEpoch,
    candidateEnd: Offset,
    epoch: LeaderEpoch,
    end: Offset,
  ): boolean {
    return candidateEpoch > epoch || (candidateEpoch === epoch && candidateEnd >= end);
  }

  /**
   * Whether a voter in `state` gives its vote. It has one vote an epoch, which it gives to the same
   * candidate as often as asked; a follower that its leader answers wants no election.
   */
  mayGrantVote(
    state: RaftStateName,
    preVote: boolean,
    isUpToDate: boolean,
    votedFor: "nobody" | "candidate" | "another",
    knowsLeader: boolean,
    hasFetched: boolean,
  ): boolean {
    if (state === "leader") return false;
    if (preVote) return isUpToDate && (state !== "follower" || !hasFetched);
    if (state !== "unattached" && state !== "prospective") return false;
    if (votedFor !== "nobody") return votedFor === "candidate";
    return !knowsLeader && isUpToDate;
  }

  /** A voter is a node with the disk it joined with; a voter's disk may not be known yet. */
  isSameVoter(id: NodeId, directoryId: Uuid, voterId: NodeId, voterDirectoryId: Uuid): boolean {
    return id === voterId && (voterDirectoryId === "" || directoryId === voterDirectoryId);
  }

  /** What a node is when it starts, by what its disk says. */
  stateAtStart(
    storedEpoch: LeaderEpoch,
    logEpoch: LeaderEpoch,
    led: boolean,
    votedForItself: boolean,
    knowsLeader: boolean,
  ): "unattached" | "follower" | "candidate" | "resigned" {
    if (logEpoch > storedEpoch) return "unattached";
    if (led) return "resigned";
    if (votedForItself) return "candidate";
    return knowsLeader ? "follower" : "unattached";
  }

  /** `drawn` lies in [0, timeoutMs): candidates must not come in step. */
  electionTimeoutMs(timeoutMs: number, drawn: number): number {
    return timeoutMs + drawn;
  }

  /**
   * How long a successor of a leader that resigned waits before it stands; `position` -1 for one that
   * is not listed.
   */
  successorBackoffMs(position: number, successors: number, maxMs: number): number {
    if (position < 0) return maxMs;
    if (position === 0) return 0;
    return Math.min(maxMs, (maxMs >> (successors - 1)) << position);
  }

  /** Whether an answer of `answerEpoch` is about the epoch that this node is in, or a newer one. */
  heedsAnswer(answerEpoch: LeaderEpoch, epoch: LeaderEpoch, error: ErrorCode): boolean {
    return answerEpoch >= epoch && error !== Errors.UNKNOWN_LEADER_EPOCH;
  }

  // ---- leading ----------------------------------------------------------------------------------

  /** Whether the leader tells a voter of its epoch: one that has not fetched for a while. */
  needsBeginQuorumEpoch(sinceFetchMs: number, fetchTimeoutMs: number): boolean {
    return sinceFetchMs >= Math.floor(fetchTimeoutMs / 2);
  }

  /** Whether so many other voters, with the leader, are a majority. */
  hasMajorityFetched(others: number, voters: number): boolean {
    return others >= Math.ceil((voters - 1) / 2);
  }

  /** A leader that no majority fetches from commits nothing: it must resign. */
  hasLostQuorum(sinceMajorityMs: number, fetchTimeoutMs: number, voters: number): boolean {
    return voters > 1 && sinceMajorityMs >= Math.floor((fetchTimeoutMs * 3) / 2);
  }

  /** A fetch says to the leader that all below its offset survives a loss of power here. */
  flushesBeforeFetch(mayVote: boolean): boolean {
    return mayVote;
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

  // ---- fetching ---------------------------------------------------------------------------------

  /** What a fetch of the metadata log is refused with; NONE when it is served. */
  fetchError(requestEpoch: LeaderEpoch, epoch: LeaderEpoch, isLeader: boolean): ErrorCode {
    if (requestEpoch < epoch) return Errors.FENCED_LEADER_EPOCH;
    if (requestEpoch > epoch) return Errors.UNKNOWN_LEADER_EPOCH;
    return isLeader ? Errors.NONE : Errors.NOT_LEADER_OR_FOLLOWER;
  }

  /**
   * Whether the leader, whose earliest snapshot is (`snapshotEnd`, `snapshotEpoch`), cannot tell from
   * its log that the fetcher's is a prefix of it: then the fetcher begins anew with a snapshot.
   */
  needsSnapshot(
    fetchOffset: Offset,
    lastFetchedEpoch: LeaderEpoch,
    logStartOffset: Offset,
    snapshotEnd: Offset,
    snapshotEpoch: LeaderEpoch,
  ): boolean {
    if (fetchOffset < logStartOffset) return true;
    const isAtSnapshot = fetchOffset === logStartOffset && logStartOffset === snapshotEnd;
    if (isAtSnapshot && lastFetchedEpoch !== snapshotEpoch) return true;
    return lastFetchedEpoch < snapshotEpoch;
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

  // ---- snapshots --------------------------------------------------------------------------------

  /** Whether the log goes for a snapshot that has arrived, or that a crash left beside it. */
  snapshotReplacesLog(
    snapshotEnd: Offset,
    snapshotEpoch: LeaderEpoch,
    logEnd: Offset,
    logEpoch: LeaderEpoch,
  ): boolean {
    return snapshotEpoch > logEpoch || (snapshotEpoch === logEpoch && snapshotEnd > logEnd);
  }

  /** metadata.log.max.record.bytes.between.snapshots and .max.snapshot.interval.ms (0: never). */
  mustSnapshot(bytes: number, maxBytes: number, elapsedMs: number, maxMs: number): boolean {
    return bytes >= maxBytes || (maxMs > 0 && bytes > 0 && elapsedMs >= maxMs);
  }

  /** A snapshot survives a loss of power before any record is deleted that it stands for. */
  mustSyncSnapshot(): boolean {
    return true;
  }

  /** metadata.max.retention.bytes: whether the oldest snapshot and what it follows on go; -1: never. */
  dropsForSize(totalBytes: number, retentionBytes: number): boolean {
    return retentionBytes >= 0 && totalBytes > retentionBytes;
  }

  /** metadata.max.retention.ms, by the age of the oldest snapshot; -1: never. */
  dropsForAge(ageMs: number, retentionMs: number): boolean {
    return retentionMs >= 0 && ageMs > retentionMs;
  }

  /** What a request for a piece of a snapshot is refused with; `sizeBytes` -1 for no such snapshot. */
  snapshotPieceError(position: number, sizeBytes: number): ErrorCode {
    if (sizeBytes < 0) return Errors.SNAPSHOT_NOT_FOUND;
    return position < 0 || position >= sizeBytes ? Errors.POSITION_OUT_OF_RANGE : Errors.NONE;
  }
}
