/**
 * What a node does while it leads (pollLeader in KafkaRaftClient.java): writes and flushes what was
 * promised, counts voters, tells silent voters of its epoch, resigns when it has lost its quorum.
 * Lane "raft".
 *
 * Differs from Kafka: the leader counts its own log only after it was flushed. A voter whose disk the
 * settings do not name gets the one that it fetches with first; Kafka's voters ask for that with an
 * UpdateRaftVoter request.
 */
import { assert } from "../assert.ts";
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { Ports, Timer } from "../ports.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { ControlRecord, Voter } from "./control-records.ts";
import { LeaderState } from "./leader-state.ts";
import { beginQuorumEpochRequest, onlyPartition } from "./messages.ts";
import type { MetadataStore } from "./metadata-store.ts";
import { RAFT_LANE } from "./metadata-store.ts";
import type { Peers } from "./peers.ts";
import type { ReplicaKey } from "./quorum.ts";
import type { RaftRules } from "./raft-rules.ts";
import type { ErrorCode } from "../errors.ts";

/** KIP-853: voters are (id, directory id) and listed in the log. */
const KRAFT_VERSION = 1;

export interface LeadershipOwner {
  /** The high watermark of this leadership moved. */
  advanced(): void;
  /** There are new records to fetch. */
  written(): void;
  /** No majority has fetched for too long. */
  lostQuorum(): void;
  heard(error: ErrorCode, leaderId: NodeId, epoch: LeaderEpoch): boolean;
  guarded<T>(step: () => T): T | undefined;
}

export interface LeadershipOptions {
  readonly ports: Ports;
  readonly rules: RaftRules;
  readonly settings: BrokerSettings;
  readonly clusterId: string;
  readonly self: ReplicaKey;
  readonly store: MetadataStore;
  readonly peers: Peers;
  readonly owner: LeadershipOwner;
}

export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #linger: Timer;
  readonly #watch: Timer;
  #state: LeaderState | null = null;
  /** Voters that a BeginQuorumEpoch is on its way to. */
  #told: Set<NodeId> = new Set();

  constructor(options: LeadershipOptions) {
    this.#options = options;
    const timer = (name: string, step: () => void): Timer =>
      options.ports.timers.timer(RAFT_LANE, name, () => options.owner.guarded(step));
    this.#linger = timer("metadata-append-linger", () => this.drain());
    this.#watch = timer("metadata-quorum-watch", () => this.#watchVoters());
  }

  /** Null while this node does not lead. */
  get state(): LeaderState | null {
    return this.#state;
  }

  /** This node was elected: it begins the epoch in the log. */
  begin(epoch: LeaderEpoch, grantingVoters: readonly NodeId[]): void {
    const { ports, rules, self, store } = this.#options;
    const { log, voters } = store;
    const nowMs = ports.clock.monotonicMs();
    log.assignEpoch(epoch, log.endOffset);
    const listed = voters.isBootstrap ? this.#withOwnDisk(voters.latest) : voters.latest;
    const state = new LeaderState(rules, self, epoch, log.endOffset, listed, nowMs);
    this.#state = state;
    this.#told = new Set();
    const ids = listed.map((voter) => voter.id);
    const records: ControlRecord[] = [
      { type: "LeaderChange", leaderId: self.id, voters: ids, grantingVoters },
    ];
    if (voters.isBootstrap) {
      records.push({ type: "KRaftVersion", kRaftVersion: KRAFT_VERSION });
      records.push({ type: "Voters", voters: listed });
    }
    state.nextOffset = store.appendControl(records, epoch).nextOffset;
    this.drain();
    if (listed.length > 1) this.#watchVoters();
  }

  /** This node leads no more; what was promised and not written is gone. */
  end(): void {
    this.#state = null;
    this.#linger.cancel();
    this.#watch.cancel();
  }

  /** Promises offsets; the records are written within the linger time. */
  append(records: readonly MetadataRecord[]): Offset {
    assert(this.#state !== null, "only the leader appends");
    const baseOffset = this.#state.enqueue(records);
    if (!this.#linger.armed) {
      this.#linger.set(this.#options.settings["controller.quorum.append.linger.ms"]);
    }
    return baseOffset;
  }

  /** Writes and flushes all that was promised; then it counts. */
  drain(): void {
    const state = this.#state;
    if (state === null) return;
    const { rules, self, store, owner } = this.#options;
    this.#linger.cancel();
    for (const { records, baseOffset } of state.takePending()) {
      const batch = store.appendRecords(records, state.epoch);
      assert(batch.baseOffset === baseOffset, `metadata at ${batch.baseOffset}, not ${baseOffset}`);
    }
    if (state.newVoters !== null) {
      const voters = state.newVoters;
      state.newVoters = null;
      const batch = store.appendControl([{ type: "Voters", voters }], state.epoch);
      state.nextOffset = batch.nextOffset;
    }
    store.log.flush();
    const { recoveryPoint, endOffset } = store.log;
    const counted = rules.leaderCounts(recoveryPoint, endOffset);
    if (state.noteEnd(self, counted)) owner.advanced();
    owner.written();
  }

  /** A replica fetches from `fetchOffset`: it holds all below. */
  noteFetch(replica: ReplicaKey, fetchOffset: Offset): void {
    const state = this.#state;
    if (state === null) return;
    const { ports, owner } = this.#options;
    if (!state.noteFetch(replica, ports.clock.monotonicMs())) return;
    const { probe } = ports;
    if (probe !== null) {
      const { epoch } = state;
      probe.emit({ kind: "voter-fetched", epoch, voter: replica.id, fetchOffset });
    }
    if (state.noteEnd(replica, fetchOffset)) owner.advanced();
    if (state.newVoters !== null && !this.#linger.armed) this.#linger.set(0);
  }

  /** A replica fetches a snapshot: it is alive, but its log says nothing. */
  noteSnapshotFetch(replica: ReplicaKey): void {
    this.#state?.noteFetch(replica, this.#options.ports.clock.monotonicMs());
  }

  #withOwnDisk(voters: readonly Voter[]): readonly Voter[] {
    const { id, directoryId } = this.#options.self;
    return voters.map((voter) => (voter.id === id ? { ...voter, directoryId } : voter));
  }

  #watchVoters(): void {
    const state = this.#state;
    if (state === null) return;
    const { ports, rules, settings, owner } = this.#options;
    const nowMs = ports.clock.monotonicMs();
    const fetchTimeoutMs = settings["controller.quorum.fetch.timeout.ms"];
    const sinceMs = nowMs - state.majorityMs;
    if (rules.hasLostQuorum(sinceMs, fetchTimeoutMs, state.voters.length)) {
      owner.lostQuorum();
      return;
    }
    for (const voter of state.silentVoters(nowMs, fetchTimeoutMs)) this.#tell(voter, state);
    const pauseMs = Math.max(1, Math.floor(fetchTimeoutMs / 2));
    // Never later than the moment when the quorum would be lost.
    const leftMs = Math.floor((fetchTimeoutMs * 3) / 2) - sinceMs;
    this.#watch.set(leftMs > 0 ? Math.min(pauseMs, leftMs) : pauseMs);
  }

  #tell(voter: Voter, { epoch }: LeaderState): void {
    const { clusterId, self, peers, owner } = this.#options;
    if (this.#told.has(voter.id)) return;
    this.#told.add(voter.id);
    const body = beginQuorumEpochRequest(clusterId, voter, self.id, epoch);
    peers.send(voter.host, "raft-election", ApiKeys.BEGIN_QUORUM_EPOCH, body, (outcome) => {
      if (this.#state?.epoch === epoch) this.#told.delete(voter.id);
      if (outcome.kind !== "response") return;
      const answer = onlyPartition(outcome.body.topics);
      if (answer === null) return;
      const error = answer.errorCode as ErrorCode;
      owner.guarded(() => owner.heard(error, answer.leaderId, answer.leaderEpoch));
    });
  }
}
