/** The leader's side of fetches of the metadata log (handleFetchRequest in KafkaRaftClient.java). */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import { METADATA_TOPIC_ID } from "../ids.ts";
import type { PartitionLog } from "../log/partition-log.ts";
import type { Call } from "../network/request-server.ts";
import type { Ports } from "../ports.ts";
import type { FetchPartition, FetchPartitionResponse, FetchRequest } from "../protocol/fetch.ts";
import type { ApiKeys } from "../protocol/message.ts";
import type { Batch } from "../record/batch.ts";
import type { LeaderAndEpoch } from "./committed-reader.ts";
import { FetchPurgatory } from "./fetch-purgatory.ts";
import type { RaftRules } from "./raft-rules.ts";

/** The log that is served. */
export interface ServedLog {
  readonly log: PartitionLog;
  readonly leader: LeaderAndEpoch;
  readonly highWatermark: Offset;
  /** Null while this node does not lead. */
  readonly ownEpochStart: Offset | null;
  noteFetch(replica: NodeId, fetchOffset: Offset): void;
}

interface Told {
  readonly connectionId: number;
  readonly highWatermark: Offset;
}

interface Diverging {
  readonly epoch: LeaderEpoch;
  readonly endOffset: Offset;
}

const NO_BATCHES: readonly Batch[] = [];

export class FetchServer {
  readonly #rules: RaftRules;
  readonly #clusterId: string;
  readonly #served: ServedLog;
  readonly #purgatory: FetchPurgatory;
  /** The high watermark that each replica was told last, and on which connection. */
  readonly #told: Map<NodeId, Told> = new Map();

  constructor(ports: Ports, rules: RaftRules, clusterId: string, served: ServedLog) {
    this.#rules = rules;
    this.#clusterId = clusterId;
    this.#served = served;
    this.#purgatory = new FetchPurgatory(ports, (call) => this.#answer(call, 0));
  }

  /** Answers a fetch at once, or keeps it until there is news. */
  serve(call: Call): void {
    this.#answer(call, (call.request.body as FetchRequest).maxWaitMs);
  }

  /** There are new records, a new high watermark or a new leader. */
  news(): void {
    this.#purgatory.completeAll();
  }

  close(): void {
    this.#purgatory.close();
  }

  #answer(call: Call, maxWaitMs: number): void {
    const request = call.request.body as FetchRequest;
    if (request.clusterId !== null && request.clusterId !== this.#clusterId) {
      refuse(call, Errors.INCONSISTENT_CLUSTER_ID);
      return;
    }
    const partition = metadataPartition(request);
    if (partition === null) {
      refuse(call, Errors.INVALID_REQUEST);
      return;
    }
    const { leader, ownEpochStart } = this.#served;
    const isLeader = ownEpochStart !== null;
    const error = this.#rules.fetchError(partition.currentLeaderEpoch, leader.epoch, isLeader);
    if (error === Errors.NONE) this.#read(call, request, partition, maxWaitMs);
    else respond(call, this.#partitionAnswer(error, null, NO_BATCHES));
  }

  #read(call: Call, request: FetchRequest, partition: FetchPartition, maxWaitMs: number): void {
    const { replicaId } = request.replicaState;
    const { fetchOffset } = partition;
    const diverging = this.#divergingEpoch(partition);
    if (diverging !== null) {
      respond(call, this.#partitionAnswer(Errors.NONE, diverging, NO_BATCHES));
      return;
    }
    this.#served.noteFetch(replicaId, fetchOffset);
    const { log, highWatermark } = this.#served;
    const read = log.read(fetchOffset, partition.partitionMaxBytes, log.endOffset, true);
    if ("error" in read) {
      respond(call, this.#partitionAnswer(read.error, null, NO_BATCHES));
      return;
    }
    if (read.batches.length === 0 && maxWaitMs > 0 && this.#knows(call, replicaId)) {
      this.#purgatory.wait(call, maxWaitMs);
      return;
    }
    this.#told.set(replicaId, { connectionId: call.connectionId, highWatermark });
    respond(call, this.#partitionAnswer(Errors.NONE, null, read.batches));
  }

  /** The replica was told the high watermark; one that connects anew may have restarted. */
  #knows({ connectionId }: Call, replicaId: NodeId): boolean {
    const told = this.#told.get(replicaId);
    return told?.connectionId === connectionId && told.highWatermark === this.#served.highWatermark;
  }

  /** Where the fetcher's log parts from this one; null when it does not. */
  #divergingEpoch({ fetchOffset, lastFetchedEpoch }: FetchPartition): Diverging | null {
    const { log } = this.#served;
    // A log without records agrees with every log.
    if (lastFetchedEpoch < 0 && fetchOffset === 0) return null;
    const found = log.endOffsetFor(lastFetchedEpoch) ?? {
      epoch: log.latestEpoch,
      endOffset: log.endOffset,
    };
    const isDiverging = this.#rules.diverges(
      fetchOffset,
      lastFetchedEpoch,
      found.epoch,
      found.endOffset,
    );
    return isDiverging ? { epoch: found.epoch, endOffset: found.endOffset } : null;
  }

  #partitionAnswer(
    errorCode: ErrorCode,
    divergingEpoch: Diverging | null,
    records: readonly Batch[],
  ): FetchPartitionResponse {
    const { leader, highWatermark, log } = this.#served;
    return {
      partitionIndex: 0,
      errorCode,
      highWatermark,
      lastStableOffset: highWatermark,
      logStartOffset: log.logStartOffset,
      divergingEpoch,
      currentLeader: { leaderId: leader.id, leaderEpoch: leader.epoch },
      snapshotId: null,
      records,
    };
  }
}

function metadataPartition(request: FetchRequest): FetchPartition | null {
  const [topic, ...others] = request.topics;
  if (topic === undefined || others.length > 0 || topic.topicId !== METADATA_TOPIC_ID) return null;
  const [partition, ...more] = topic.partitions;
  return partition !== undefined && more.length === 0 && partition.partition === 0
    ? partition
    : null;
}

function respond(call: Call, partition: FetchPartitionResponse): void {
  call.respond<typeof ApiKeys.FETCH>({
    errorCode: Errors.NONE,
    sessionId: 0,
    responses: [{ topicId: METADATA_TOPIC_ID, partitions: [partition] }],
  });
}

function refuse(call: Call, errorCode: ErrorCode): void {
  call.respond<typeof ApiKeys.FETCH>({ errorCode, sessionId: 0, responses: [] });
}
