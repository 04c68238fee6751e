/**
 * The replicated log of the cluster's metadata, as one node has it (KafkaRaftClient.java, KIP-595).
 * A voter may become its leader and then appends; every other node is an observer and fetches.
 *
 * Differs from Kafka: the quorum has one voter, which elects itself when it starts. The leader counts
 * its own log only after it was flushed. There are no snapshots: the log begins at 0.
 */
import { assert } from "../assert.ts";
import type { LeaderEpoch, NodeId, Offset, Uuid } from "../ids.ts";
import { METADATA_TOPIC, NO_NODE, partitionName } from "../ids.ts";
import { PartitionLog } from "../log/partition-log.ts";
import { encodeMetadataRecord } from "../metadata/codec.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { Call } from "../network/request-server.ts";
import type { Lane, Ports, Timer } from "../ports.ts";
import { asStorageError } from "../ports.ts";
import type { FetchPartitionResponse } from "../protocol/fetch.ts";
import type { Batch } from "../record/batch.ts";
import { decodeRecords } from "../record/decode.ts";
import type { NewRecord } from "../record/encode.ts";
import { encodeBatch } from "../record/encode.ts";
import type { Rules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import { resolveSettings } from "../settings/definition.ts";
import type { TopicSettings } from "../settings/topic-settings.ts";
import { topicSettings } from "../settings/topic-settings.ts";
import { CommitTeller } from "./commit-teller.ts";
import type { LeaderAndEpoch, MetadataLogListener } from "./committed-reader.ts";
import { CommittedReader } from "./committed-reader.ts";
import type { ControlRecord, Voter } from "./control-records.ts";
import { decodeControlRecord, encodeControlRecord } from "./control-records.ts";
import { FetchServer } from "./fetch-server.ts";
import { LeaderState } from "./leader-state.ts";
import { ObserverFetcher } from "./observer-fetcher.ts";
import type { QuorumState } from "./quorum-state-file.ts";
import { NO_QUORUM_STATE, QuorumStateFile } from "./quorum-state-file.ts";
import { VoterHistory } from "./voter-history.ts";

export const METADATA_PARTITION: string = partitionName(METADATA_TOPIC, 0);

/** The lane that elections, appends and fetches of this log run on. */
const RAFT_LANE = "raft";
/** MAX_BATCH_SIZE_BYTES in KafkaRaftClient.java. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
/** KIP-853: voters are (id, directory id) and listed in the log. */
const KRAFT_VERSION = 1;
const READ_BYTES = 1048576;
const NOBODY: readonly NodeId[] = [];

export interface MetadataLogOptions {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  readonly nodeId: NodeId;
  /** Of this node's log.dir. */
  readonly directoryId: Uuid;
  readonly clusterId: string;
  /** controller.quorum.voters: where to look until the log itself lists the voters. */
  readonly voters: readonly { readonly id: NodeId; readonly host: string }[];
  /** Served on lane "metadata"; more can be registered before the start. */
  readonly listener: MetadataLogListener | null;
}

export class MetadataLog {
  readonly #ports: Ports;
  readonly #rules: Rules;
  readonly #settings: BrokerSettings;
  readonly #options: MetadataLogOptions;
  readonly #readers: CommittedReader[] = [];
  readonly #voters: VoterHistory;
  readonly #linger: Timer;
  readonly #fetcher: ObserverFetcher;
  readonly #fetchServer: FetchServer;
  readonly #teller: CommitTeller;
  #log: PartitionLog | null = null;
  #stateFile: QuorumStateFile | null = null;
  #state: QuorumState = NO_QUORUM_STATE;
  #leader: LeaderAndEpoch = { id: NO_NODE, epoch: 0 };
  #leading: LeaderState | null = null;
  #highWatermark: Offset = -1;
  #isClosed = false;

  constructor(options: MetadataLogOptions) {
    const { ports, rules, settings, voters } = options;
    this.#options = options;
    this.#ports = ports;
    this.#rules = rules;
    this.#settings = settings;
    this.#voters = new VoterHistory(
      voters.map(({ id, host }) => ({ id, host, directoryId: null })),
    );
    this.#linger = ports.timers.timer(RAFT_LANE, "metadata-append-linger", () =>
      this.guarded(() => this.#drain()),
    );
    this.#fetcher = new ObserverFetcher(ports, settings, this.#asReplica());
    this.#teller = new CommitTeller(ports);
    this.#fetchServer = new FetchServer(ports, rules.raft, options.clusterId, this);
    if (options.listener !== null) this.register(options.listener, "metadata");
  }

  /** Also tells `listener`, each time in a step of its own on `lane`. Only before the start. */
  register(listener: MetadataLogListener, lane: Lane): void {
    assert(this.#log === null, "listeners of the metadata log are known when it starts");
    this.#readers.push(new CommittedReader(this.#ports, this.#rules.raft, lane, listener, this));
  }

  /** Opens the log; then a voter stands for election and an observer begins to fetch. */
  start(): void {
    this.guarded(() => this.#open());
    this.#ports.work.later(RAFT_LANE, "join the quorum", () => this.guarded(() => this.#join()));
  }

  /** Who leads, as far as this node knows; the id is -1 when it does not. */
  get leader(): LeaderAndEpoch {
    return this.#leader;
  }

  /** All below it is committed, as far as this node knows; -1 while it does not know. */
  get highWatermark(): Offset {
    return this.#highWatermark;
  }

  /** Offset that the next record gets which this leader appends. */
  get nextOffset(): Offset {
    assert(this.#leading !== null, "only the leader appends");
    return this.#leading.nextOffset;
  }

  /** Start of this node's own leadership; null while it does not lead. */
  get ownEpochStart(): Offset | null {
    return this.#leading === null ? null : this.#leading.epochStartOffset;
  }

  get log(): PartitionLog {
    assert(this.#log !== null, "the metadata log is open");
    return this.#log;
  }

  hostOf(voter: NodeId): string {
    const found = this.#voters.find(voter);
    assert(found !== undefined, `node ${voter} is a voter`);
    return found.host;
  }

  /**
   * Leader only: promises offsets to records that will be written as one atomic batch within
   * controller.quorum.append.linger.ms. Null when this node does not lead in `epoch` any more.
   */
  append(records: readonly MetadataRecord[], epoch: LeaderEpoch): Offset | null {
    const leading = this.#leading;
    if (leading === null || !this.#rules.raft.mayAppend(epoch, leading.epoch)) return null;
    assert(records.length > 0, "an append has a record");
    const baseOffset = leading.enqueue(records);
    if (!this.#linger.armed) {
      this.#linger.set(this.#settings["controller.quorum.append.linger.ms"]);
    }
    return baseOffset;
  }

  /** Fetch of the metadata topic. Only the leader serves it; the answer may wait for news. */
  handleFetch(call: Call): void {
    this.#ports.work.later(RAFT_LANE, "metadata fetch", () =>
      this.guarded(() => this.#fetchServer.serve(call)),
    );
  }

  /** A voter's fetch says how far its log goes. */
  noteFetch(replica: NodeId, fetchOffset: Offset): void {
    if (this.#leading?.noteEnd(replica, fetchOffset) === true) this.#committed();
  }

  /** Writes what was promised, closes the log cleanly and goes silent. */
  close(): void {
    if (this.#isClosed) return;
    this.guarded(() => {
      if (this.#leading !== null) this.#drain();
      this.log.close();
    });
    this.#isClosed = true;
    this.#linger.cancel();
    this.#fetcher.stop();
    this.#fetchServer.close();
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

  // ---- start and election -----------------------------------------------------------------------

  #open(): void {
    const { ports, settings, rules } = this.#options;
    const directory = `${settings["log.dir"]}/${METADATA_PARTITION}`;
    if (!ports.storage.exists(directory)) {
      ports.storage.makeDirectory(directory);
      ports.storage.syncDirectory(settings["log.dir"]);
    }
    this.#stateFile = new QuorumStateFile(ports.storage, directory);
    const state = this.#stateFile.read();
    if (state === "damaged") return ports.host.exit(`${directory}/quorum-state is damaged`);
    this.#state = state;
    // Whoever led before a restart leads no more.
    const ledItself = state.leaderId === this.#options.nodeId;
    this.#leader = { id: ledItself ? NO_NODE : state.leaderId, epoch: state.leaderEpoch };
    this.#log = PartitionLog.open({
      ports,
      rules,
      lane: RAFT_LANE,
      directory,
      name: METADATA_PARTITION,
      settings: metadataLogSettings(),
      checkpoint: { recoveryPoint: 0, logStartOffset: 0, highWatermark: 0 },
      clean: false,
      producerIdExpirationMs: settings["producer.id.expiration.ms"],
    });
    this.#readVoters();
  }

  /** What the log says about voters; it is the only thing that a node keeps of control records. */
  #readVoters(): void {
    let offset = this.log.logStartOffset;
    while (offset < this.log.endOffset) {
      const read = this.log.read(offset, READ_BYTES, this.log.endOffset, true);
      if ("error" in read) {
        return this.#ports.host.exit(`the metadata log is damaged at offset ${offset}`);
      }
      for (const batch of read.batches) {
        this.#noteControlBatch(batch);
        offset = batch.nextOffset;
      }
    }
  }

  #noteControlBatch(batch: Batch): void {
    if (!batch.body.isControl) return;
    for (const record of decodeRecords(batch, this.#ports.codecs)) {
      const control = decodeControlRecord(record);
      if (control?.type === "Voters") this.#voters.add(record.offset, control.voters);
    }
  }

  #join(): void {
    const { nodeId, directoryId } = this.#options;
    // A leader that restarts was the only voter: nobody else can hold its epoch.
    if (!this.#voters.includes(nodeId, directoryId)) {
      this.#wakeReaders();
      this.#fetcher.start();
      return;
    }
    const count = this.#voters.latest.length;
    if (count !== 1) return this.#ports.host.exit(`a quorum of ${count} voters: one is supported`);
    this.#standForElection();
  }

  #standForElection(): void {
    const { nodeId, directoryId } = this.#options;
    const { raft } = this.#rules;
    const epoch = raft.candidateEpoch(this.#state.leaderEpoch, this.log.latestEpoch);
    this.#leader = { id: NO_NODE, epoch };
    this.#become(
      { leaderEpoch: epoch, leaderId: NO_NODE, votedId: nodeId, votedDirectoryId: directoryId },
      raft.mustPersistVote(),
    );
    if (raft.isElected(1, this.#voters.latest.length)) this.#lead(epoch);
  }

  #lead(epoch: LeaderEpoch): void {
    const { nodeId } = this.#options;
    const { log } = this;
    const voters = this.#voters.latest.map((voter) => voter.id);
    this.#become({ ...this.#state, leaderId: nodeId }, true);
    log.assignEpoch(epoch, log.endOffset);
    this.#leading = new LeaderState(this.#rules.raft, epoch, log.endOffset, voters);
    this.#leader = { id: nodeId, epoch };
    this.#writeControlBatch(epoch, voters);
    this.#drain();
  }

  /** The first batch of an epoch; with the voters themselves when the log does not list them yet. */
  #writeControlBatch(epoch: LeaderEpoch, voters: readonly NodeId[]): void {
    const { nodeId, directoryId } = this.#options;
    const leading = this.#leading;
    assert(leading !== null, "the leader writes the first batch of its epoch");
    const records: ControlRecord[] = [
      { type: "LeaderChange", leaderId: nodeId, voters, grantingVoters: [nodeId] },
    ];
    if (this.#voters.isBootstrap) {
      const listed: readonly Voter[] = this.#voters.latest.map((voter) =>
        voter.id === nodeId ? { ...voter, directoryId } : voter,
      );
      records.push({ type: "KRaftVersion", kRaftVersion: KRAFT_VERSION });
      records.push({ type: "Voters", voters: listed });
    }
    const now = this.#ports.clock.wallMs();
    const batch = this.#write(
      records.map((record) => encodeControlRecord(record, now)),
      epoch,
      true,
    );
    leading.nextOffset = batch.nextOffset;
    this.#noteControlBatch(batch);
  }

  #become(state: QuorumState, mustPersist: boolean): void {
    this.#state = state;
    if (mustPersist) this.#stateFile?.write(state);
  }

  // ---- leader -----------------------------------------------------------------------------------

  /** Writes and flushes all that was promised; then it counts. */
  #drain(): void {
    const leading = this.#leading;
    if (leading === null || this.#isClosed) return;
    this.#linger.cancel();
    const now = this.#ports.clock.wallMs();
    for (const { records, baseOffset } of leading.takePending()) {
      const encoded = records.map((record) => ({
        timestamp: now,
        key: null,
        value: encodeMetadataRecord(record),
        headers: [],
      }));
      const batch = this.#write(encoded, leading.epoch, false);
      assert(batch.baseOffset === baseOffset, `metadata at ${batch.baseOffset}, not ${baseOffset}`);
    }
    this.log.flush();
    const { recoveryPoint, endOffset } = this.log;
    const counted = this.#rules.raft.leaderCounts(recoveryPoint, endOffset);
    if (leading.noteEnd(this.#options.nodeId, counted)) this.#committed();
    this.#fetchServer.news();
  }

  #write(records: readonly NewRecord[], epoch: LeaderEpoch, isControl: boolean): Batch {
    const body = encodeBatch(records, {
      compression: "none",
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      codecs: this.#ports.codecs,
      control: isControl,
    });
    const appended = this.log.appendAsLeader(body, epoch, "raft");
    assert(appended.kind === "appended", "the metadata log takes what its leader writes");
    return appended.batch;
  }

  #committed(): void {
    const leading = this.#leading;
    if (leading === null) return;
    this.#moveHighWatermark(leading.highWatermark, leading.highWatermark, leading.voters);
    this.#teller.tell(this.log);
    this.#fetchServer.news();
  }

  #moveHighWatermark(highWatermark: Offset, told: Offset, counted: readonly NodeId[]): void {
    this.#highWatermark = highWatermark;
    this.log.setHighWatermark(highWatermark);
    const { probe } = this.#ports;
    if (probe !== null) {
      probe.emit({
        kind: "high-watermark",
        partition: METADATA_PARTITION,
        as: this.#leading === null ? "follower" : "leader",
        leaderEpoch: this.#leader.epoch,
        highWatermark,
        endOffset: this.log.endOffset,
        counted,
        told,
      });
    }
    this.#wakeReaders();
  }

  // ---- observer ---------------------------------------------------------------------------------

  #asReplica(): ConstructorParameters<typeof ObserverFetcher>[2] {
    const { nodeId, clusterId } = this.#options;
    const owner = this;
    return {
      nodeId,
      clusterId,
      get leader() {
        return owner.leader;
      },
      get voters() {
        return owner.#voters.latest;
      },
      get endOffset() {
        return owner.log.endOffset;
      },
      get lastEpoch() {
        return owner.log.latestEpoch;
      },
      fetched: (answer) => this.guarded(() => this.#fetched(answer)) ?? false,
    };
  }

  /** True when the next fetch can go out at once. */
  #fetched(answer: FetchPartitionResponse): boolean {
    const isFollowing = this.#follow(answer);
    if (answer.errorCode !== 0) return isFollowing;
    if (answer.divergingEpoch !== null) return this.#truncate(answer.divergingEpoch);
    if (answer.records.length > 0) {
      const appended = this.log.appendAsFollower(answer.records, this.#leader.epoch);
      if (appended.kind === "refused") return false;
      for (const batch of answer.records) this.#noteControlBatch(batch);
    }
    this.#learnHighWatermark(answer.highWatermark);
    return true;
  }

  /** Takes over a newer leader or epoch that an answer names. True when there was one. */
  #follow({ currentLeader }: FetchPartitionResponse): boolean {
    if (currentLeader === null) return false;
    const { leaderId, leaderEpoch } = currentLeader;
    const { id, epoch } = this.#leader;
    if (!this.#rules.raft.followsHint(leaderEpoch, leaderId, epoch, id)) return false;
    this.#become({ ...NO_QUORUM_STATE, leaderEpoch, leaderId }, true);
    this.#leader = { id: leaderId, epoch: leaderEpoch };
    this.#wakeReaders();
    return true;
  }

  #truncate(diverging: { readonly epoch: LeaderEpoch; readonly endOffset: Offset }): boolean {
    const { log } = this;
    const ownEnd = log.endOffsetFor(diverging.epoch)?.endOffset ?? log.endOffset;
    const to = this.#rules.raft.truncationOffset(diverging.endOffset, ownEnd, log.endOffset);
    if (!this.#rules.raft.mayTruncateTo(to, this.#highWatermark)) {
      return this.#ports.host.exit(
        `committed metadata from offset ${to} differs from the leader's`,
      );
    }
    log.truncateTo(to, "diverging", this.#leader.epoch);
    this.#voters.truncateTo(to);
    return true;
  }

  #learnHighWatermark(told: Offset): void {
    const learned = this.#rules.raft.observerHighWatermark(told, this.log.endOffset);
    // A leader that was just elected does not know it yet.
    if (learned > this.#highWatermark) this.#moveHighWatermark(learned, told, NOBODY);
  }

  // ---- both -------------------------------------------------------------------------------------

  #wakeReaders(): void {
    for (const reader of this.#readers) reader.wake();
  }
}

/** The metadata log is never cleaned by retention here, and its batches are bounded by Raft itself. */
function metadataLogSettings(): TopicSettings {
  return resolveSettings(topicSettings, { "max.message.bytes": MAX_BATCH_BYTES });
}
