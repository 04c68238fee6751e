/**
 * One round of asking for votes, or for promises of votes (NomineeState.java, EpochElection.java).
 * Voters that do not answer are asked again until the round ends. Lane "raft".
 */
import type { ErrorCode } from "../errors.ts";
import type { NodeId } from "../ids.ts";
import type { Outcome } from "../network/client-channel.ts";
import type { Ports, Timer } from "../ports.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { Voter } from "./control-records.ts";
import { onlyPartition, voteRequest } from "./messages.ts";
import type { MetadataStore } from "./metadata-store.ts";
import type { Peers } from "./peers.ts";
import type { Quorum, ReplicaKey } from "./quorum.ts";
import type { RaftRules } from "./raft-rules.ts";

export interface ElectorOwner {
  /** A majority has granted. */
  won(): void;
  /** Too many have refused. */
  lost(): void;
  /** A voter does not know what a pre-vote is. */
  preVoteUnsupported(): void;
  /** Takes over what an answer says about epoch and leader; true when nothing else is to be done. */
  heard(error: ErrorCode, leaderId: NodeId, epoch: number): boolean;
  guarded<T>(step: () => T): T | undefined;
}

export class Elector {
  readonly #rules: RaftRules;
  readonly #settings: BrokerSettings;
  readonly #clusterId: string;
  readonly #self: ReplicaKey;
  readonly #store: MetadataStore;
  readonly #quorum: Quorum;
  readonly #peers: Peers;
  readonly #owner: ElectorOwner;
  readonly #retry: Timer;
  /** Answers to an earlier round are void. */
  #round = 0;
  #preVote = false;
  #granted: Set<NodeId> = new Set();
  #refused: Set<NodeId> = new Set();
  #asked: Set<NodeId> = new Set();

  constructor(options: {
    readonly ports: Ports;
    readonly rules: RaftRules;
    readonly settings: BrokerSettings;
    readonly clusterId: string;
    readonly self: ReplicaKey;
    readonly store: MetadataStore;
    readonly quorum: Quorum;
    readonly peers: Peers;
    readonly owner: ElectorOwner;
  }) {
    this.#rules = options.rules;
    this.#settings = options.settings;
    this.#clusterId = options.clusterId;
    this.#self = options.self;
    this.#store = options.store;
    this.#quorum = options.quorum;
    this.#peers = options.peers;
    this.#owner = options.owner;
    this.#retry = options.ports.timers.timer("raft", "metadata-vote-retry", () =>
      this.#owner.guarded(() => this.#ask()),
    );
  }

  /** Those who voted for this node, itself included. */
  get granting(): readonly NodeId[] {
    return [...this.#granted];
  }

  /** Begins a round in the state that the quorum is in. */
  begin(): void {
    this.stop();
    this.#preVote = this.#quorum.name === "prospective";
    this.#granted = new Set([this.#self.id]);
    this.#refused = new Set();
    this.#asked = new Set();
    if (!this.#count()) this.#ask();
  }

  stop(): void {
    this.#round += 1;
    this.#retry.cancel();
  }

  #ask(): void {
    const { epoch } = this.#quorum;
    for (const voter of this.#store.voters.latest) {
      const { id } = voter;
      if (this.#granted.has(id) || this.#refused.has(id) || this.#asked.has(id)) continue;
      this.#asked.add(id);
      const round = this.#round;
      const { lastEpoch, endOffset } = this.#store;
      const body = voteRequest(this.#clusterId, voter, this.#self, epoch, this.#preVote, {
        lastEpoch,
        endOffset,
      });
      this.#peers.send(voter.host, "raft-election", ApiKeys.VOTE, body, (outcome) => {
        this.#owner.guarded(() => this.#answered(round, voter, outcome));
      });
    }
  }

  #answered(round: number, { id }: Voter, outcome: Outcome<typeof ApiKeys.VOTE>): void {
    const answer = outcome.kind === "response" ? onlyPartition(outcome.body.topics) : null;
    if (answer !== null) {
      const error = answer.errorCode as ErrorCode;
      // Epochs are worth hearing of, however late.
      if (this.#owner.heard(error, answer.leaderId, answer.leaderEpoch)) return;
    }
    if (round !== this.#round) return;
    if (outcome.kind === "unsupported" && this.#preVote) {
      this.#owner.preVoteUnsupported();
      return;
    }
    if (answer === null || answer.errorCode !== 0) {
      this.#asked.delete(id);
      if (!this.#retry.armed) {
        this.#retry.set(this.#settings["controller.quorum.retry.backoff.ms"]);
      }
      return;
    }
    (answer.voteGranted ? this.#granted : this.#refused).add(id);
    this.#count();
  }

  /** True when the round is decided. */
  #count(): boolean {
    const voters = this.#store.voters.latest.length;
    if (this.#rules.isElected(this.#granted.size, voters)) {
      this.#owner.won();
      return true;
    }
    if (!this.#rules.isRejected(this.#refused.size, voters)) return false;
    this.#owner.lost();
    return true;
  }
}
