/**
 * What a node does in each state of the quorum, and what makes it change states (the poll methods of
 * KafkaRaftClient.java, KIP-595, KIP-996). Runs on lane "raft".
 *
 * Differs from Kafka: a leader that resigns tells each voter once, and does not repeat it. Its listeners
 * hear at once that it leads no more. Two leaders of one epoch end the process that hears of both.
 */
import { assert } from "../assert.ts";
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { RaftStateName } from "./raft-facts.ts";
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import { NO_NODE } from "../ids.ts";
import type { Ports, Timer } from "../ports.ts";
import type { FetchPartitionResponse } from "../protocol/fetch.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { Rules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import { CommitTeller } from "./commit-teller.ts";
import type { LeaderAndEpoch } from "./committed-reader.ts";
import type { Voter } from "./control-records.ts";
import { Elector } from "./elector.ts";
import { Fetcher } from "./fetcher.ts";
import { FetchServer } from "./fetch-server.ts";
import { Leadership } from "./leadership.ts";
import { endQuorumEpochRequest } from "./messages.ts";
import { METADATA_PARTITION, MetadataStore, RAFT_LANE, directoryOf } from "./metadata-store.ts";
import { Peers } from "./peers.ts";
import type { ReplicaKey } from "./quorum.ts";
import { Quorum } from "./quorum.ts";
import type { RaftRules } from "./raft-rules.ts";
import type { StoredSnapshot } from "./snapshot-store.ts";

export interface RaftNodeOptions {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  readonly clusterId: string;
  readonly self: ReplicaKey;
  /** Until the log itself lists them. */
  readonly voters: readonly Voter[];
  readonly owner: {
    guarded<T>(step: () => T): T | undefined;
    wakeReaders(): void;
  };
}

const NOBODY: readonly NodeId[] = [];

export class RaftNode {
  readonly self: ReplicaKey;
  readonly store: MetadataStore;
  readonly quorum: Quorum;
  readonly leadership: Leadership;
  readonly fetchServer: FetchServer;
  readonly #options: RaftNodeOptions;
  readonly #ports: Ports;
  readonly #rules: RaftRules;
  readonly #peers: Peers;
  readonly #elector: Elector;
  readonly #fetcher: Fetcher;
  readonly #teller: CommitTeller;
  /** Election timeout, or a follower's fetch timeout. Voters only. */
  readonly #timer: Timer;
  readonly #farewell: Timer;
  #onFarewell: (() => void) | null = null;
  #highWatermark: Offset;
  #hasJoined = false;
  #wasVoter: boolean;

  /** Opens the disk; nothing happens before `join`. */
  constructor(options: RaftNodeOptions) {
    const { ports, rules, settings, clusterId, self, voters, owner } = options;
    this.#options = options;
    this.#ports = ports;
    this.#rules = rules.raft;
    this.self = self;
    this.store = new MetadataStore({ ports, rules, settings, voters });
    this.#highWatermark = this.store.snapshots.latest?.id.endOffset ?? -1;
    this.quorum = new Quorum(ports, rules.raft, self, this.store, directoryOf(settings));
    this.#wasVoter = this.quorum.isVoter;
    this.#peers = new Peers(ports, settings, self.id);
    const { store, quorum } = this;
    const peers = this.#peers;
    const shared = { ports, rules: rules.raft, settings, clusterId, self, store, quorum, peers };
    const guarded = <T>(step: () => T): T | undefined => owner.guarded(step);
    const heard = (error: ErrorCode, leaderId: NodeId, epoch: LeaderEpoch): boolean =>
      this.heard(error, leaderId, epoch);
    this.leadership = new Leadership({
      ...shared,
      owner: {
        advanced: () => this.#advanced(),
        written: () => this.fetchServer.news(),
        lostQuorum: () => this.resign(),
        heard,
        guarded,
      },
    });
    this.#elector = new Elector({
      ...shared,
      owner: {
        won: () => this.#won(),
        lost: () => this.#lost(),
        preVoteUnsupported: () => this.#becomeCandidate(),
        heard,
        guarded,
      },
    });
    this.#fetcher = new Fetcher({ ...shared, owner: this.#asFetcherOwner(heard, guarded) });
    this.#teller = new CommitTeller(ports);
    this.fetchServer = new FetchServer(ports, rules.raft, clusterId, this);
    const timer = (name: string, fire: () => void): Timer =>
      ports.timers.timer(RAFT_LANE, name, () => guarded(fire));
    this.#timer = timer("metadata-election", () => this.#timedOut());
    this.#farewell = timer("metadata-farewell", () => this.#endFarewell());
  }

  get leader(): LeaderAndEpoch {
    return { id: this.quorum.leaderId, epoch: this.quorum.epoch };
  }

  get isLeader(): boolean {
    return this.leadership.state !== null;
  }

  get highWatermark(): Offset {
    return this.#highWatermark;
  }

  noteFetch(replica: ReplicaKey, fetchOffset: Offset): void {
    this.leadership.noteFetch(replica, fetchOffset);
  }

  noteSnapshotFetch(replica: ReplicaKey): void {
    this.leadership.noteSnapshotFetch(replica);
  }

  /** Takes part in the quorum, from what the disk says on. */
  join(): void {
    if (this.#hasJoined) return;
    this.#hasJoined = true;
    const { quorum } = this;
    // What a killed process left is in the page cache only.
    if (this.#rules.flushesBeforeFetch(this.#mayVote)) this.store.log.flush();
    this.#options.owner.wakeReaders();
    if (!quorum.isVoter) return this.#fetcher.restart();
    if (this.store.voters.latest.length === 1) return this.#becomeCandidate();
    if (quorum.name === "follower") this.#timer.set(this.#fetchTimeoutMs);
    else this.#timer.set(this.#electionTimeoutMs());
    if (quorum.name === "candidate") this.#elector.begin();
    else if (quorum.name !== "resigned") this.#fetcher.restart();
  }

  /** The process ends, or the log is closed. */
  stop(): void {
    this.#timer.cancel();
    this.#farewell.cancel();
    this.#elector.stop();
    this.#fetcher.stop();
    this.leadership.end();
    this.fetchServer.close();
    this.#peers.close();
  }

  // ---- news of epochs and leaders ---------------------------------------------------------------

  /**
   * Takes over what an answer says about epoch and leader (maybeHandleCommonResponse). True when it is
   * of no use beyond that.
   */
  heard(error: ErrorCode, leaderId: NodeId, epoch: LeaderEpoch): boolean {
    if (!this.#rules.heedsAnswer(epoch, this.quorum.epoch, error)) return true;
    if (this.learn(leaderId, epoch)) return true;
    return error === Errors.FENCED_LEADER_EPOCH || error === Errors.NOT_LEADER_OR_FOLLOWER;
  }

  /** Takes over a newer epoch, or the leader of this one (maybeTransition). True when it was news. */
  learn(leaderId: NodeId, epoch: LeaderEpoch): boolean {
    const { quorum } = this;
    const { leaderId: known } = quorum;
    if (epoch === quorum.epoch && leaderId >= 0 && known >= 0 && leaderId !== known) {
      this.#ports.host.exit(`epoch ${epoch} has two leaders: ${known} and ${leaderId}`);
    }
    const isSelf = leaderId === this.self.id;
    if (isSelf && epoch === quorum.epoch) return false;
    if (!this.#rules.followsHint(epoch, leaderId, quorum.epoch, known)) return false;
    if (leaderId < 0 || isSelf) this.becomeUnattached(epoch);
    else this.#becomeFollower(epoch, leaderId);
    return true;
  }

  /** The leader of this node has resigned: it stands for election after a while, unless one leads. */
  leaderResigned(backoffMs: number): void {
    if (this.quorum.name === "follower" && this.quorum.isVoter) this.#timer.set(backoffMs);
  }

  /** A vote was given: whoever got it needs time to be elected. */
  voted(): void {
    this.#timer.set(this.#electionTimeoutMs());
  }

  /** This leader leads no more. */
  resign(): void {
    const { state } = this.leadership;
    assert(state !== null, "only a leader resigns");
    const successors = state.successors();
    this.quorum.becomeResigned();
    this.#timer.set(this.#electionTimeoutMs());
    this.#entered("leader");
    const { clusterId } = this.#options;
    const body = endQuorumEpochRequest(clusterId, this.self.id, this.quorum.epoch, successors);
    for (const { host } of successors) {
      this.#peers.send(host, "raft-election", ApiKeys.END_QUORUM_EPOCH, body, () => undefined);
    }
  }

  /**
   * Resigns if need be, and calls `done` when another one leads, or could have been elected: until then
   * this node's vote may be needed.
   */
  leave(done: () => void): void {
    if (!this.isLeader || this.store.voters.latest.length === 1) return done();
    this.leadership.drain();
    this.#onFarewell = done;
    this.#farewell.set(this.#options.settings["controller.quorum.request.timeout.ms"]);
    this.resign();
  }

  // ---- states -----------------------------------------------------------------------------------

  becomeUnattached(epoch: LeaderEpoch): void {
    const from = this.quorum.name;
    // Candidates that come and go must not keep this voter from standing.
    const keepsTimer = from !== "prospective" && from !== "leader" && this.#timer.armed;
    this.quorum.becomeUnattached(epoch);
    if (!this.quorum.isVoter) this.#timer.cancel();
    else if (!keepsTimer) this.#timer.set(this.#electionTimeoutMs());
    this.#entered(from);
  }

  #becomeFollower(epoch: LeaderEpoch, leaderId: NodeId): void {
    const from = this.quorum.name;
    this.quorum.becomeFollower(epoch, leaderId);
    if (this.quorum.isVoter) this.#timer.set(this.#fetchTimeoutMs);
    else this.#timer.cancel();
    this.#entered(from);
    this.#endFarewell();
  }

  #becomeProspective(): void {
    if (!this.#rules.asksBeforeStanding()) return this.#becomeCandidate();
    const from = this.quorum.name;
    this.quorum.becomeProspective();
    this.#timer.set(this.#electionTimeoutMs());
    this.#entered(from);
    this.#elector.begin();
  }

  #becomeCandidate(): void {
    const from = this.quorum.name;
    this.quorum.becomeCandidate();
    this.#timer.set(this.#electionTimeoutMs());
    this.#entered(from);
    this.#elector.begin();
  }

  #won(): void {
    if (this.quorum.name === "prospective") return this.#becomeCandidate();
    const granting = this.#elector.granting;
    this.quorum.becomeLeader();
    this.#timer.cancel();
    this.#elector.stop();
    this.leadership.begin(this.quorum.epoch, granting);
    this.#entered("candidate");
  }

  #lost(): void {
    // A candidate that was refused waits until its time is over.
    if (this.quorum.name !== "prospective") return;
    const { leaderId, epoch } = this.quorum;
    if (leaderId >= 0) this.#becomeFollower(epoch, leaderId);
    else this.becomeUnattached(epoch);
  }

  #timedOut(): void {
    switch (this.quorum.name) {
      case "unattached":
      case "follower":
      case "candidate":
        return this.#becomeProspective();
      case "prospective":
        return this.#lost();
      case "resigned":
        return this.becomeUnattached(this.quorum.epoch + 1);
      case "leader":
        return;
    }
  }

  #entered(from: RaftStateName): void {
    const { name, isNominee } = this.quorum;
    if (from === "leader") {
      this.leadership.end();
      this.fetchServer.news();
    }
    if (!isNominee) this.#elector.stop();
    if (name === "unattached" || name === "follower") this.#fetcher.restart();
    else this.#fetcher.stop();
    this.#options.owner.wakeReaders();
  }

  #endFarewell(): void {
    const done = this.#onFarewell;
    this.#onFarewell = null;
    this.#farewell.cancel();
    done?.();
  }

  // ---- following --------------------------------------------------------------------------------

  #asFetcherOwner(
    heard: (error: ErrorCode, leaderId: NodeId, epoch: LeaderEpoch) => boolean,
    guarded: <T>(step: () => T) => T | undefined,
  ): ConstructorParameters<typeof Fetcher>[0]["owner"] {
    const node = this;
    return {
      get leader() {
        return node.leader;
      },
      mayVote: this.#mayVote,
      heard,
      guarded,
      served: () => this.#served(),
      fetched: (answer) => this.#fetched(answer),
      installed: (snapshot) => this.#installed(snapshot),
    };
  }

  get #mayVote(): boolean {
    return this.#options.voters.some(({ id }) => id === this.self.id);
  }

  #served(): void {
    if (this.quorum.name !== "follower") return;
    this.quorum.noteFetched();
    if (this.quorum.isVoter) this.#timer.set(this.#fetchTimeoutMs);
  }

  #fetched(answer: FetchPartitionResponse): boolean {
    const { store } = this;
    if (answer.divergingEpoch !== null) {
      const to = store.truncationFor(answer.divergingEpoch);
      if (!this.#rules.mayTruncateTo(to, this.#highWatermark)) this.#exitForCommitted(to);
      store.truncateTo(to, this.quorum.epoch);
    } else if (answer.records.length > 0) {
      if (!store.appendFetched(answer.records, this.quorum.epoch)) return false;
    }
    if (answer.divergingEpoch === null) this.#learnHighWatermark(answer.highWatermark);
    this.#votersMayHaveChanged();
    return true;
  }

  #installed(snapshot: StoredSnapshot): void {
    const { endOffset, epoch } = snapshot.id;
    const { store } = this;
    const fromOffset = store.endOffset;
    const highWatermark = this.#highWatermark;
    if (!this.#rules.mayTruncateTo(endOffset, highWatermark)) this.#exitForCommitted(endOffset);
    store.install(snapshot);
    const { probe } = this.#ports;
    if (probe !== null) {
      const { sizeBytes, hash } = snapshot;
      probe.emit({
        kind: "snapshot-installed",
        endOffset,
        epoch,
        sizeBytes,
        hash,
        fromOffset,
        highWatermark,
      });
    }
    this.#moveHighWatermark(endOffset, endOffset, NOBODY);
    store.clean(endOffset);
    this.#votersMayHaveChanged();
  }

  #exitForCommitted(offset: Offset): never {
    return this.#ports.host.exit(
      `committed metadata from offset ${offset} differs from the leader's`,
    );
  }

  /** A VotersRecord came, or went: this node may have become a voter, or be one no more. */
  #votersMayHaveChanged(): void {
    const { isVoter } = this.quorum;
    if (isVoter === this.#wasVoter) return;
    this.#wasVoter = isVoter;
    this.quorum.tell();
    if (!isVoter) this.#timer.cancel();
    else if (!this.#timer.armed) this.#timer.set(this.#fetchTimeoutMs);
  }

  #learnHighWatermark(told: Offset): void {
    const learned = this.#rules.observerHighWatermark(told, this.store.endOffset);
    // A leader that was just elected does not know it yet.
    if (learned > this.#highWatermark) this.#moveHighWatermark(learned, told, NOBODY);
  }

  // ---- high watermark ---------------------------------------------------------------------------

  #advanced(): void {
    const { state } = this.leadership;
    if (state === null || state.highWatermark <= this.#highWatermark) return;
    this.#moveHighWatermark(state.highWatermark, state.highWatermark, state.voters);
    this.#teller.tell(this.store.log);
    this.fetchServer.news();
  }

  #moveHighWatermark(highWatermark: Offset, told: Offset, counted: readonly NodeId[]): void {
    this.#highWatermark = highWatermark;
    this.store.log.setHighWatermark(highWatermark);
    const { probe } = this.#ports;
    if (probe !== null) {
      probe.emit({
        kind: "high-watermark",
        partition: METADATA_PARTITION,
        as: this.isLeader ? "leader" : "follower",
        leaderEpoch: this.quorum.epoch,
        highWatermark,
        endOffset: this.store.endOffset,
        counted,
        told,
      });
    }
    this.#options.owner.wakeReaders();
  }

  // ---- time -------------------------------------------------------------------------------------

  get #fetchTimeoutMs(): number {
    return this.#options.settings["controller.quorum.fetch.timeout.ms"];
  }

  /** The purpose names the time too: a world may give one purpose the same draw twice. */
  #electionTimeoutMs(): number {
    const timeoutMs = this.#options.settings["controller.quorum.election.timeout.ms"];
    const purpose = `election timeout ${this.#ports.clock.monotonicMs()}`;
    return this.#rules.electionTimeoutMs(timeoutMs, this.#ports.random.below(purpose, timeoutMs));
  }
}
