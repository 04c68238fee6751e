/** A cluster of whole nodes on the manual network, and a client that speaks to them in requests. */
import type { Outcome } from "../network/client-channel.ts";
import { ClientChannel } from "../network/client-channel.ts";
import type { NodeConfig, RunningNode } from "../node.ts";
import { startNode } from "../node.ts";
import type { CreateTopicsResponse } from "../protocol/create-topics.ts";
import type { ApiKey, RequestBody, ResponseBody } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { MetadataTopic } from "../protocol/metadata.ts";
import type { ProducePartitionResponse } from "../protocol/produce.ts";
import type { BatchBody } from "../record/batch.ts";
import { decodeRecords } from "../record/decode.ts";
import { encodeBatch } from "../record/encode.ts";
import { utf8Decode, utf8Encode } from "../record/utf8.ts";
import { makeRules } from "../rules.ts";
import type { SettingValue } from "../settings/definition.ts";
import type { ManualNode } from "./manual-ports.ts";
import { ManualWorld } from "./manual-ports.ts";

/** Kafka's, but quicker to notice what is gone. */
export const quickSettings: Readonly<Record<string, SettingValue>> = {
  "broker.session.timeout.ms": 3000,
  "broker.heartbeat.interval.ms": 500,
  "replica.lag.time.max.ms": 3000,
  "replica.socket.timeout.ms": 2000,
  "replica.fetch.backoff.ms": 200,
  "request.timeout.ms": 2000,
  "auto.create.topics.enable": false,
};

/** Controllers, c100 unless named otherwise, and brokers b1, b2, ... with a client's channel to each. */
export class ManualCluster {
  readonly world: ManualWorld = new ManualWorld();
  readonly running: Map<string, RunningNode> = new Map();
  readonly #channels: Map<string, ClientChannel> = new Map();
  readonly #given: Readonly<Record<string, SettingValue>>;

  readonly #controllers: readonly string[];

  /** `controllers` name the voters; one of them that is a broker too is a combined node. */
  constructor(
    brokers: number,
    given: Readonly<Record<string, SettingValue>> = {},
    controllers: readonly string[] = ["c100"],
  ) {
    this.#given = given;
    this.#controllers = controllers;
    for (const name of controllers) if (name.startsWith("c")) this.start(name);
    for (let id = 1; id <= brokers; id++) this.start(`b${id}`);
    this.world.runUntil(() => this.#runningBrokers() === brokers, 20000);
    this.world.run(20);
  }

  node(name: string): ManualNode {
    return this.world.node(name);
  }

  /** Starts a node's process, again after it ended. */
  start(name: string): void {
    const node = this.node(name);
    if (this.running.has(name)) node.restart();
    const isController = this.#controllers.includes(name);
    const isBroker = name.startsWith("b");
    const config: NodeConfig = {
      clusterId: "test-cluster-id-000000",
      nodeId: Number(name.slice(1)),
      host: name,
      roles: [
        ...(isBroker ? (["broker"] as const) : []),
        ...(isController ? (["controller"] as const) : []),
      ],
      rack: null,
      voters: this.#controllers.map((host) => ({ id: Number(host.slice(1)), host })),
      settings: { ...quickSettings, ...this.#given },
    };
    node.perform(() => this.running.set(name, startNode(node.ports, config, makeRules())));
  }

  terminate(name: string): void {
    this.node(name).perform(() => this.running.get(name)?.terminate());
  }

  /** Sends a request from the client and waits for what becomes of it. */
  ask<K extends ApiKey>(
    broker: string,
    apiKey: K,
    body: RequestBody<K>,
    limitMs: number = 20000,
  ): Outcome<K> {
    let channel = this.#channels.get(broker);
    if (channel === undefined) {
      channel = new ClientChannel(this.node("client").ports, {
        lane: "client",
        host: broker,
        channel: "test",
        clientId: "client",
        requestTimeoutMs: 15000,
        reconnectBackoffMs: 50,
        reconnectBackoffMaxMs: 100,
      });
      this.#channels.set(broker, channel);
    }
    const ended: Outcome<K>[] = [];
    channel.send(apiKey, body, (outcome) => ended.push(outcome));
    this.world.runUntil(() => ended.length > 0, limitMs);
    return ended[0] as Outcome<K>;
  }

  answer<K extends ApiKey>(broker: string, apiKey: K, body: RequestBody<K>): ResponseBody<K> {
    const outcome = this.ask(broker, apiKey, body);
    if (outcome.kind !== "response") throw new Error(`${broker}: ${outcome.kind}`);
    return outcome.body;
  }

  createTopic(
    name: string,
    replicas: readonly number[],
    configs: Record<string, string> = {},
  ): CreateTopicsResponse["topics"][number] | undefined {
    const topic = {
      name,
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [{ partitionIndex: 0, brokerIds: replicas }],
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    };
    const request = { topics: [topic], timeoutMs: 5000, validateOnly: false };
    const { topics } = this.answer("b1", ApiKeys.CREATE_TOPICS, request);
    this.world.run(1000);
    return topics[0];
  }

  topic(name: string, from: string): MetadataTopic {
    const request = { topics: [{ topicId: null, name }], allowAutoTopicCreation: false };
    return this.answer(from, ApiKeys.METADATA, request).topics[0] as MetadataTopic;
  }

  leader(name: string, from: string): number {
    return this.topic(name, from).partitions[0]?.leaderId ?? -1;
  }

  /** Runs until the topic's partition has such a leader, as `from` knows. */
  waitForLeader(name: string, from: string, isIt: (leader: number) => boolean): number {
    for (let tries = 0; tries < 200; tries++) {
      const leader = this.leader(name, from);
      if (isIt(leader)) return leader;
      this.world.run(100);
    }
    throw new Error(`no such leader of ${name}`);
  }

  isr(name: string, from: string): readonly number[] {
    return [...(this.topic(name, from).partitions[0]?.isrNodes ?? [])].sort();
  }

  /** Sends one batch, without a producer id, and waits for its answer. */
  produce(
    broker: string,
    name: string,
    values: readonly string[],
    acks: number = -1,
    index: number = 0,
  ): ProducePartitionResponse {
    const { topicId } = this.topic(name, broker);
    const partitionData = [{ index, records: [this.#batch(values)] }];
    const request = {
      transactionalId: null,
      acks,
      timeoutMs: 2000,
      topicData: [{ topicId, partitionData }],
    };
    const { responses } = this.answer(broker, ApiKeys.PRODUCE, request);
    const result = responses[0]?.partitionResponses[0];
    if (result === undefined) throw new Error("an answer has a result");
    return result;
  }

  /** All records below the high watermark, as one fetch from offset 0 gives them. */
  consume(broker: string, name: string, index: number = 0): readonly string[] {
    const { topicId } = this.topic(name, broker);
    const partition = {
      partition: index,
      currentLeaderEpoch: -1,
      fetchOffset: 0,
      lastFetchedEpoch: -1,
      logStartOffset: -1,
      partitionMaxBytes: 1000000,
    };
    const answer = this.answer(broker, ApiKeys.FETCH, {
      clusterId: null,
      replicaState: { replicaId: -1, replicaEpoch: -1 },
      maxWaitMs: 100,
      minBytes: 1,
      maxBytes: 1000000,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [{ topicId, partitions: [partition] }],
      forgottenTopicsData: [],
      rackId: "",
    });
    const result = answer.responses[0]?.partitions[0];
    if (result?.errorCode !== 0) throw new Error(`${broker}: error ${result?.errorCode}`);
    return result.records.flatMap((batch) =>
      decodeRecords(batch, this.world.codecs).map(({ value }) =>
        utf8Decode(value ?? new Uint8Array()),
      ),
    );
  }

  #batch(values: readonly string[]): BatchBody {
    const records = values.map((value) => ({
      timestamp: this.world.startMs + this.world.nowMs,
      key: null,
      value: utf8Encode(value),
      headers: [],
    }));
    return encodeBatch(records, {
      compression: "none",
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      codecs: this.world.codecs,
    });
  }

  #runningBrokers(): number {
    let count = 0;
    for (const node of this.world.nodes.values()) {
      const isRunning = node.factsOf("broker-state").some((fact) => fact.state === "RUNNING");
      if (isRunning) count += 1;
    }
    return count;
  }
}
