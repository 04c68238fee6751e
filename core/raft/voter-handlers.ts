/** What voters ask of each other (the handle*Request methods of KafkaRaftClient.java). Lane "raft". */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { LeaderEpoch, NodeId, Uuid } from "../ids.ts";
import type { Call } from "../network/request-server.ts";
import type { ApiKeys } from "../protocol/message.ts";
import type {
  BeginQuorumEpochRequest,
  EndQuorumEpochPartition,
  EndQuorumEpochRequest,
} from "../protocol/quorum-epoch.ts";
import type { VotePartition, VoteRequest } from "../protocol/vote.ts";
import { onlyPartition, quorumEpochResponse, voteResponse } from "./messages.ts";
import type { ReplicaKey } from "./quorum.ts";
import type { RaftNode } from "./raft-node.ts";
import type { RaftRules } from "./raft-rules.ts";

export class VoterHandlers {
  readonly #node: RaftNode;
  readonly #rules: RaftRules;
  readonly #clusterId: string;
  readonly #backoffMaxMs: number;

  constructor(node: RaftNode, rules: RaftRules, clusterId: string, backoffMaxMs: number) {
    this.#node = node;
    this.#rules = rules;
    this.#clusterId = clusterId;
    this.#backoffMaxMs = backoffMaxMs;
  }

  vote(call: Call): void {
    const request = call.request.body as VoteRequest;
    const partition = onlyPartition(request.topics);
    const refusal = this.#refusal(request.clusterId, partition);
    if (refusal !== null || partition === null) {
      const errorCode = refusal ?? Errors.INVALID_REQUEST;
      call.respond<typeof ApiKeys.VOTE>({ errorCode, topics: [] });
      return;
    }
    const error = this.#voteError(request, partition);
    const isGranted = error === Errors.NONE && this.#decide(partition);
    call.respond<typeof ApiKeys.VOTE>(voteResponse(error, this.#node.leader, isGranted));
  }

  /** A node says that it leads. */
  beginQuorumEpoch(call: Call): void {
    const request = call.request.body as BeginQuorumEpochRequest;
    const partition = onlyPartition(request.topics);
    const refusal = this.#refusal(request.clusterId, partition);
    if (refusal !== null || partition === null) {
      const errorCode = refusal ?? Errors.INVALID_REQUEST;
      call.respond<typeof ApiKeys.BEGIN_QUORUM_EPOCH>({ errorCode, topics: [] });
      return;
    }
    const { leaderId, leaderEpoch, voterDirectoryId } = partition;
    let error = this.#epochError(leaderId, leaderEpoch);
    if (error === Errors.NONE) {
      this.#node.learn(leaderId, leaderEpoch);
      if (!this.#isMeant(request.voterId, voterDirectoryId)) error = Errors.INVALID_VOTER_KEY;
    }
    call.respond<typeof ApiKeys.BEGIN_QUORUM_EPOCH>(quorumEpochResponse(error, this.#node.leader));
  }

  /** The leader says that it leads no more. */
  endQuorumEpoch(call: Call): void {
    const request = call.request.body as EndQuorumEpochRequest;
    const partition = onlyPartition(request.topics);
    const refusal = this.#refusal(request.clusterId, partition);
    if (refusal !== null || partition === null) {
      const errorCode = refusal ?? Errors.INVALID_REQUEST;
      call.respond<typeof ApiKeys.END_QUORUM_EPOCH>({ errorCode, topics: [] });
      return;
    }
    const { leaderId, leaderEpoch } = partition;
    const error = this.#epochError(leaderId, leaderEpoch);
    if (error === Errors.NONE) {
      this.#node.learn(leaderId, leaderEpoch);
      if (this.#node.leader.id === leaderId) this.#node.leaderResigned(this.#backoffMs(partition));
    }
    call.respond<typeof ApiKeys.END_QUORUM_EPOCH>(quorumEpochResponse(error, this.#node.leader));
  }

  #voteError({ voterId }: VoteRequest, partition: VotePartition): ErrorCode {
    const { replicaEpoch, lastOffsetEpoch, lastOffset, preVote, voterDirectoryId } = partition;
    const { quorum } = this.#node;
    const error = this.#rules.voteError(
      preVote,
      replicaEpoch,
      lastOffsetEpoch,
      lastOffset,
      quorum.epoch,
    );
    if (error !== Errors.NONE) return error;
    if (replicaEpoch > quorum.epoch) this.#node.becomeUnattached(replicaEpoch);
    return this.#isMeant(voterId, voterDirectoryId) ? Errors.NONE : Errors.INVALID_VOTER_KEY;
  }

  /** Whether the vote is given; then it is on disk, unless it is only promised. */
  #decide(partition: VotePartition): boolean {
    const { quorum, store } = this.#node;
    const { replicaId, replicaDirectoryId, lastOffsetEpoch, lastOffset, preVote } = partition;
    const candidate: ReplicaKey = { id: replicaId, directoryId: replicaDirectoryId };
    const { lastEpoch, endOffset } = store;
    const isUpToDate = this.#rules.isUpToDate(lastOffsetEpoch, lastOffset, lastEpoch, endOffset);
    const votedFor = quorum.votedFor(candidate);
    const isGranted = this.#rules.mayGrantVote(
      quorum.name,
      preVote,
      isUpToDate,
      votedFor,
      quorum.leaderId >= 0,
      quorum.hasFetched,
    );
    if (!isGranted) return false;
    if (!preVote && votedFor === "nobody") {
      quorum.vote(candidate);
      if (quorum.isVoter) this.#node.voted();
    }
    quorum.tellVote(candidate, preVote, lastOffsetEpoch, lastOffset);
    return true;
  }

  #refusal(clusterId: string | null, partition: object | null): ErrorCode | null {
    if (clusterId !== null && clusterId !== this.#clusterId) return Errors.INCONSISTENT_CLUSTER_ID;
    return partition === null ? Errors.INVALID_REQUEST : null;
  }

  #epochError(leaderId: NodeId, leaderEpoch: LeaderEpoch): ErrorCode {
    if (leaderId < 0 || leaderEpoch < 0) return Errors.INVALID_REQUEST;
    return leaderEpoch < this.#node.quorum.epoch ? Errors.FENCED_LEADER_EPOCH : Errors.NONE;
  }

  /** The request is meant for this node with the disk that it has. */
  #isMeant(voterId: NodeId, voterDirectoryId: Uuid): boolean {
    const { id, directoryId } = this.#node.self;
    return this.#rules.isSameVoter(id, directoryId, voterId, voterDirectoryId);
  }

  #backoffMs({ preferredCandidates }: EndQuorumEpochPartition): number {
    const { id, directoryId } = this.#node.self;
    const position = preferredCandidates.findIndex(({ candidateId, candidateDirectoryId }) =>
      this.#rules.isSameVoter(id, directoryId, candidateId, candidateDirectoryId),
    );
    return this.#rules.successorBackoffMs(position, preferredCandidates.length, this.#backoffMaxMs);
  }
}
