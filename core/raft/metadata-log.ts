/**
 * The replicated log of the cluster's metadata, as one node has it (KafkaRaftClient.java, KIP-595,
 * KIP-853, KIP-996). A quorum of voters elects a leader, which appends; every other node fetches.
 *
 * This is what the rest of the node sees. The parts: metadata-store.ts has the log and its snapshots
 * on disk, quorum.ts the states of an election, voter.ts what a node does in each state.
 */
import { assert } from "../assert.ts";
import type { LeaderEpoch, NodeId, Offset, Uuid } from "../ids.ts";
import { NO_NODE } from "../ids.ts";
import type { PartitionLog } from "../log/partition-log.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { Call } from "../network/request-server.ts";
import type { Lane, Ports } from "../ports.ts";
import { asStorageError } from "../ports.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { Rules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { LeaderAndEpoch, MetadataLogListener } from "./committed-reader.ts";
import { CommittedReader } from "./committed-reader.ts";
import type { Voter } from "./control-records.ts";
import type { MetadataStore } from "./metadata-store.ts";
import { RAFT_LANE } from "./metadata-store.ts";
import { RaftNode } from "./raft-node.ts";
import { VoterHandlers } from "./voter-handlers.ts";

export interface ConfiguredVoter {
  readonly id: NodeId;
  readonly host: string;
  /** Of its disk, when the quorum was formatted with it; it is learned otherwise. */
  readonly directoryId?: Uuid;
}

export interface MetadataLogOptions {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  readonly nodeId: NodeId;
  /** Of this node's log.dir. */
  readonly directoryId: Uuid;
  readonly clusterId: string;
  /** controller.quorum.voters: where to look until the log itself lists the voters. */
  readonly voters: readonly ConfiguredVoter[];
  /** Served on lane "metadata"; more can be registered before the start. */
  readonly listener: MetadataLogListener | null;
}

/** What KafkaConfig refuses: a quorum of nobody, and two voters of one id. */
export class VotersError extends Error {
  override readonly name = "VotersError";
}

export class MetadataLog {
  readonly #ports: Ports;
  readonly #rules: Rules;
  readonly #options: MetadataLogOptions;
  readonly #bootstrap: readonly Voter[];
  readonly #readers: CommittedReader[] = [];
  #node: RaftNode | null = null;
  #handlers: VoterHandlers | null = null;
  #isClosed = false;
  #hasJoined = false;
  /** Requests that came before this node takes part: the disk it opened may have been slow. */
  #early: (() => void)[] = [];

  /** Throws a VotersError for an empty list of voters, or two of one id. */
  constructor(options: MetadataLogOptions) {
    this.#options = options;
    this.#ports = options.ports;
    this.#rules = options.rules;
    checkVoters(options.voters);
    this.#bootstrap = options.voters.map(({ id, host, directoryId }) => ({
      id,
      host,
      directoryId: directoryId ?? null,
    }));
    if (options.listener !== null) this.register(options.listener, "metadata");
  }

  /** Also tells `listener`, each time in a step of its own on `lane`. Only before the start. */
  register(listener: MetadataLogListener, lane: Lane): void {
    assert(this.#node === null, "listeners of the metadata log are known when it starts");
    const { settings } = this.#options;
    const generates = this.#readers.length === 0;
    this.#readers.push(
      new CommittedReader(this.#ports, this.#rules.raft, lane, listener, this, settings, generates),
    );
  }

  /** Opens the log; then a voter takes part in elections and an observer begins to fetch. */
  start(): void {
    this.guarded(() => this.#open());
    this.#ports.work.later(RAFT_LANE, "join the quorum", () =>
      this.guarded(() => {
        this.#opened.join();
        this.#hasJoined = true;
        const early = this.#early;
        this.#early = [];
        for (const step of early) step();
      }),
    );
  }

  get nodeId(): NodeId {
    return this.#options.nodeId;
  }

  /** Who leads, as far as this node knows; the id is -1 when it does not. */
  get leader(): LeaderAndEpoch {
    return this.#node?.leader ?? { id: NO_NODE, epoch: 0 };
  }

  /** All below it is committed, as far as this node knows; -1 while it does not know. */
  get highWatermark(): Offset {
    return this.#node?.highWatermark ?? -1;
  }

  /** Offset that the next record gets which this leader appends; of no meaning on other nodes. */
  get nextOffset(): Offset {
    const { leadership, store } = this.#opened;
    return leadership.state?.nextOffset ?? store.endOffset;
  }

  /** Start of this node's own leadership; null while it does not lead. */
  get ownEpochStart(): Offset | null {
    return this.#node?.leadership.state?.epochStartOffset ?? null;
  }

  get store(): MetadataStore {
    return this.#opened.store;
  }

  get log(): PartitionLog {
    return this.store.log;
  }

  hostOf(voter: NodeId): string {
    const found = this.store.voters.find(voter) ?? this.#bootstrap.find(({ id }) => id === voter);
    assert(found !== undefined, `node ${voter} is a voter`);
    return found.host;
  }

  /**
   * Leader only: promises offsets to records that will be written as one atomic batch within
   * controller.quorum.append.linger.ms. Null when this node does not lead in `epoch` any more.
   */
  append(records: readonly MetadataRecord[], epoch: LeaderEpoch): Offset | null {
    const { leadership } = this.#opened;
    if (leadership.state === null) return null;
    if (!this.#rules.raft.mayAppend(epoch, leadership.state.epoch)) return null;
    assert(records.length > 0, "an append has a record");
    return leadership.append(records);
  }

  /** Leader of `epoch` only: leads no more, and says so to the other voters. */
  resign(epoch: LeaderEpoch): void {
    this.#ports.work.later(RAFT_LANE, "resign", () => {
      this.guarded(() => {
        if (this.leader.id === this.nodeId && this.leader.epoch === epoch) this.#opened.resign();
      });
    });
  }

  /** Fetch of the metadata topic. Only the leader serves it; the answer may wait for news. */
  handleFetch(call: Call): void {
    this.#raftStep("metadata fetch", () => this.#opened.fetchServer.serve(call));
  }

  /** Vote, BeginQuorumEpoch, EndQuorumEpoch and FetchSnapshot; false for other requests. */
  handle(call: Call): boolean {
    const { apiKey } = call.request;
    switch (apiKey) {
      case ApiKeys.VOTE:
        this.#later("vote", (handlers) => handlers.vote(call));
        return true;
      case ApiKeys.BEGIN_QUORUM_EPOCH:
        this.#later("begin quorum epoch", (handlers) => handlers.beginQuorumEpoch(call));
        return true;
      case ApiKeys.END_QUORUM_EPOCH:
        this.#later("end quorum epoch", (handlers) => handlers.endQuorumEpoch(call));
        return true;
      case ApiKeys.FETCH_SNAPSHOT:
        this.#raftStep("fetch snapshot", () => this.#opened.fetchServer.serveSnapshot(call));
        return true;
      default:
        return false;
    }
  }

  /** Snapshots may have made older ones, and a part of the log, superfluous. */
  snapshotWritten(): void {
    this.store.clean(Math.min(...this.#readers.map((reader) => reader.nextOffset)));
  }

  /**
   * Stops in order: a leader hands over first. `done` is called when another one leads, or could have
   * been elected; the log is closed then.
   */
  shutDown(done: () => void): void {
    this.#ports.work.later(RAFT_LANE, "shut down raft", () => {
      const end = (): void => {
        this.close();
        done();
      };
      if (this.#isClosed || this.#node === null) end();
      else this.guarded(() => this.#opened.leave(end));
    });
  }

  /** Writes what was promised, closes the log cleanly and goes silent. */
  close(): void {
    if (this.#isClosed) return;
    this.guarded(() => {
      this.#node?.leadership.drain();
      this.#node?.store.log.close();
    });
    this.#isClosed = true;
    this.#node?.stop();
  }

  /** Runs what touches the disk: a node whose metadata log fails ends (FaultHandler of KIP-1001). */
  guarded<T>(step: () => T): T | undefined {
    if (this.#isClosed) return undefined;
    try {
      return step();
    } catch (error) {
      const { code } = asStorageError(error);
      const { probe } = this.#ports;
      if (probe !== null) probe.emit({ kind: "log-dir-failed", code });
      return this.#ports.host.exit(`metadata log failed: ${code}`);
    }
  }

  /** There may be something new for the listeners. */
  wakeReaders(): void {
    for (const reader of this.#readers) reader.wake();
  }

  get #opened(): RaftNode {
    assert(this.#node !== null, "the metadata log is open");
    return this.#node;
  }

  #open(): void {
    const { ports, rules, settings, nodeId, directoryId, clusterId } = this.#options;
    this.#node = new RaftNode({
      ports,
      rules,
      settings,
      clusterId,
      self: { id: nodeId, directoryId },
      voters: this.#bootstrap,
      owner: this,
    });
    this.#handlers = new VoterHandlers(
      this.#node,
      rules.raft,
      clusterId,
      settings["controller.quorum.election.backoff.max.ms"],
    );
  }

  #later(name: string, step: (handlers: VoterHandlers) => void): void {
    this.#raftStep(name, () => {
      assert(this.#handlers !== null, "the metadata log is open");
      step(this.#handlers);
    });
  }

  /** A request's turn on the lane; one that is too early has it once this node takes part. */
  #raftStep(name: string, step: () => void): void {
    this.#ports.work.later(RAFT_LANE, name, () =>
      this.guarded(() => {
        if (this.#hasJoined) step();
        else this.#early.push(step);
      }),
    );
  }
}

function checkVoters(voters: readonly ConfiguredVoter[]): void {
  if (voters.length === 0) throw new VotersError("controller.quorum.voters names nobody");
  const ids = new Set<NodeId>();
  for (const { id } of voters) {
    if (ids.has(id)) throw new VotersError(`controller.quorum.voters names node ${id} twice`);
    ids.add(id);
  }
}
