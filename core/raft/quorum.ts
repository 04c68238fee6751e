/**
 * What a node is in the metadata quorum, and the only ways from one state to another
 * (QuorumState.java, KIP-595, KIP-996). Each new state is on disk before anything follows from it.
 */
import { assert } from "../assert.ts";
import type { RaftStateName } from "./raft-facts.ts";
import type { LeaderEpoch, NodeId, Uuid } from "../ids.ts";
import { NO_NODE } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { MetadataStore } from "./metadata-store.ts";
import type { QuorumState } from "./quorum-state-file.ts";
import { NO_QUORUM_STATE, QuorumStateFile } from "./quorum-state-file.ts";
import type { RaftRules } from "./raft-rules.ts";

/** A node with the disk that it has. */
export interface ReplicaKey {
  readonly id: NodeId;
  readonly directoryId: Uuid;
}

export class Quorum {
  readonly #ports: Ports;
  readonly #rules: RaftRules;
  readonly #self: ReplicaKey;
  readonly #store: MetadataStore;
  readonly #file: QuorumStateFile;
  #stored: QuorumState = NO_QUORUM_STATE;
  #name: RaftStateName = "unattached";
  /** Follower: its leader has answered a fetch. */
  #hasFetched = false;

  constructor(
    ports: Ports,
    rules: RaftRules,
    self: ReplicaKey,
    store: MetadataStore,
    directory: string,
  ) {
    this.#ports = ports;
    this.#rules = rules;
    this.#self = self;
    this.#store = store;
    this.#file = new QuorumStateFile(ports.storage, directory);
    const stored = this.#file.read();
    if (stored === "damaged") return ports.host.exit(`${directory}/quorum-state is damaged`);
    this.#begin(stored);
  }

  get name(): RaftStateName {
    return this.#name;
  }

  get epoch(): LeaderEpoch {
    return this.#stored.leaderEpoch;
  }

  /** The leader of this epoch as far as known, -1 otherwise. A leader that resigned counts as none. */
  get leaderId(): NodeId {
    return this.#name === "resigned" ? NO_NODE : this.#stored.leaderId;
  }

  get isVoter(): boolean {
    return this.#store.isVoter(this.#self.id, this.#self.directoryId);
  }

  /** Votes of others are being asked for. */
  get isNominee(): boolean {
    return this.#name === "prospective" || this.#name === "candidate";
  }

  get hasFetched(): boolean {
    return this.#hasFetched;
  }

  /** Whom this node's vote of this epoch went to, seen from a candidate. */
  votedFor(candidate: ReplicaKey): "nobody" | "candidate" | "another" {
    const { votedId, votedDirectoryId } = this.#stored;
    if (votedId === NO_NODE) return "nobody";
    const isSame = this.#rules.isSameVoter(
      candidate.id,
      candidate.directoryId,
      votedId,
      votedDirectoryId,
    );
    return isSame ? "candidate" : "another";
  }

  /** The epoch began, or the election was lost, and nobody is known to lead. */
  becomeUnattached(epoch: LeaderEpoch, leaderId: NodeId = NO_NODE): void {
    assert(epoch >= this.epoch, "epochs only grow");
    if (epoch > this.epoch) {
      this.#become("unattached", { ...NO_QUORUM_STATE, leaderEpoch: epoch, leaderId });
    } else {
      this.#become("unattached", this.#stored);
    }
  }

  becomeFollower(epoch: LeaderEpoch, leaderId: NodeId): void {
    assert(leaderId !== this.#self.id, "nobody follows itself");
    assert(epoch >= this.epoch, "epochs only grow");
    this.#hasFetched = false;
    const vote = epoch > this.epoch ? NO_QUORUM_STATE : this.#stored;
    this.#become("follower", { ...vote, leaderEpoch: epoch, leaderId });
  }

  /** A follower's leader has answered a fetch. */
  noteFetched(): void {
    this.#hasFetched = true;
  }

  becomeProspective(): void {
    assert(this.isVoter, "only a voter stands for election");
    this.#become("prospective", this.#stored);
  }

  /** Takes the next epoch and votes for itself. */
  becomeCandidate(): void {
    assert(this.isVoter, "only a voter stands for election");
    const { id, directoryId } = this.#self;
    const leaderEpoch = this.#rules.candidateEpoch(this.epoch, this.#store.lastEpoch);
    const vote = { votedId: id, votedDirectoryId: directoryId };
    this.#become("candidate", { leaderEpoch, leaderId: NO_NODE, ...vote });
    this.tellVote(this.#self, false, this.#store.lastEpoch, this.#store.endOffset);
  }

  /** A majority has voted for it. */
  becomeLeader(): void {
    assert(this.#name === "candidate", "only a candidate is elected");
    this.#become("leader", { ...this.#stored, leaderId: this.#self.id });
  }

  becomeResigned(): void {
    assert(this.#name === "leader", "only a leader resigns");
    this.#become("resigned", this.#stored);
  }

  /** Gives this epoch's vote. */
  vote(candidate: ReplicaKey): void {
    const { id, directoryId } = candidate;
    this.#become(this.#name, { ...this.#stored, votedId: id, votedDirectoryId: directoryId });
  }

  /** Tells that a vote was given, or promised. */
  tellVote(
    candidate: ReplicaKey,
    preVote: boolean,
    candidateLogEpoch: LeaderEpoch,
    candidateEndOffset: number,
  ): void {
    const { probe } = this.#ports;
    if (probe === null) return;
    probe.emit({
      kind: "vote-granted",
      epoch: this.epoch,
      candidate: candidate.id,
      candidateDirectoryId: candidate.directoryId,
      preVote,
      candidateLogEpoch,
      candidateEndOffset,
      logEpoch: this.#store.lastEpoch,
      endOffset: this.#store.endOffset,
    });
  }

  /** What the disk says of the time before the start. */
  #begin(stored: QuorumState): void {
    const { id } = this.#self;
    this.#stored = stored;
    const logEpoch = this.#store.lastEpoch;
    const state = this.#rules.stateAtStart(
      stored.leaderEpoch,
      logEpoch,
      stored.leaderId === id,
      this.votedFor(this.#self) === "candidate",
      stored.leaderId !== NO_NODE,
    );
    const isStale = logEpoch > stored.leaderEpoch;
    const known = isStale ? { ...NO_QUORUM_STATE, leaderEpoch: logEpoch } : stored;
    const isVoting = state === "resigned" || state === "candidate";
    this.#become(isVoting && !this.isVoter ? "unattached" : state, known);
  }

  #become(name: RaftStateName, state: QuorumState): void {
    const isStored =
      state.leaderEpoch === this.#stored.leaderEpoch &&
      state.leaderId === this.#stored.leaderId &&
      state.votedId === this.#stored.votedId &&
      state.votedDirectoryId === this.#stored.votedDirectoryId;
    if (!isStored && this.#rules.mustPersistVote()) this.#file.write(state);
    this.#name = name;
    this.#stored = state;
    this.tell();
  }

  /** Tells what this node is: it has changed. */
  tell(): void {
    const state = this.#stored;
    const { probe } = this.#ports;
    if (probe === null) return;
    probe.emit({
      kind: "raft-state",
      state: this.#name,
      epoch: state.leaderEpoch,
      leader: state.leaderId,
      voted: state.votedId,
      isVoter: this.isVoter,
      directoryId: this.#self.directoryId,
      voters: this.#store.voters.latest.map((voter) => voter.id),
      logEpoch: this.#store.lastEpoch,
      endOffset: this.#store.endOffset,
    });
  }
}
