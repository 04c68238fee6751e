/**
 * One Kafka process: a broker, a controller, or both (KafkaRaftServer.scala, SharedServer.scala).
 * Composes the parts, gives each request to the one that handles it, and ends the process.
 */
import { unreachable } from "./assert.ts";
import { Broker } from "./broker/broker.ts";
import { Controller } from "./controller/controller.ts";
import type { NodeId } from "./ids.ts";
import { METADATA_TOPIC_ID } from "./ids.ts";
import { LogManager } from "./log/log-manager.ts";
import type { Role } from "./network/api-versions.ts";
import { apiVersionsOf } from "./network/api-versions.ts";
import { EnvelopedCall } from "./network/enveloped-call.ts";
import type { Call } from "./network/request-server.ts";
import { serveRequests } from "./network/request-server.ts";
import type { Ports, StorageError } from "./ports.ts";
import { asStorageError } from "./ports.ts";
import type { ApiVersionsResponse } from "./protocol/api-versions.ts";
import type { FetchRequest } from "./protocol/fetch.ts";
import { ApiKeys } from "./protocol/message.ts";
import type { ConfiguredVoter } from "./raft/metadata-log.ts";
import { MetadataLog } from "./raft/metadata-log.ts";
import type { Rules } from "./rules.ts";
import type { BrokerSettings } from "./settings/broker-settings.ts";
import { resolveBrokerSettings } from "./settings/broker-settings.ts";
import type { SettingValue } from "./settings/definition.ts";
import { resolveSettings } from "./settings/definition.ts";
import type { TopicSettings } from "./settings/topic-settings.ts";
import { topicSettings } from "./settings/topic-settings.ts";

/** What a node is given besides its ports: its server.properties. */
export interface NodeConfig {
  readonly clusterId: string;
  /** node.id */
  readonly nodeId: NodeId;
  /** The name under which others connect to it. */
  readonly host: string;
  readonly roles: readonly Role[];
  readonly rack: string | null;
  /** controller.quorum.voters */
  readonly voters: readonly ConfiguredVoter[];
  /** By Kafka's names; what is not given has its default. */
  readonly settings: Readonly<Record<string, SettingValue>>;
}

export interface RunningNode {
  /** SIGTERM: stops in order (a broker asks the controller first), then ends the process. */
  terminate(): void;
}

/** Where requests are handled. */
const NETWORK_LANE = "network";

/**
 * Starts the process. Throws a SettingError when a setting does not exist or has a bad value, and a
 * VotersError for an empty list of voters or two of one id; ends
 * the process when its log directory cannot be used.
 */
export function startNode(ports: Ports, config: NodeConfig, rules: Rules): RunningNode {
  return new KafkaNode(ports, config, rules);
}

class KafkaNode implements RunningNode {
  readonly #ports: Ports;
  readonly #config: NodeConfig;
  readonly #rules: Rules;
  readonly #settings: BrokerSettings;
  readonly #apiVersions: ApiVersionsResponse;
  readonly #logs: LogManager;
  readonly #metadataLog: MetadataLog;
  readonly #controller: Controller | null;
  readonly #broker: Broker | null;
  #listens = false;

  constructor(ports: Ports, config: NodeConfig, rules: Rules) {
    this.#ports = ports;
    this.#config = config;
    this.#rules = rules;
    this.#settings = resolveBrokerSettings(config.settings);
    this.#apiVersions = apiVersionsOf(config.roles);
    this.#logs = this.#openLogDirectory();
    this.#metadataLog = this.#makeMetadataLog();
    this.#controller = config.roles.includes("controller") ? this.#makeController() : null;
    this.#broker = config.roles.includes("broker") ? this.#makeBroker() : null;
    this.#metadataLog.start();
    this.#broker?.start();
    // A broker's listener opens when it runs; a controller's has to be there before.
    if (this.#controller !== null) this.#listen();
  }

  terminate(): void {
    if (this.#broker !== null) this.#broker.terminate();
    else this.#ports.work.later(NETWORK_LANE, "stop controller", () => this.#end("shut down"));
  }

  #listen(): void {
    if (this.#listens) return;
    this.#listens = true;
    serveRequests(this.#ports, NETWORK_LANE, (call) => this.#handle(call));
  }

  #handle(call: Call): void {
    const { request } = call;
    switch (request.apiKey) {
      case ApiKeys.API_VERSIONS:
        call.respond<typeof ApiKeys.API_VERSIONS>(this.#apiVersions);
        return;
      case ApiKeys.FETCH:
        if (isMetadataFetch(request.body)) this.#metadataLog.handleFetch(call);
        else this.#toBroker(call);
        return;
      case ApiKeys.PRODUCE:
      case ApiKeys.LIST_OFFSETS:
      case ApiKeys.METADATA:
      case ApiKeys.INIT_PRODUCER_ID:
      case ApiKeys.OFFSET_FOR_LEADER_EPOCH:
      case ApiKeys.DESCRIBE_CONFIGS:
      case ApiKeys.FIND_COORDINATOR:
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
        this.#toBroker(call);
        return;
      case ApiKeys.CREATE_TOPICS:
      case ApiKeys.CREATE_PARTITIONS:
      case ApiKeys.ELECT_LEADERS:
      case ApiKeys.INCREMENTAL_ALTER_CONFIGS:
        // A node with both roles has one listener here; its broker forwards to the controller.
        if (this.#broker !== null) this.#broker.handle(call);
        else this.#toController(call);
        return;
      case ApiKeys.ENVELOPE:
        this.#toController(new EnvelopedCall(call));
        return;
      case ApiKeys.VOTE:
      case ApiKeys.BEGIN_QUORUM_EPOCH:
      case ApiKeys.END_QUORUM_EPOCH:
      case ApiKeys.FETCH_SNAPSHOT:
        if (this.#controller === null || !this.#metadataLog.handle(call)) call.disconnect();
        return;
      case ApiKeys.ALTER_PARTITION:
      case ApiKeys.BROKER_REGISTRATION:
      case ApiKeys.BROKER_HEARTBEAT:
      case ApiKeys.ALLOCATE_PRODUCER_IDS:
      case ApiKeys.ASSIGN_REPLICAS_TO_DIRS:
        this.#toController(call);
        return;
      default:
        unreachable(request);
    }
  }

  #toBroker(call: Call): void {
    if (this.#broker !== null) this.#broker.handle(call);
    else call.disconnect();
  }

  #toController(call: Call): void {
    if (this.#controller === null || !this.#controller.handle(call)) call.disconnect();
  }

  #openLogDirectory(): LogManager {
    const { clusterId, nodeId } = this.#config;
    try {
      return new LogManager({
        ports: this.#ports,
        rules: this.#rules,
        settings: this.#settings,
        clusterId,
        nodeId,
        topicSettings: (topic) => this.#topicSettings(topic),
        onFailure: (error) => this.#logDirectoryFailed(error),
      });
    } catch (error) {
      return this.#logDirectoryFailed(asStorageError(error));
    }
  }

  #makeMetadataLog(): MetadataLog {
    const { nodeId, clusterId, voters, roles } = this.#config;
    return new MetadataLog({
      ports: this.#ports,
      rules: this.#rules,
      settings: this.#settings,
      nodeId,
      directoryId: this.#logs.directoryId,
      clusterId,
      voters,
      // A controller registers by itself.
      listener: roles.includes("broker")
        ? {
            committed: (records, epoch, last) => this.#broker?.committed(records, epoch, last),
            leaderChanged: () => undefined,
            snapshotLoaded: (image) => this.#broker?.snapshotLoaded(image),
            image: () => this.#broker?.replayedImage ?? null,
          }
        : null,
    });
  }

  #makeController(): Controller {
    const { nodeId, clusterId } = this.#config;
    return new Controller({
      ports: this.#ports,
      rules: this.#rules,
      settings: this.#settings,
      nodeId,
      clusterId,
      log: this.#metadataLog,
    });
  }

  #makeBroker(): Broker {
    const { nodeId, clusterId, host, rack, settings } = this.#config;
    const ownRack = this.#settings["broker.rack"];
    return new Broker({
      ports: this.#ports,
      rules: this.#rules,
      settings: this.#settings,
      given: settings,
      nodeId,
      clusterId,
      host,
      rack: rack ?? (ownRack === "" ? null : ownRack),
      lane: NETWORK_LANE,
      logs: this.#logs,
      controllers: this.#metadataLog,
      metadataHighWatermark: () => this.#metadataLog.highWatermark,
      onStorageError: (error) => this.#logDirectoryFailed(error),
      onRunning: () => this.#ports.work.later(NETWORK_LANE, "open listener", () => this.#listen()),
      onStopped: (why) => this.#end(why),
    });
  }

  #topicSettings(topic: string): TopicSettings {
    return this.#broker?.topicSettings(topic) ?? resolveSettings(topicSettings, {});
  }

  #end(why: string): void {
    this.#metadataLog.shutDown(() => this.#ports.host.exit(why));
  }

  /**
   * The only log directory: nothing is left to serve from, so the process ends (LogManager.scala).
   */
  #logDirectoryFailed(error: StorageError): never {
    const { probe, host } = this.#ports;
    if (probe !== null) probe.emit({ kind: "log-dir-failed", code: error.code });
    return host.exit(`log directory failed: ${error.message}`);
  }
}

function isMetadataFetch(body: FetchRequest): boolean {
  return body.topics[0]?.topicId === METADATA_TOPIC_ID;
}
