/**
 * A broker: its parts, how they start, how they stop, and which of them handles a request
 * (BrokerServer.scala, KafkaApis.scala).
 *
 *   1. It registers and sends heartbeats (wanting to stay fenced), while it replays the metadata
 *      log.
 *   2. When it has what was committed, it loads its logs and acts on the metadata for the first
 *      time.
 *   3. When the controller has said that it is caught up and 2 is done, it asks to be unfenced.
 *   4. Unfenced, it opens its listener.
 */
import type { LeaderEpoch, NodeId, Offset, Uuid } from "../ids.ts";
import type { LogManager } from "../log/log-manager.ts";
import type { MetadataDelta, MetadataImage } from "../metadata/image.ts";
import type { Call } from "../network/request-server.ts";
import type { Lane, Ports, StorageError } from "../ports.ts";
import { ApiKeys } from "../protocol/message.ts";
import { GroupCoordinator } from "../group/coordinator/group-coordinator.ts";
import { ReplicaManager } from "../replication/replica-manager.ts";
import type { Rules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { SettingValue } from "../settings/definition.ts";
import type { TopicSettings } from "../settings/topic-settings.ts";
import { randomUuid } from "../uuid.ts";
import { AutoTopicCreation } from "./auto-topic-creation.ts";
import type { ControllerDirectory } from "./controller-channel.ts";
import { NodeToControllerChannel } from "./controller-channel.ts";
import { DescribeConfigsHandler } from "./describe-configs-handler.ts";
import { DirectoryAssignments } from "./directory-assignments.ts";
import { FindCoordinatorHandler } from "./find-coordinator-handler.ts";
import { forwardToController } from "./forwarding.ts";
import { LIFECYCLE_LANE, LifecycleManager } from "./lifecycle-manager.ts";
import { MetadataHandler } from "./metadata-handler.ts";
import type { CommittedRecord } from "./metadata-publisher.ts";
import { METADATA_LANE, MetadataPublisher } from "./metadata-publisher.ts";
import { ProducerIdManager } from "./producer-id-manager.ts";
import { TopicSettingsCache } from "./topic-settings-cache.ts";

export interface BrokerOptions {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  /** What the configuration file gives, without defaults. */
  readonly given: Readonly<Record<string, SettingValue>>;
  readonly nodeId: NodeId;
  readonly clusterId: string;
  readonly host: string;
  readonly rack: string | null;
  /** Where requests are handled. */
  readonly lane: Lane;
  readonly logs: LogManager;
  readonly controllers: ControllerDirectory;
  /** Of the metadata log; not positive while it is not known. */
  metadataHighWatermark(): Offset;
  onStorageError(error: StorageError): void;
  /** Unfenced for the first time. */
  onRunning(): void;
  /** The logs are closed: the process may end. */
  onStopped(why: string): void;
}

/** How long the broker tries to reach a controller for a client (BrokerServer.scala). */
const FORWARDING_RETRY_MS = 60000;

export class Broker {
  readonly #options: BrokerOptions;
  /** Drawn at each start of the process. */
  readonly #incarnationId: Uuid;
  readonly #publisher: MetadataPublisher;
  readonly #topicSettings: TopicSettingsCache;
  readonly #lifecycle: LifecycleManager;
  readonly #replicas: ReplicaManager;
  readonly #metadata: MetadataHandler;
  readonly #producerIds: ProducerIdManager;
  readonly #describeConfigs: DescribeConfigsHandler;
  readonly #groups: GroupCoordinator;
  readonly #findCoordinator: FindCoordinatorHandler;
  readonly #forwarding: NodeToControllerChannel;
  readonly #heartbeats: NodeToControllerChannel;
  readonly #alterPartition: NodeToControllerChannel;
  readonly #directoryChannel: NodeToControllerChannel;
  readonly #directories: DirectoryAssignments;
  #serves = false;

  constructor(options: BrokerOptions) {
    this.#options = options;
    const { ports, settings, nodeId, clusterId, lane } = options;
    const rules = options.rules.broker;
    // The purpose names the start too: a world may give one purpose the same draw twice.
    this.#incarnationId = randomUuid(ports.random, `incarnation id ${ports.clock.monotonicMs()}`);
    this.#publisher = new MetadataPublisher({
      ports,
      rules,
      highWatermark: () => options.metadataHighWatermark(),
      knowsItself: ({ brokers }) => brokers.get(nodeId)?.incarnationId === this.#incarnationId,
      subscriber: {
        load: (done) => options.logs.start(done),
        publish: (delta, isFirst) => this.#publish(delta, isFirst),
      },
    });
    const { image } = this.#publisher;
    this.#topicSettings = new TopicSettingsCache({ rules, nodeId, image, settings });

    const sessionMs = settings["broker.session.timeout.ms"];
    this.#forwarding = this.#channel("forwarding", lane, FORWARDING_RETRY_MS);
    // Half a session, so that a lost heartbeat leaves time for another one.
    const heartbeatMs = Math.max(1, Math.floor(sessionMs / 2));
    this.#heartbeats = this.#channel("heartbeat", LIFECYCLE_LANE, heartbeatMs);
    this.#alterPartition = this.#channel("alter-partition", "alter-partition", Infinity);
    this.#directoryChannel = this.#channel(
      "directory-assignments",
      METADATA_LANE,
      FORWARDING_RETRY_MS,
    );

    this.#lifecycle = this.#makeLifecycle();
    this.#replicas = this.#makeReplicas();
    this.#directories = new DirectoryAssignments({
      ports,
      rules,
      lane: METADATA_LANE,
      nodeId,
      directoryId: options.logs.directoryId,
      image,
      channel: this.#directoryChannel,
      brokerEpoch: () => this.#lifecycle.brokerEpoch,
    });
    this.#producerIds = new ProducerIdManager({
      ports,
      rules,
      settings,
      lane,
      nodeId,
      channel: this.#forwarding,
      brokerEpoch: () => this.#lifecycle.brokerEpoch,
    });
    const clientId = `broker-${nodeId}`;
    const channel = this.#forwarding;
    const autoCreation = new AutoTopicCreation({ rules, settings, clientId, channel });
    this.#metadata = new MetadataHandler({ rules, nodeId, clusterId, image, autoCreation });
    this.#groups = new GroupCoordinator({
      ports,
      rules: options.rules,
      settings,
      nodeId,
      image,
      replicas: this.#replicas,
      onStorageError: (error) => options.onStorageError(error),
    });
    this.#findCoordinator = new FindCoordinatorHandler({
      rules,
      image,
      autoCreation,
      partitionFor: (group) => this.#groups.partitionFor(group),
    });
    this.#describeConfigs = new DescribeConfigsHandler({
      nodeId,
      image,
      topics: this.#topicSettings,
      settings,
      given: options.given,
    });
  }

  /** Registers with the controller. */
  start(): void {
    const step = (): void => this.#lifecycle.start();
    this.#options.ports.work.later(LIFECYCLE_LANE, "start broker", step);
  }

  /** The settings in force for a topic. */
  topicSettings(topic: string): TopicSettings {
    return this.#topicSettings.of(topic);
  }

  /** Records of the metadata log that were committed; a step of lane "metadata". */
  committed(records: readonly CommittedRecord[], epoch: LeaderEpoch, lastOffset: Offset): void {
    this.#publisher.committedRun(records, epoch, lastOffset);
  }

  /** All that was committed up to the image's offset, as one; a step of lane "metadata". */
  snapshotLoaded(image: MetadataImage): void {
    this.#publisher.snapshotLoaded(image);
  }

  /** What was handed over so far; null while some of it waits. */
  get replayedImage(): MetadataImage | null {
    return this.#publisher.replayedImage;
  }

  /** A request to the broker's listener. Before the broker runs, connections are ended. */
  handle(call: Call): void {
    if (!this.#serves) {
      call.disconnect();
      return;
    }
    switch (call.request.apiKey) {
      case ApiKeys.PRODUCE:
        return this.#replicas.handleProduce(call);
      case ApiKeys.FETCH:
        return this.#replicas.handleFetch(call);
      case ApiKeys.LIST_OFFSETS:
        return this.#replicas.handleListOffsets(call);
      case ApiKeys.OFFSET_FOR_LEADER_EPOCH:
        return this.#replicas.handleOffsetForLeaderEpoch(call);
      case ApiKeys.METADATA:
        return this.#metadata.handle(call);
      case ApiKeys.INIT_PRODUCER_ID:
        return this.#producerIds.handle(call);
      case ApiKeys.DESCRIBE_CONFIGS:
        return this.#describeConfigs.handle(call);
      case ApiKeys.FIND_COORDINATOR:
        return this.#findCoordinator.handle(call);
      case ApiKeys.JOIN_GROUP:
      case ApiKeys.SYNC_GROUP:
      case ApiKeys.HEARTBEAT:
      case ApiKeys.LEAVE_GROUP:
      case ApiKeys.OFFSET_COMMIT:
      case ApiKeys.OFFSET_FETCH:
      case ApiKeys.OFFSET_DELETE:
      case ApiKeys.LIST_GROUPS:
      case ApiKeys.DESCRIBE_GROUPS:
      case ApiKeys.DELETE_GROUPS:
        return this.#groups.handle(call, call.request.apiKey);
      case ApiKeys.CREATE_TOPICS:
      case ApiKeys.CREATE_PARTITIONS:
      case ApiKeys.ELECT_LEADERS:
      case ApiKeys.INCREMENTAL_ALTER_CONFIGS:
        return forwardToController(this.#forwarding, call, call.request.apiKey);
      default:
        // What is not an API of this listener ends the connection (SocketServer.scala).
        call.disconnect();
    }
  }

  /** Begins to stop: in order if there is time for it, else at once. */
  terminate(): void {
    const step = (): void => {
      this.#replicas.beginShutdown();
      this.#lifecycle.beginShutdown();
    };
    this.#options.ports.work.later(LIFECYCLE_LANE, "begin shutdown", step);
  }

  #channel(channel: string, lane: Lane, retryTimeoutMs: number): NodeToControllerChannel {
    const { ports, settings, nodeId, controllers } = this.#options;
    return new NodeToControllerChannel(ports, {
      lane,
      channel,
      clientId: `broker-${nodeId}`,
      controllers,
      rules: this.#options.rules.broker,
      requestTimeoutMs: Math.min(settings["request.timeout.ms"], retryTimeoutMs),
      retryTimeoutMs,
    });
  }

  #makeLifecycle(): LifecycleManager {
    const { ports, rules, settings, nodeId, clusterId, host, rack, logs } = this.#options;
    return new LifecycleManager({
      ports,
      rules: rules.broker,
      settings,
      nodeId,
      clusterId,
      host,
      rack,
      incarnationId: this.#incarnationId,
      directoryId: logs.directoryId,
      previousBrokerEpoch: logs.previousBrokerEpoch,
      channel: this.#heartbeats,
      metadataOffsets: this.#publisher,
      listener: {
        running: () => {
          this.#serves = true;
          this.#options.onRunning();
        },
        shuttingDown: (why) => this.#stop(why),
      },
    });
  }

  #makeReplicas(): ReplicaManager {
    const { ports, rules, settings, nodeId, logs } = this.#options;
    return new ReplicaManager({
      ports,
      rules,
      settings,
      nodeId,
      logs,
      image: this.#publisher.image,
      controller: this.#alterPartition,
      brokerEpoch: () => this.#lifecycle.brokerEpoch,
      topicSettings: (topic) => this.#topicSettings.of(topic),
      onStorageError: (error) => this.#options.onStorageError(error),
    });
  }

  #publish(delta: MetadataDelta, isFirst: boolean): void {
    const topics = this.#topicSettings.changed(delta);
    this.#replicas.applyDelta(delta);
    this.#directories.published(delta);
    this.#groups.published(delta);
    for (const topic of topics) this.#replicas.topicSettingsChanged(topic);
    if (!isFirst) return;
    const { ports } = this.#options;
    ports.work.later(LIFECYCLE_LANE, "first publish done", () => this.#lifecycle.firstPublished());
  }

  /** Closes everything; what is not closed cleanly is recovered at the next start. */
  #stop(why: string): void {
    const { logs, onStopped } = this.#options;
    this.#serves = false;
    this.#heartbeats.close();
    this.#alterPartition.close();
    this.#directories.close();
    this.#directoryChannel.close();
    this.#forwarding.close();
    this.#groups.shutDown();
    this.#replicas.shutDown();
    logs.shutDown(this.#lifecycle.brokerEpoch);
    onStopped(why);
  }
}
