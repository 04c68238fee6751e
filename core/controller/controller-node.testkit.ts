/** A controller on a node of a manual world, and clients that ask it like brokers do. */
import { serveRequests } from "../network/request-server.ts";
import { ClientChannel } from "../network/client-channel.ts";
import type { ApiKey, RequestBody, ResponseBody } from "../protocol/message.ts";
import { ApiKeys, supportedVersions } from "../protocol/message.ts";
import type { MetadataLogListener } from "../raft/committed-reader.ts";
import { MetadataLog } from "../raft/metadata-log.ts";
import type { Rules } from "../rules.ts";
import { makeRules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import { resolveBrokerSettings } from "../settings/broker-settings.ts";
import type { SettingValue } from "../settings/definition.ts";
import type { ManualNode } from "../testkit/manual-ports.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import { Controller } from "./controller.ts";

export const CLUSTER = "test-cluster";
export const CONTROLLER_ID = 100;
export const CONTROLLER_HOST = "c100";

type Given = Readonly<Record<string, SettingValue>>;

export interface RunningController {
  readonly log: MetadataLog;
  readonly controller: Controller;
}

export function settingsOf(given: Given = {}): BrokerSettings {
  return resolveBrokerSettings(given);
}

function logOn(
  node: ManualNode,
  nodeId: number,
  rules: Rules,
  given: Given,
  listener: MetadataLogListener | null,
): MetadataLog {
  const settings = settingsOf(given);
  node.ports.storage.makeDirectory(settings["log.dir"]);
  return new MetadataLog({
    ports: node.ports,
    rules,
    settings,
    nodeId,
    directoryId: `dir-${nodeId}`,
    clusterId: CLUSTER,
    voters: [{ id: CONTROLLER_ID, host: CONTROLLER_HOST }],
    listener,
  });
}

/** Starts a controller process on `node`. */
export function startController(
  node: ManualNode,
  given: Given = {},
  rules: Rules = makeRules(),
): RunningController {
  const log = logOn(node, CONTROLLER_ID, rules, given, null);
  const { ports } = node;
  const controller = new Controller({
    ports,
    rules,
    settings: settingsOf(given),
    nodeId: CONTROLLER_ID,
    clusterId: CLUSTER,
    log,
  });
  log.start();
  serveRequests(ports, "network", (call) => {
    if (call.request.apiKey === ApiKeys.API_VERSIONS) {
      call.respond<typeof ApiKeys.API_VERSIONS>({ errorCode: 0, apiKeys: supportedVersions });
    } else if (call.request.apiKey === ApiKeys.FETCH) log.handleFetch(call);
    else controller.handle(call);
  });
  return { log, controller };
}

/** Starts an observer of the metadata log on `node`. */
export function startObserver(
  node: ManualNode,
  nodeId: number,
  listener: MetadataLogListener,
  rules: Rules = makeRules(),
): MetadataLog {
  const log = logOn(node, nodeId, rules, {}, listener);
  log.start();
  return log;
}

/** A world with one active controller and a client node that speaks for brokers. */
export class ControllerCluster {
  readonly world: ManualWorld = new ManualWorld();
  readonly node: ManualNode = this.world.node(CONTROLLER_HOST);
  readonly given: Given;
  readonly rules: Rules;
  running: RunningController;
  #channel: ClientChannel;
  readonly #epochs: Map<number, number> = new Map();

  constructor(given: Given = {}, rules: Rules = makeRules()) {
    this.given = given;
    this.rules = rules;
    this.running = startController(this.node, given, rules);
    this.#channel = this.#connect();
    this.world.runUntil(() => this.running.controller.isActive);
    this.world.run(100);
  }

  #connect(): ClientChannel {
    return new ClientChannel(this.world.node("client").ports, {
      lane: "client",
      host: CONTROLLER_HOST,
      channel: "test",
      clientId: "test",
      requestTimeoutMs: 60000,
      reconnectBackoffMs: 10,
      reconnectBackoffMaxMs: 10,
    });
  }

  get image(): Controller["image"] {
    return this.running.controller.image;
  }

  /** Kills the controller, by loss of power if so asked, and starts it again on its disk. */
  restart(losePower: boolean = false): void {
    if (losePower) this.node.losePower();
    this.node.restart();
    this.running = startController(this.node, this.given, this.rules);
    this.world.runUntil(() => this.running.controller.isActive);
    this.world.run(100);
  }

  /** Sends a request without waiting. */
  send<K extends ApiKey>(
    key: K,
    body: RequestBody<K>,
    done: (body: ResponseBody<K>) => void,
  ): void {
    this.#channel.send(key, body, (outcome) => {
      if (outcome.kind === "response") done(outcome.body);
    });
  }

  /** Sends a request and lets time pass until it is answered. */
  ask<K extends ApiKey>(key: K, body: RequestBody<K>): ResponseBody<K> {
    const answers: ResponseBody<K>[] = [];
    this.send(key, body, (answer) => answers.push(answer));
    this.world.runUntil(() => answers.length > 0);
    return answers[0] as ResponseBody<K>;
  }

  register(
    id: number,
    options: {
      incarnation?: string;
      previousEpoch?: number;
      rack?: string;
      directory?: string;
    } = {},
  ): ResponseBody<62> {
    const answer = this.ask(ApiKeys.BROKER_REGISTRATION, {
      brokerId: id,
      clusterId: CLUSTER,
      incarnationId: options.incarnation ?? `incarnation-${id}`,
      host: `b${id}`,
      rack: options.rack ?? null,
      logDirs: [options.directory ?? `dir-${id}`],
      previousBrokerEpoch: options.previousEpoch ?? -1,
    });
    if (answer.errorCode === 0) this.#epochs.set(id, answer.brokerEpoch);
    return answer;
  }

  epochOf(id: number): number {
    return this.#epochs.get(id) ?? -1;
  }

  heartbeat(
    id: number,
    wants: { fence?: boolean; shutDown?: boolean; offset?: number } = {},
  ): ResponseBody<63> {
    return this.ask(ApiKeys.BROKER_HEARTBEAT, {
      brokerId: id,
      brokerEpoch: this.epochOf(id),
      currentMetadataOffset: wants.offset ?? this.running.log.highWatermark - 1,
      wantFence: wants.fence ?? false,
      wantShutDown: wants.shutDown ?? false,
      offlineLogDirs: [],
    });
  }

  /** Registers and unfences brokers. */
  join(...ids: number[]): void {
    for (const id of ids) {
      this.register(id);
      this.heartbeat(id);
    }
  }

  /** Makes a topic whose partitions have these replicas. */
  createTopic(
    name: string,
    replicas: readonly (readonly number[])[],
    configs: Readonly<Record<string, string>> = {},
  ): ResponseBody<19>["topics"][number] {
    const answer = this.ask(ApiKeys.CREATE_TOPICS, {
      topics: [
        {
          name,
          numPartitions: -1,
          replicationFactor: -1,
          assignments: replicas.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: 1000,
      validateOnly: false,
    });
    return answer.topics[0] as ResponseBody<19>["topics"][number];
  }

  partition(
    topic: string,
    index: number = 0,
  ): NonNullable<ReturnType<Controller["image"]["partition"]>> {
    const found = this.image.topicsByName.get(topic)?.partitions[index];
    if (found === undefined) throw new Error(`no partition ${topic}-${index}`);
    return found;
  }
}
