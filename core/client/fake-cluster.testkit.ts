/**
 * Brokers for the clients' unit tests: one log for each partition, shared by whoever leads it, with
 * Kafka's sequence check and fetch sessions. A test watches what arrives and may answer in their place.
 */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { Connection } from "../ports.ts";
import type { FetchPartition, FetchRequest, FetchResponse } from "../protocol/fetch.ts";
import { EARLIEST_TIMESTAMP } from "../protocol/list-offsets.ts";
import type { ApiKey, RequestOf, ResponseBody } from "../protocol/message.ts";
import { ApiKeys, supportedVersions } from "../protocol/message.ts";
import type { LeaderHint, ProducePartitionResponse, ProduceRequest } from "../protocol/produce.ts";
import type { BatchBody } from "../record/batch.ts";
import { Batch } from "../record/batch.ts";
import type { ManualNode } from "../testkit/manual-ports.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";

export interface FakePartition {
  leader: number;
  leaderEpoch: number;
  startOffset: number;
  batches: Batch[];
}

export interface Seen {
  readonly broker: number;
  readonly atMs: number;
  readonly request: RequestOf<ApiKey>;
}

/**
 * What a test answers: a body, nothing for ever, something later (a function that is given the way to
 * answer), or (undefined) what the broker would say itself.
 */
export type Intercept = (
  broker: number,
  request: RequestOf<ApiKey>,
) =>
  | ResponseBody<ApiKey>
  | "silent"
  | ((respond: (body: ResponseBody<ApiKey>) => void) => void)
  | undefined;

type AnyBody = ResponseBody<ApiKey>;

export class FakeCluster {
  readonly world: ManualWorld;
  readonly hosts: readonly string[];
  readonly topics: Map<string, { id: string; partitions: FakePartition[] }> = new Map();
  readonly seen: Seen[] = [];
  intercept: Intercept = () => undefined;
  nextProducerId = 1000;
  /** Brokers that no metadata name. */
  readonly unlisted: Set<number> = new Set();
  readonly #producers: Map<string, { epoch: number; batches: Batch[] }> = new Map();
  readonly #sessions: Map<string, Map<string, { topicId: string; asked: FetchPartition }>> =
    new Map();
  #nextSession = 1;
  /** Requests behind the one that is being handled, by connection. */
  readonly #busy: Map<Connection, RequestOf<ApiKey>[]> = new Map();

  constructor(brokers: number, topics: Readonly<Record<string, number>>) {
    this.world = new ManualWorld();
    this.hosts = Array.from({ length: brokers }, (_, index) => `b${index + 1}`);
    for (const [index, host] of this.hosts.entries()) this.#listen(index + 1, host);
    let leader = 0;
    for (const [name, count] of Object.entries(topics)) {
      const partitions = Array.from({ length: count }, () => ({
        leader: (leader++ % brokers) + 1,
        leaderEpoch: 0,
        startOffset: 0,
        batches: [],
      }));
      this.topics.set(name, { id: `id-of-${name}`, partitions });
    }
  }

  partition(topic: string, index: number): FakePartition {
    return this.topics.get(topic)?.partitions[index] as FakePartition;
  }

  /** A new leader, of the next epoch. */
  elect(topic: string, index: number, leader: number): void {
    const partition = this.partition(topic, index);
    partition.leader = leader;
    partition.leaderEpoch += 1;
  }

  end(topic: string, index: number): number {
    return endOf(this.partition(topic, index));
  }

  append(topic: string, index: number, body: BatchBody): Batch {
    const partition = this.partition(topic, index);
    const batch = new Batch(endOf(partition), partition.leaderEpoch, body);
    partition.batches.push(batch);
    return batch;
  }

  /** Requests of one kind, oldest first. */
  requests<K extends ApiKey>(apiKey: K): RequestOf<K>[] {
    return this.seen.map((one) => one.request).filter((one) => one.apiKey === apiKey) as never;
  }

  /** All batches of produce requests that arrived, oldest first. */
  produced(): BatchBody[] {
    return this.requests(ApiKeys.PRODUCE).flatMap((request) => bodiesOf(request.body));
  }

  #listen(id: number, host: string): void {
    const node = this.world.node(host);
    node.ports.transport.listen("network", (connection) => ({
      received: (frame) => this.#received(id, node, connection, frame as RequestOf<ApiKey>),
      closed: () => undefined,
    }));
  }

  /** One request of a connection at a time, as Kafka does. */
  #received(
    broker: number,
    node: ManualNode,
    connection: Connection,
    request: RequestOf<ApiKey>,
  ): void {
    const waiting = this.#busy.get(connection);
    if (waiting !== undefined) waiting.push(request);
    else {
      this.#busy.set(connection, []);
      this.#handle(broker, node, connection, request);
    }
  }

  #next(broker: number, node: ManualNode, connection: Connection): void {
    const request = this.#busy.get(connection)?.shift();
    if (request === undefined) this.#busy.delete(connection);
    else this.#handle(broker, node, connection, request);
  }

  #handle(
    broker: number,
    node: ManualNode,
    connection: Connection,
    request: RequestOf<ApiKey>,
  ): void {
    const respond = (body: AnyBody): void => {
      const { apiKey, correlationId } = request;
      connection.send({ apiKey, correlationId, body }, 100);
      this.#next(broker, node, connection);
    };
    if (request.apiKey === ApiKeys.API_VERSIONS) {
      respond({ errorCode: 0, apiKeys: supportedVersions });
      return;
    }
    this.seen.push({ broker, atMs: this.world.nowMs, request });
    const own = this.intercept(broker, request);
    if (own === "silent") return;
    if (typeof own === "function") return own(respond);
    if (own !== undefined) return respond(own);
    switch (request.apiKey) {
      case ApiKeys.PRODUCE: {
        const body = this.produce(broker, request.body as ProduceRequest);
        if ((request.body as ProduceRequest).acks !== 0) respond(body);
        else this.#next(broker, node, connection);
        return;
      }
      case ApiKeys.FETCH:
        return this.#fetch(broker, node, request.body as FetchRequest, respond);
      default:
        respond(this.#answer(broker, request));
    }
  }

  #answer(broker: number, request: RequestOf<ApiKey>): AnyBody {
    switch (request.apiKey) {
      case ApiKeys.METADATA:
        return this.#metadata(request as RequestOf<typeof ApiKeys.METADATA>);
      case ApiKeys.INIT_PRODUCER_ID:
        return { errorCode: 0, producerId: this.nextProducerId++, producerEpoch: 0 };
      case ApiKeys.LIST_OFFSETS:
        return this.#listOffsets(broker, request as RequestOf<typeof ApiKeys.LIST_OFFSETS>);
      case ApiKeys.OFFSET_FOR_LEADER_EPOCH:
        return this.#epochEnds(request as RequestOf<typeof ApiKeys.OFFSET_FOR_LEADER_EPOCH>);
      default:
        throw new Error(`the fake cluster does not answer request ${request.apiKey}`);
    }
  }

  #metadata(request: RequestOf<typeof ApiKeys.METADATA>): AnyBody {
    const brokers = this.hosts
      .map((host, index) => ({ nodeId: index + 1, host, rack: null }))
      .filter(({ nodeId }) => !this.unlisted.has(nodeId));
    const names = request.body.topics?.map((topic) => topic.name as string);
    const topics = (names ?? [...this.topics.keys()]).map((name) => {
      const topic = this.topics.get(name);
      return {
        errorCode: topic === undefined ? Errors.UNKNOWN_TOPIC_OR_PARTITION : 0,
        name,
        topicId: topic?.id ?? "",
        isInternal: false,
        partitions: (topic?.partitions ?? []).map((partition, partitionIndex) => ({
          errorCode: partition.leader < 0 ? Errors.LEADER_NOT_AVAILABLE : 0,
          partitionIndex,
          leaderId: partition.leader,
          leaderEpoch: partition.leaderEpoch,
          replicaNodes: [],
          isrNodes: [],
          offlineReplicas: [],
        })),
      };
    });
    return { brokers, clusterId: "c", controllerId: 1, topics };
  }

  #byId(topicId: string): { name: string; partitions: FakePartition[] } | undefined {
    for (const [name, topic] of this.topics) {
      if (topic.id === topicId) return { name, partitions: topic.partitions };
    }
    return undefined;
  }

  /** Appends as a leader would; also for tests that append and then lose the answer. */
  produce(broker: number, request: ProduceRequest): ResponseBody<typeof ApiKeys.PRODUCE> {
    return {
      responses: request.topicData.map(({ topicId, partitionData }) => ({
        topicId,
        partitionResponses: partitionData.map(({ index, records }) => {
          const topic = this.#byId(topicId);
          const partition = topic?.partitions[index];
          if (topic === undefined || partition === undefined) {
            return refusal(index, Errors.UNKNOWN_TOPIC_ID);
          }
          if (partition.leader !== broker) return refusal(index, Errors.NOT_LEADER_OR_FOLLOWER);
          return this.#appendChecked(topic.name, index, records[0] as BatchBody);
        }),
      })),
    };
  }

  #appendChecked(topic: string, index: number, body: BatchBody): ProducePartitionResponse {
    const baseOffset = (offset: number): ProducePartitionResponse => ({
      ...refusal(index, Errors.NONE),
      baseOffset: offset,
      logStartOffset: 0,
    });
    if (body.producerId < 0) return baseOffset(this.append(topic, index, body).baseOffset);
    const key = `${topic}-${index}/${body.producerId}`;
    let producer = this.#producers.get(key);
    if (producer !== undefined && body.producerEpoch < producer.epoch) {
      return refusal(index, Errors.INVALID_PRODUCER_EPOCH);
    }
    if (producer === undefined || body.producerEpoch > producer.epoch) {
      if (producer !== undefined && body.baseSequence !== 0) {
        return refusal(index, Errors.OUT_OF_ORDER_SEQUENCE_NUMBER);
      }
      producer = { epoch: body.producerEpoch, batches: [] };
      this.#producers.set(key, producer);
    }
    const { batches } = producer;
    const twin = batches.find(
      (batch) =>
        batch.body.baseSequence === body.baseSequence &&
        batch.body.lastSequence === body.lastSequence,
    );
    if (twin !== undefined) return baseOffset(twin.baseOffset);
    const last = batches[batches.length - 1];
    if (last !== undefined && (last.body.lastSequence + 1) % 0x80000000 !== body.baseSequence) {
      return refusal(index, Errors.OUT_OF_ORDER_SEQUENCE_NUMBER);
    }
    const batch = this.append(topic, index, body);
    batches.push(batch);
    return baseOffset(batch.baseOffset);
  }

  #listOffsets(broker: number, request: RequestOf<typeof ApiKeys.LIST_OFFSETS>): AnyBody {
    return {
      topics: request.body.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, timestamp }) => {
          const partition = this.partition(name, partitionIndex);
          const isFirst = timestamp === EARLIEST_TIMESTAMP;
          return {
            partitionIndex,
            errorCode: partition.leader === broker ? 0 : Errors.NOT_LEADER_OR_FOLLOWER,
            timestamp: -1,
            offset: isFirst ? partition.startOffset : endOf(partition),
            leaderEpoch: partition.leaderEpoch,
          };
        }),
      })),
    };
  }

  #epochEnds(request: RequestOf<typeof ApiKeys.OFFSET_FOR_LEADER_EPOCH>): AnyBody {
    return {
      topics: request.body.topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition: index, leaderEpoch }) => {
          const { batches } = this.partition(topic, index);
          const older = batches.filter((batch) => batch.leaderEpoch <= leaderEpoch);
          const last = older[older.length - 1];
          return {
            partition: index,
            errorCode: 0,
            leaderEpoch: last?.leaderEpoch ?? -1,
            endOffset: last?.nextOffset ?? -1,
          };
        }),
      })),
    };
  }

  #fetch(
    broker: number,
    node: ManualNode,
    request: FetchRequest,
    respond: (body: AnyBody) => void,
  ): void {
    const isOpening = request.sessionEpoch === 0;
    const sessionId = isOpening ? this.#nextSession++ : request.sessionId;
    const name = `${broker}/${sessionId}`;
    if (isOpening) this.#sessions.set(name, new Map());
    const session = this.#sessions.get(name);
    if (session === undefined) {
      respond({ errorCode: Errors.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0, responses: [] });
      return;
    }
    for (const { topicId, partitions } of request.forgottenTopicsData) {
      for (const partition of partitions) session.delete(`${topicId}/${partition}`);
    }
    for (const { topicId, partitions } of request.topics) {
      for (const asked of partitions) {
        session.set(`${topicId}/${asked.partition}`, { topicId, asked });
      }
    }
    const answer = (): FetchResponse => {
      const partitions = [...session.values()].map(({ topicId, asked }) => ({
        topicId,
        partitions: [this.#read(broker, topicId, asked)],
      }));
      const told = isOpening ? partitions : partitions.filter(hasNews);
      return { errorCode: 0, sessionId, responses: told };
    };
    const first = answer();
    if (first.responses.some(hasNews)) return respond(first);
    // Looks again every 5 ms, as the loopback world has no purgatory.
    const untilMs = this.world.nowMs + request.maxWaitMs;
    const again = (): void => {
      const later = answer();
      if (this.world.nowMs >= untilMs || later.responses.some(hasNews)) respond(later);
      else this.world.later(node, 5, again);
    };
    this.world.later(node, 5, again);
  }

  #read(
    broker: number,
    topicId: string,
    asked: FetchPartition,
  ): FetchResponse["responses"][0]["partitions"][0] {
    const partition = this.#byId(topicId)?.partitions[asked.partition];
    const { fetchOffset, currentLeaderEpoch } = asked;
    let errorCode: ErrorCode = Errors.NONE;
    if (partition === undefined) errorCode = Errors.UNKNOWN_TOPIC_ID;
    else if (currentLeaderEpoch < partition.leaderEpoch) errorCode = Errors.FENCED_LEADER_EPOCH;
    else if (partition.leader !== broker) errorCode = Errors.NOT_LEADER_OR_FOLLOWER;
    else if (fetchOffset > endOf(partition) || fetchOffset < partition.startOffset) {
      errorCode = Errors.OFFSET_OUT_OF_RANGE;
    }
    const end = partition === undefined ? 0 : endOf(partition);
    const isGood = errorCode === Errors.NONE && partition !== undefined;
    return {
      partitionIndex: asked.partition,
      errorCode,
      highWatermark: end,
      lastStableOffset: end,
      logStartOffset: 0,
      divergingEpoch: null,
      currentLeader: null,
      snapshotId: null,
      records: isGood ? partition.batches.filter((batch) => batch.nextOffset > fetchOffset) : [],
    };
  }
}

export function bodiesOf(request: ProduceRequest): BatchBody[] {
  return request.topicData.flatMap((topic) => topic.partitionData.flatMap((one) => one.records));
}

/** The same answer for every partition of a produce request. */
export function refuseAll(
  request: ProduceRequest,
  errorCode: ErrorCode,
  currentLeader: LeaderHint | null = null,
): ResponseBody<typeof ApiKeys.PRODUCE> {
  return {
    responses: request.topicData.map(({ topicId, partitionData }) => ({
      topicId,
      partitionResponses: partitionData.map(({ index }) => {
        return { ...refusal(index, errorCode), currentLeader };
      }),
    })),
  };
}

function refusal(index: number, errorCode: ErrorCode): ProducePartitionResponse {
  return { index, errorCode, baseOffset: -1, logStartOffset: -1, currentLeader: null };
}

function endOf(partition: FakePartition): number {
  return partition.batches[partition.batches.length - 1]?.nextOffset ?? partition.startOffset;
}

function hasNews(topic: FetchResponse["responses"][0]): boolean {
  return topic.partitions.some((one) => one.errorCode !== 0 || one.records.length > 0);
}
