/**
 * All replicas of one broker (ReplicaManager.scala): turns metadata into leaders and followers, and
 * serves what clients and followers ask of them.
 *
 * Steps: requests on lane "network"; each fetcher on "fetcher-<leader>"; metadata on "metadata";
 * answers of the controller on "alter-partition"; the ISR check on "scheduler"; requests whose time
 * is up on "expiration-reaper". Each step ends by looking at the delayed requests that it may have
 * completed.
 */
import type { ControllerChannel } from "../broker/controller-channel.ts";
import { Errors } from "../errors.ts";
import type { BrokerEpoch, NodeId, TopicId } from "../ids.ts";
import { NO_NODE } from "../ids.ts";
import type { PartitionLog } from "../log/partition-log.ts";
import type {
  MetadataDelta,
  MetadataImage,
  PartitionRegistration,
  TopicImage,
} from "../metadata/image.ts";
import type { Call } from "../network/request-server.ts";
import type { Ports, StorageError, Timer } from "../ports.ts";
import { asStorageError } from "../ports.ts";
import type { LeaderHint } from "../protocol/produce.ts";
import type { Rules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { TopicSettings } from "../settings/topic-settings.ts";
import { ActionQueue } from "./action-queue.ts";
import { DeadlineQueue } from "./deadline-queue.ts";
import { FetchHandler } from "./fetch-handler.ts";
import { FetcherManager } from "./fetcher-manager.ts";
import { IsrManager } from "./isr-manager.ts";
import { ListOffsetsHandler } from "./list-offsets-handler.ts";
import { OffsetForLeaderEpochHandler } from "./offset-for-leader-epoch-handler.ts";
import { Partition } from "./partition.ts";
import { ProduceHandler } from "./produce-handler.ts";
import type { ReplicationContext } from "./replication-context.ts";

/** What it needs of the LogManager. */
export interface PartitionLogs {
  /** May throw a StorageError. */
  getOrCreate(topic: string, partition: number): PartitionLog;
}

export interface ReplicaManagerOptions {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  readonly nodeId: NodeId;
  readonly logs: PartitionLogs;
  /** The broker's published image. */
  readonly image: MetadataImage;
  /** For AlterPartition; answers arrive on lane "alter-partition". */
  readonly controller: ControllerChannel;
  /** Of this broker's registration; -1 before it. */
  brokerEpoch(): BrokerEpoch;
  topicSettings(topic: string): TopicSettings;
  /** The log directory failed. */
  onStorageError(error: StorageError): void;
}

const REAPER_LANE = "expiration-reaper";
const SCHEDULER_LANE = "scheduler";

export class ReplicaManager implements ReplicationContext {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  readonly nodeId: NodeId;
  readonly image: MetadataImage;
  readonly actions: ActionQueue = new ActionQueue();
  readonly #options: ReplicaManagerOptions;
  readonly #partitions: Map<TopicId, (Partition | undefined)[]> = new Map();
  readonly #deadlines: DeadlineQueue;
  readonly #fetchers: FetcherManager;
  readonly #isrManager: IsrManager;
  readonly #produce: ProduceHandler;
  readonly #fetch: FetchHandler;
  readonly #listOffsets: ListOffsetsHandler;
  readonly #offsetForLeaderEpoch: OffsetForLeaderEpochHandler;
  readonly #isrTimer: Timer;
  #isShuttingDown = false;

  constructor(options: ReplicaManagerOptions) {
    const { ports, settings } = options;
    this.#options = options;
    this.ports = ports;
    this.rules = options.rules;
    this.settings = settings;
    this.nodeId = options.nodeId;
    this.image = options.image;
    this.#deadlines = new DeadlineQueue(ports, REAPER_LANE, "delayed requests", () =>
      this.actions.drain(),
    );
    this.#fetchers = new FetcherManager(this);
    this.#isrManager = new IsrManager(this, options.controller);
    this.#produce = new ProduceHandler(this, this.#deadlines);
    this.#fetch = new FetchHandler(this, this.#deadlines);
    this.#listOffsets = new ListOffsetsHandler(this);
    this.#offsetForLeaderEpoch = new OffsetForLeaderEpochHandler(this);
    this.#isrTimer = ports.timers.timer(SCHEDULER_LANE, "isr-expiration", () => this.#checkIsrs());
    this.#armIsrTimer();
  }

  handleProduce(call: Call): void {
    this.#produce.handle(call);
    this.actions.drain();
  }

  handleFetch(call: Call): void {
    this.#fetch.handle(call);
    this.actions.drain();
  }

  handleListOffsets(call: Call): void {
    this.#listOffsets.handle(call);
  }

  handleOffsetForLeaderEpoch(call: Call): void {
    this.#offsetForLeaderEpoch.handle(call);
  }

  /** Makes this broker's replicas what the image says, for the partitions that changed. */
  applyDelta(delta: MetadataDelta): void {
    const leaders: [Partition, PartitionRegistration][] = [];
    const followers: [Partition, PartitionRegistration][] = [];
    for (const [topicId, changed] of delta.partitions) {
      const topic = this.image.topicsById.get(topicId);
      if (topic === undefined) continue;
      for (const index of changed) {
        const registration = topic.partitions[index];
        if (registration === undefined || !registration.replicas.includes(this.nodeId)) continue;
        const partition = this.#getOrCreate(topic, index);
        if (partition === null) return;
        const isLeader = registration.leader === this.nodeId;
        (isLeader ? leaders : followers).push([partition, registration]);
      }
    }
    try {
      for (const [partition] of leaders) this.#fetchers.remove(partition, "became-leader");
      for (const [partition, registration] of leaders) {
        partition.becomeLeader(registration, this.#isrManager);
      }
      for (const [partition, registration] of followers) this.#follow(partition, registration);
    } catch (error) {
      this.storageFailed(asStorageError(error));
      return;
    }
    this.#fetchers.closeIdle();
    this.actions.drain();
  }

  /** This broker's replica of a partition, if it has one. */
  localPartition(topic: string, index: number): Partition | undefined {
    const id = this.image.topicsByName.get(topic)?.id;
    return id === undefined ? undefined : this.partition(id, index);
  }

  topicSettingsChanged(topic: string): void {
    const id = this.image.topicsByName.get(topic)?.id;
    const partitions = id === undefined ? undefined : this.#partitions.get(id);
    if (partitions === undefined) return;
    const settings = this.#options.topicSettings(topic);
    for (const partition of partitions) partition?.log.configure(settings);
  }

  /** Controlled shutdown began: replicas that count for nothing any more stop fetching. */
  beginShutdown(): void {
    this.#isShuttingDown = true;
  }

  /** Ends fetchers and timers; requests that wait are not answered any more. */
  shutDown(): void {
    this.#isrTimer.cancel();
    this.#fetchers.closeAll();
    this.#isrManager.close();
    this.#deadlines.close();
  }

  // -- what the parts of replication need, see ReplicationContext

  brokerEpoch(): BrokerEpoch {
    return this.#options.brokerEpoch();
  }

  storageFailed(error: StorageError): void {
    this.#options.onStorageError(error);
  }

  partition(topicId: TopicId, index: number): Partition | undefined {
    return this.#partitions.get(topicId)?.[index];
  }

  errorOfAbsent(topicId: TopicId, index: number): number {
    const topic = this.image.topicsById.get(topicId);
    if (topic === undefined) return Errors.UNKNOWN_TOPIC_ID;
    return topic.partitions[index] === undefined
      ? Errors.UNKNOWN_TOPIC_OR_PARTITION
      : Errors.NOT_LEADER_OR_FOLLOWER;
  }

  leaderHint(topicId: TopicId, index: number): LeaderHint | null {
    const known = this.partition(topicId, index) ?? this.image.partition(topicId, index);
    if (known === undefined) return null;
    const { leader, leaderEpoch } = known;
    const broker = this.image.brokers.get(leader);
    if (broker === undefined || broker.fenced) return { leaderId: leader, leaderEpoch };
    return { leaderId: leader, leaderEpoch, leaderHost: broker.host };
  }

  #follow(partition: Partition, registration: PartitionRegistration): void {
    const isNew = partition.becomeFollower(registration);
    const { leader, isr } = registration;
    const hasLeader = leader !== NO_NODE;
    const isInIsr = isr.includes(this.nodeId);
    if (this.rules.replica.stopsFetching(this.#isShuttingDown, hasLeader, isInIsr)) {
      this.#fetchers.remove(partition, "stopped");
      return;
    }
    if (!isNew) return;
    // Also when the leader is the same: the position has to be looked at in the new epoch.
    this.#fetchers.remove(partition, hasLeader ? "new-leader" : "no-leader");
    if (!hasLeader) return;
    const { log, leaderEpoch } = partition;
    const { endOffset, highWatermark, latestEpoch } = log;
    const start = this.rules.replica.startOffset(endOffset, highWatermark, latestEpoch);
    if (start < endOffset) partition.truncate(start, "rule", leaderEpoch, highWatermark);
    this.#fetchers.add(partition, leader, leaderEpoch, start);
  }

  #getOrCreate(topic: TopicImage, index: number): Partition | null {
    let partitions = this.#partitions.get(topic.id);
    if (partitions === undefined) this.#partitions.set(topic.id, (partitions = []));
    const known = partitions[index];
    if (known !== undefined) return known;
    while (partitions.length < index) partitions.push(undefined);
    try {
      const log = this.#options.logs.getOrCreate(topic.name, index);
      const partition = new Partition(this, topic.id, topic.name, index, log);
      partitions[index] = partition;
      return partition;
    } catch (error) {
      this.storageFailed(asStorageError(error));
      return null;
    }
  }

  /** Looks for members of the ISR that lag, twice in the time that they are granted. */
  #checkIsrs(): void {
    const nowMs = this.ports.clock.monotonicMs();
    for (const partition of this.#all()) partition.leading?.maybeShrink(nowMs);
    this.#armIsrTimer();
    this.actions.drain();
  }

  #armIsrTimer(): void {
    this.#isrTimer.set(Math.max(1, Math.floor(this.settings["replica.lag.time.max.ms"] / 2)));
  }

  *#all(): Iterable<Partition> {
    for (const partitions of this.#partitions.values()) {
      for (const partition of partitions) if (partition !== undefined) yield partition;
    }
  }
}
