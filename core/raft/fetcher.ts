/**
 * Keeps the log of a node that does not lead up to date: one fetch after the other, each held back by
 * the leader until there is news (pollFollowerAsVoter and -AsObserver in KafkaRaftClient.java). When
 * the leader's log no longer holds what is missing, it fetches a snapshot, piece by piece (KIP-630).
 * Lane "raft".
 *
 * Differs from Kafka: an observer that gets no answer asks a drawn voter at the next attempt, without
 * waiting for controller.quorum.fetch.timeout.ms to pass. With a short fetch timeout the leader is
 * asked to hold a fetch back for half of it at most, not for a fixed time.
 */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { LeaderEpoch, NodeId } from "../ids.ts";
import { METADATA_TOPIC_ID, NO_EPOCH, NO_NODE } from "../ids.ts";
import type { Outcome } from "../network/client-channel.ts";
import type { Ports, Timer } from "../ports.ts";
import type { FetchPartitionResponse, FetchRequest } from "../protocol/fetch.ts";
import type { FetchSnapshotPartitionResponse, SnapshotId } from "../protocol/fetch-snapshot.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { LeaderAndEpoch } from "./committed-reader.ts";
import { fetchSnapshotRequest, onlyPartition } from "./messages.ts";
import type { MetadataStore } from "./metadata-store.ts";
import type { Peers } from "./peers.ts";
import type { Quorum, ReplicaKey } from "./quorum.ts";
import type { RaftRules } from "./raft-rules.ts";
import type { PartialSnapshot, StoredSnapshot } from "./snapshot-store.ts";
import { isSameId } from "./snapshot-store.ts";

/** How long the leader may hold a fetch back (MAX_FETCH_WAIT_MS in KafkaRaftClient.java). */
const MAX_WAIT_MS = 500;

export interface FetcherOwner {
  readonly leader: LeaderAndEpoch;
  /** This node may have to vote some day: what it acknowledges must survive a loss of power. */
  readonly mayVote: boolean;
  /** Takes over what an answer says about epoch and leader; true when nothing else is to be done. */
  heard(error: ErrorCode, leaderId: NodeId, epoch: LeaderEpoch): boolean;
  /** The leader has served a fetch. */
  served(): void;
  /** Handles what a served fetch brought; false when the next one should wait a little. */
  fetched(answer: FetchPartitionResponse): boolean;
  /** A snapshot has arrived as a whole. */
  installed(snapshot: StoredSnapshot): void;
  guarded<T>(step: () => T): T | undefined;
}

export interface FetcherOptions {
  readonly ports: Ports;
  readonly rules: RaftRules;
  readonly settings: BrokerSettings;
  readonly clusterId: string;
  readonly self: ReplicaKey;
  readonly store: MetadataStore;
  readonly quorum: Quorum;
  readonly peers: Peers;
  readonly owner: FetcherOwner;
}

export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #retry: Timer;
  readonly #maxWaitMs: number;
  /** Of the fetch under way; an answer to an earlier one is void. */
  #attempt = 0;
  #lastFailed = false;
  #isRunning = false;
  /** The snapshot that is being fetched. */
  #part: PartialSnapshot | null = null;

  constructor(options: FetcherOptions) {
    const { ports, settings, owner } = options;
    this.#options = options;
    const fetchTimeoutMs = settings["controller.quorum.fetch.timeout.ms"];
    this.#maxWaitMs = Math.min(MAX_WAIT_MS, Math.floor(fetchTimeoutMs / 2));
    this.#retry = ports.timers.timer("raft", "metadata-fetch-backoff", () =>
      owner.guarded(() => this.#fetch()),
    );
  }

  /** Fetches from now on; what was under way is void. */
  restart(): void {
    this.stop();
    this.#isRunning = true;
    this.#fetch();
  }

  stop(): void {
    this.#isRunning = false;
    this.#attempt += 1;
    this.#lastFailed = false;
    // Of another epoch's leader: a new one names its own. What is left is replaced or, at the next
    // start, removed.
    this.#part = null;
    this.#retry.cancel();
  }

  #fetch(): void {
    if (!this.#isRunning) return;
    const host = this.#target();
    if (host === null) return this.#waitALittle();
    const { peers, store, owner, rules } = this.#options;
    const attempt = ++this.#attempt;
    if (this.#part !== null) {
      peers.send(host, "raft", ApiKeys.FETCH_SNAPSHOT, this.#snapshotRequest(this.#part), (o) =>
        this.#ended(attempt, () => this.#pieceArrived(o)),
      );
      return;
    }
    if (rules.flushesBeforeFetch(owner.mayVote)) store.log.flush();
    peers.send(host, "raft", ApiKeys.FETCH, this.#request(), (outcome) =>
      this.#ended(attempt, () => this.#arrived(outcome)),
    );
  }

  /** `handle` says whether the leader served us: then the next fetch goes out at once. */
  #ended(attempt: number, handle: () => boolean): void {
    if (!this.#isRunning || attempt !== this.#attempt) return;
    const isServed = this.#options.owner.guarded(handle) ?? false;
    // What was handled may have stopped us, or begun anew.
    if (!this.#isRunning || attempt !== this.#attempt) return;
    if (isServed) this.#options.owner.guarded(() => this.#fetch());
    else this.#waitALittle();
  }

  #waitALittle(): void {
    this.#retry.set(this.#options.settings["controller.quorum.retry.backoff.ms"]);
  }

  #arrived(outcome: Outcome<typeof ApiKeys.FETCH>): boolean {
    if (!this.#isUsable(outcome)) return false;
    const answer = outcome.body.responses[0]?.partitions[0];
    if (answer === undefined) return false;
    const { owner } = this.#options;
    const { currentLeader } = answer;
    const error = answer.errorCode as ErrorCode;
    if (currentLeader !== null) {
      const { leaderId, leaderEpoch } = currentLeader;
      if (owner.heard(error, leaderId, leaderEpoch)) return false;
    }
    if (error !== Errors.NONE || !this.#isRunning) return false;
    owner.served();
    if (answer.snapshotId !== null) return this.#beginSnapshot(answer.snapshotId);
    return owner.fetched(answer);
  }

  #beginSnapshot({ endOffset, epoch }: SnapshotId): boolean {
    // It outlives the message, which is the leader's.
    this.#part = this.#options.store.snapshots.begin({ endOffset, epoch });
    return true;
  }

  #pieceArrived(outcome: Outcome<typeof ApiKeys.FETCH_SNAPSHOT>): boolean {
    if (!this.#isUsable(outcome)) return false;
    const answer = onlyPartition(outcome.body.topics);
    const { owner } = this.#options;
    const part = this.#part;
    if (answer === null || part === null) return false;
    const error = answer.errorCode as ErrorCode;
    if (answer.currentLeader !== null) {
      const { leaderId, leaderEpoch } = answer.currentLeader;
      if (owner.heard(error, leaderId, leaderEpoch)) return false;
    }
    if (!this.#isRunning) return false;
    if (error !== Errors.NONE) {
      // The leader has it no more, or never had: a fetch will name another one.
      this.#part = null;
      return false;
    }
    owner.served();
    return this.#append(part, answer);
  }

  #append(part: PartialSnapshot, answer: FetchSnapshotPartitionResponse): boolean {
    const fits = isSameId(answer.snapshotId, part.id) && answer.position === part.sizeBytes;
    if (!fits) return false;
    part.append(answer.unalignedRecords);
    if (part.sizeBytes < answer.size) return true;
    this.#part = null;
    const { store, owner, ports } = this.#options;
    const finished = store.snapshots.finish(part);
    if (finished === "unknown") {
      const { endOffset, epoch } = part.id;
      return ports.host.exit(
        `the snapshot (${endOffset}, ${epoch}) has a record of an unknown kind`,
      );
    }
    // Damaged on this disk while it was being fetched: it is fetched again.
    if (finished === "damaged") return false;
    owner.installed(finished);
    return true;
  }

  /**
   * A voter that refuses the request as a whole, e.g. with INCONSISTENT_CLUSTER_ID, is asked again, as
   * one that did not answer: it may be that voter's disk which is of another cluster, not this one.
   */
  #isUsable<K extends typeof ApiKeys.FETCH | typeof ApiKeys.FETCH_SNAPSHOT>(
    outcome: Outcome<K>,
  ): outcome is Extract<Outcome<K>, { readonly kind: "response" }> {
    const isUsable = outcome.kind === "response" && outcome.body.errorCode === Errors.NONE;
    this.#lastFailed = !isUsable;
    return isUsable;
  }

  /**
   * The leader; while none is known a drawn voter, who may know one. An observer that did not reach
   * the leader asks another voter too. Null when there is nobody to ask.
   */
  #target(): string | null {
    const { ports, self, store, owner, quorum } = this.#options;
    const voters = store.voters.latest;
    const { leader } = owner;
    const known = voters.find((voter) => voter.id === leader.id);
    if (known !== undefined && leader.id !== NO_NODE && (!this.#lastFailed || quorum.isVoter)) {
      return known.host;
    }
    const others = voters.filter((voter) => voter.id !== self.id);
    const at = others.length > 1 ? ports.random.below("fetch voter", others.length) : 0;
    return others[at]?.host ?? null;
  }

  #request(): FetchRequest {
    const { settings, clusterId, self, store, owner } = this.#options;
    const maxBytes = settings["controller.quorum.fetch.max.bytes"];
    const partition = {
      partition: 0,
      currentLeaderEpoch: owner.leader.epoch,
      fetchOffset: store.endOffset,
      lastFetchedEpoch: store.lastEpoch,
      logStartOffset: 0,
      partitionMaxBytes: maxBytes,
      replicaDirectoryId: self.directoryId,
    };
    return {
      clusterId,
      replicaState: { replicaId: self.id, replicaEpoch: NO_EPOCH },
      maxWaitMs: this.#maxWaitMs,
      minBytes: 0,
      maxBytes,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: NO_EPOCH,
      topics: [{ topicId: METADATA_TOPIC_ID, partitions: [partition] }],
      forgottenTopicsData: [],
      rackId: "",
    };
  }

  #snapshotRequest(part: PartialSnapshot): ReturnType<typeof fetchSnapshotRequest> {
    const { settings, clusterId, self, owner } = this.#options;
    return fetchSnapshotRequest(
      clusterId,
      self,
      owner.leader.epoch,
      part.id,
      part.sizeBytes,
      settings["controller.quorum.fetch.max.bytes"],
    );
  }
}
