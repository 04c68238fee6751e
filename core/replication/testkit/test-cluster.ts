/**
 * Brokers that are nothing but a ReplicaManager, for tests, with the test in the controller's place:
 * it writes metadata records, and brokers see them when it says so.
 */
import { PartitionLog } from "../../log/partition-log.ts";
import type { LogCheckpoint } from "../../log/log-loader.ts";
import type { BrokerEpoch, NodeId, PartitionName, TopicId } from "../../ids.ts";
import { MetadataDelta, MetadataImage } from "../../metadata/image.ts";
import type { PartitionRegistration } from "../../metadata/image.ts";
import type { MetadataRecord } from "../../metadata/records.ts";
import type { Outcome } from "../../network/client-channel.ts";
import { ClientChannel } from "../../network/client-channel.ts";
import type { Call } from "../../network/request-server.ts";
import { serveRequests } from "../../network/request-server.ts";
import type { ControllerChannel } from "../../broker/controller-channel.ts";
import { Errors } from "../../errors.ts";
import type {
  AlterPartitionRequest,
  AlterPartitionResult,
} from "../../protocol/alter-partition.ts";
import type { FetchPartition, FetchRequest, FetchResponse } from "../../protocol/fetch.ts";
import { ApiKeys, supportedVersions } from "../../protocol/message.ts";
import type { ApiKey, RequestBody, ResponseBody } from "../../protocol/message.ts";
import type { BatchBody } from "../../record/batch.ts";
import { encodeBatch } from "../../record/encode.ts";
import { utf8Encode } from "../../record/utf8.ts";
import { makeRules } from "../../rules.ts";
import type { Rules } from "../../rules.ts";
import type { BrokerSettings } from "../../settings/broker-settings.ts";
import { brokerSettings } from "../../settings/broker-settings.ts";
import type { SettingValue, TableOf } from "../../settings/definition.ts";
import { resolveSettings } from "../../settings/definition.ts";
import type { TopicSettings } from "../../settings/topic-settings.ts";
import { topicSettings } from "../../settings/topic-settings.ts";
import type { ManualNode } from "../../testkit/manual-ports.ts";
import { ManualWorld } from "../../testkit/manual-ports.ts";
import { ReplicaManager } from "../replica-manager.ts";

export const TOPIC = "t";
export const TOPIC_ID: TopicId = "topic-id-of-t";

export interface ClusterOptions {
  readonly brokers?: number;
  readonly partitions?: number;
  readonly topic?: Readonly<Record<string, SettingValue>>;
  readonly broker?: Readonly<Record<string, SettingValue>>;
  readonly rules?: Rules;
}

export class TestBroker {
  readonly id: NodeId;
  readonly node: ManualNode;
  readonly image: MetadataImage = new MetadataImage();
  readonly manager: ReplicaManager;
  readonly logs: Map<PartitionName, PartitionLog> = new Map();
  appliedRecords = 0;

  constructor(cluster: TestCluster, id: NodeId, epoch: BrokerEpoch) {
    this.id = id;
    this.node = cluster.world.node(`b${id}`);
    const { ports } = this.node;
    const { rules, settings, topic } = cluster;
    this.manager = new ReplicaManager({
      ports,
      rules,
      settings,
      nodeId: id,
      image: this.image,
      logs: {
        getOrCreate: (name, index) => {
          const partition = `${name}-${index}`;
          const log = PartitionLog.open({
            ports,
            rules,
            lane: "scheduler",
            directory: `data/${partition}`,
            name: partition,
            settings: topic,
            checkpoint: cluster.checkpointOf(id, partition),
            clean: false,
            producerIdExpirationMs: 86400000,
          });
          this.logs.set(partition, log);
          return log;
        },
      },
      controller: cluster.channelOf(this),
      brokerEpoch: () => epoch,
      topicSettings: () => cluster.topic,
      onStorageError: (error) => ports.host.exit(error.message),
    });
    serveRequests(ports, "network", (call) => this.#serve(call));
  }

  log(index: number = 0): PartitionLog {
    const log = this.logs.get(`${TOPIC}-${index}`);
    if (log === undefined) throw new Error(`b${this.id} has no log ${index}`);
    return log;
  }

  #serve(call: Call): void {
    switch (call.request.apiKey) {
      case ApiKeys.API_VERSIONS:
        return call.respond<18>({ errorCode: 0, apiKeys: supportedVersions });
      case ApiKeys.PRODUCE:
        return this.manager.handleProduce(call);
      case ApiKeys.FETCH:
        return this.manager.handleFetch(call);
      case ApiKeys.LIST_OFFSETS:
        return this.manager.handleListOffsets(call);
      case ApiKeys.OFFSET_FOR_LEADER_EPOCH:
        return this.manager.handleOffsetForLeaderEpoch(call);
      default:
        throw new Error(`no handler of ${call.request.apiKey}`);
    }
  }
}

export class TestCluster {
  readonly world: ManualWorld = new ManualWorld();
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  topic: TopicSettings;
  readonly brokers: TestBroker[] = [];
  /** What the controller has. */
  readonly truth: MetadataImage = new MetadataImage();
  /** AlterPartition requests that came, in order. */
  readonly proposals: AlterPartitionRequest[] = [];
  /** AlterPartition requests get lost. */
  isMute = false;
  /** Their answers get lost. */
  losesAnswers = false;
  /** Brokers do not see new records until {@link publish}. */
  isQuiet = false;
  readonly checkpoints: Map<string, LogCheckpoint> = new Map();
  readonly #records: MetadataRecord[] = [];
  readonly #channels: Map<string, ClientChannel> = new Map();

  constructor(options: ClusterOptions = {}) {
    const count = options.brokers ?? 3;
    this.rules = options.rules ?? makeRules();
    this.settings = resolveSettings(
      brokerSettings as unknown as TableOf<BrokerSettings>,
      options.broker ?? {},
    );
    this.topic = resolveSettings<TopicSettings>(topicSettings, options.topic ?? {});
    const ids = Array.from({ length: count }, (_, id) => id);
    for (const id of ids) this.register(id, 10 + id);
    this.#records.push({ type: "Topic", name: TOPIC, topicId: TOPIC_ID });
    for (let index = 0; index < (options.partitions ?? 1); index++) {
      this.#records.push({
        type: "Partition",
        topicId: TOPIC_ID,
        partitionId: index,
        replicas: ids,
        isr: ids,
        leader: 0,
        leaderRecoveryState: 0,
        leaderEpoch: 0,
        partitionEpoch: 0,
      });
    }
    this.#applyToTruth();
    for (const id of ids) this.brokers.push(new TestBroker(this, id, 10 + id));
    this.publish();
  }

  broker(id: NodeId): TestBroker {
    return this.brokers[id] as TestBroker;
  }

  run(ms: number): void {
    this.world.run(ms);
  }

  checkpointOf(id: NodeId, partition: PartitionName): LogCheckpoint {
    const known = this.checkpoints.get(`${id}/${partition}`);
    return known ?? { recoveryPoint: 0, logStartOffset: 0, highWatermark: 0 };
  }

  registration(index: number = 0): PartitionRegistration {
    return this.truth.partition(TOPIC_ID, index) as PartitionRegistration;
  }

  /** A new incarnation of a broker, or a change of its state. */
  register(id: NodeId, epoch: BrokerEpoch, fenced: boolean = false): void {
    this.#records.push({
      type: "RegisterBroker",
      brokerId: id,
      brokerEpoch: epoch,
      incarnationId: `incarnation-${epoch}`,
      host: `b${id}`,
      rack: null,
      fenced,
      inControlledShutdown: false,
      logDirs: [],
    });
  }

  /** The controller decides; brokers hear of it unless it is quiet. */
  change(change: { isr?: readonly NodeId[]; leader?: NodeId; index?: number }): void {
    this.#records.push({
      type: "PartitionChange",
      topicId: TOPIC_ID,
      partitionId: change.index ?? 0,
      isr: change.isr ?? null,
      leader: change.leader ?? null,
      leaderRecoveryState: null,
    });
    this.#applyToTruth();
    if (!this.isQuiet) this.publish();
  }

  /** The given brokers, or all that are alive, see all records in one delta. */
  publish(ids: readonly NodeId[] = this.brokers.map(({ id }) => id)): void {
    this.#applyToTruth();
    for (const id of ids) {
      const broker = this.broker(id);
      if (!broker.node.isAlive || broker.appliedRecords === this.#records.length) continue;
      const delta = new MetadataDelta();
      for (; broker.appliedRecords < this.#records.length; broker.appliedRecords++) {
        const record = this.#records[broker.appliedRecords] as MetadataRecord;
        broker.image.apply(record, broker.appliedRecords, 1, delta);
      }
      broker.node.perform(() => broker.manager.applyDelta(delta));
    }
  }

  /** A new process of a broker, registered anew; its disk is as it was. */
  restart(id: NodeId, epoch: BrokerEpoch): void {
    const old = this.broker(id);
    for (const [name, log] of old.logs) {
      const { recoveryPoint, logStartOffset, highWatermark } = log;
      this.checkpoints.set(`${id}/${name}`, { recoveryPoint, logStartOffset, highWatermark });
    }
    old.node.restart();
    this.register(id, epoch);
    this.brokers[id] = new TestBroker(this, id, epoch);
    this.publish();
  }

  channelOf(broker: TestBroker): ControllerChannel {
    return {
      send: <K extends ApiKey>(
        _apiKey: K,
        body: RequestBody<K>,
        done: (outcome: Outcome<K>) => void,
      ) => {
        const request = body as unknown as AlterPartitionRequest;
        this.world.later(broker.node, 2, () => {
          this.proposals.push(request);
          const timeout = (): void => done({ kind: "timeout" });
          if (this.isMute) return this.world.later(broker.node, 400, timeout);
          const response = this.#alterPartition(request) as unknown as ResponseBody<K>;
          if (this.losesAnswers) return this.world.later(broker.node, 400, timeout);
          done({ kind: "response", body: response });
        });
      },
    };
  }

  /** Sends a request as a client at `host`-named channel, and returns the outcome once it is there. */
  send<K extends ApiKey>(
    to: NodeId,
    apiKey: K,
    body: RequestBody<K>,
    channel: string = "client",
  ): { outcome: Outcome<K> | null } {
    const result: { outcome: Outcome<K> | null } = { outcome: null };
    const key = `${channel}>${to}`;
    let at = this.#channels.get(key);
    if (at === undefined) {
      at = new ClientChannel(this.world.node(channel).ports, {
        lane: "client",
        host: `b${to}`,
        channel,
        clientId: channel,
        requestTimeoutMs: 60000,
        reconnectBackoffMs: 50,
        reconnectBackoffMaxMs: 50,
      });
      this.#channels.set(key, at);
    }
    at.send(apiKey, body, (outcome) => (result.outcome = outcome));
    return result;
  }

  produce(
    to: NodeId,
    body: BatchBody,
    options: { acks?: number; timeoutMs?: number; index?: number; channel?: string } = {},
  ): { outcome: Outcome<0> | null } {
    const request = {
      transactionalId: null,
      acks: options.acks ?? -1,
      timeoutMs: options.timeoutMs ?? 30000,
      topicData: [
        { topicId: TOPIC_ID, partitionData: [{ index: options.index ?? 0, records: [body] }] },
      ],
    };
    return this.send(to, ApiKeys.PRODUCE, request, options.channel ?? "producer");
  }

  fetch(
    to: NodeId,
    partitions: readonly Partial<FetchPartition>[],
    options: Partial<FetchRequest> = {},
    channel: string = "consumer",
  ): { outcome: Outcome<1> | null } {
    return this.send(to, ApiKeys.FETCH, fetchRequest(partitions, options), channel);
  }

  #applyToTruth(): void {
    while (this.truth.offset < this.#records.length - 1) {
      const at = this.truth.offset + 1;
      this.truth.apply(this.#records[at] as MetadataRecord, at, 1, new MetadataDelta());
    }
  }

  #alterPartition(request: AlterPartitionRequest): ResponseBody<56> {
    const topics = request.topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map((data): AlterPartitionResult => {
        const index = data.partitionIndex;
        let known = this.truth.partition(topicId, index) as PartitionRegistration;
        let errorCode: number = Errors.NONE;
        if (data.leaderEpoch < known.leaderEpoch) errorCode = Errors.FENCED_LEADER_EPOCH;
        else if (data.partitionEpoch < known.partitionEpoch) {
          errorCode = Errors.INVALID_UPDATE_VERSION;
        } else if (data.newIsrWithEpochs.some((member) => !this.#isEligible(member))) {
          errorCode = Errors.INELIGIBLE_REPLICA;
        } else {
          this.change({ isr: data.newIsrWithEpochs.map(({ brokerId }) => brokerId), index });
          known = this.registration(index);
        }
        const { leader, leaderEpoch, isr, partitionEpoch } = known;
        const leaderId = leader;
        const at = { partitionIndex: index, errorCode, leaderId, leaderEpoch };
        return { ...at, isr, leaderRecoveryState: 0, partitionEpoch };
      }),
    }));
    return { errorCode: 0, topics };
  }

  #isEligible(member: { brokerId: NodeId; brokerEpoch: BrokerEpoch }): boolean {
    const broker = this.truth.brokers.get(member.brokerId);
    if (broker === undefined || !this.truth.isActive(member.brokerId)) return false;
    return member.brokerEpoch === -1 || member.brokerEpoch === broker.epoch;
  }
}

export function fetchRequest(
  partitions: readonly Partial<FetchPartition>[],
  options: Partial<FetchRequest> = {},
): FetchRequest {
  const asked = partitions.map((partition) => ({
    partition: 0,
    currentLeaderEpoch: -1,
    fetchOffset: 0,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
    partitionMaxBytes: 1048576,
    ...partition,
  }));
  return {
    clusterId: null,
    replicaState: { replicaId: -1, replicaEpoch: -1 },
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 52428800,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: asked.length === 0 ? [] : [{ topicId: TOPIC_ID, partitions: asked }],
    forgottenTopicsData: [],
    rackId: "",
    ...options,
  };
}

/** A batch of `count` records; with a producer id, at that sequence. */
export function batchOf(
  cluster: TestCluster,
  count: number = 1,
  producer: { id: number; epoch?: number; sequence: number } | null = null,
): BatchBody {
  const { world } = cluster;
  const timestamp = world.startMs + world.nowMs;
  const records = Array.from({ length: count }, (_, at) => ({
    timestamp,
    key: null,
    value: utf8Encode(`value ${at}`),
    headers: [],
  }));
  return encodeBatch(records, {
    compression: "none",
    producerId: producer?.id ?? -1,
    producerEpoch: producer === null ? -1 : (producer.epoch ?? 0),
    baseSequence: producer?.sequence ?? -1,
    codecs: world.codecs,
  });
}

/** What an answered produce said of its only partition. */
export function producedTo(result: { outcome: Outcome<0> | null }): {
  readonly errorCode: number;
  readonly baseOffset: number;
} {
  if (result.outcome?.kind !== "response") throw new Error("no answer to the produce");
  const answer = result.outcome.body.responses[0]?.partitionResponses[0];
  if (answer === undefined) throw new Error("an answer without a partition");
  return answer;
}

export function fetchedBy(result: { outcome: Outcome<1> | null }): FetchResponse {
  if (result.outcome?.kind !== "response") throw new Error("no answer to the fetch");
  return result.outcome.body;
}
