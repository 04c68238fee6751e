/** The leader's side of fetches of the metadata log (handleFetchRequest in KafkaRaftClient.java). */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import { METADATA_TOPIC_ID } from "../ids.ts";
import type { Call } from "../network/request-server.ts";
import type { Ports } from "../ports.ts";
import type { FetchPartition, FetchPartitionResponse, FetchRequest } from "../protocol/fetch.ts";
import type {
  FetchSnapshotPartition,
  FetchSnapshotRequest,
  SnapshotId,
} from "../protocol/fetch-snapshot.ts";
import type { ApiKeys } from "../protocol/message.ts";
import type { Batch } from "../record/batch.ts";
import type { LeaderAndEpoch } from "./committed-reader.ts";
import { FetchPurgatory } from "./fetch-purgatory.ts";
import { fetchSnapshotResponse, onlyPartition } from "./messages.ts";
import type { MetadataStore } from "./metadata-store.ts";
import type { ReplicaKey } from "./quorum.ts";
import type { RaftRules } from "./raft-rules.ts";

/** The log that is served. */
export interface ServedLog {
  readonly store: MetadataStore;
  readonly leader: LeaderAndEpoch;
  readonly highWatermark: Offset;
  readonly isLeader: boolean;
  noteFetch(replica: ReplicaKey, fetchOffset: Offset): void;
  noteSnapshotFetch(replica: ReplicaKey): void;
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
const NO_BYTES: Uint8Array = new Uint8Array(0);

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

  /** Answers with a piece of a snapshot. */
  serveSnapshot(call: Call): void {
    const request = call.request.body as FetchSnapshotRequest;
    const partition = onlyPartition(request.topics);
    const isForeign = request.clusterId !== null && request.clusterId !== this.#clusterId;
    if (isForeign || partition === null) {
      const errorCode = isForeign ? Errors.INCONSISTENT_CLUSTER_ID : Errors.INVALID_REQUEST;
      call.respond<typeof ApiKeys.FETCH_SNAPSHOT>({ errorCode, topics: [] });
      return;
    }
    this.#answerPiece(call, request, partition);
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
    const { leader, isLeader } = this.#served;
    const error = this.#rules.fetchError(partition.currentLeaderEpoch, leader.epoch, isLeader);
    if (error === Errors.NONE) this.#read(call, request, partition, maxWaitMs);
    else respond(call, this.#partitionAnswer(error, null, null, NO_BATCHES));
  }

  #read(call: Call, request: FetchRequest, partition: FetchPartition, maxWaitMs: number): void {
    const { replicaId } = request.replicaState;
    const { fetchOffset } = partition;
    const snapshotId = this.#snapshotFor(partition);
    if (snapshotId !== null) {
      respond(call, this.#partitionAnswer(Errors.NONE, null, snapshotId, NO_BATCHES));
      return;
    }
    const diverging = this.#divergingEpoch(partition);
    if (diverging !== null) {
      respond(call, this.#partitionAnswer(Errors.NONE, diverging, null, NO_BATCHES));
      return;
    }
    const directoryId = partition.replicaDirectoryId ?? "";
    this.#served.noteFetch({ id: replicaId, directoryId }, fetchOffset);
    const { highWatermark } = this.#served;
    const { log } = this.#served.store;
    const read = log.read(fetchOffset, partition.partitionMaxBytes, log.endOffset, true);
    if ("error" in read) {
      respond(call, this.#partitionAnswer(read.error, null, null, NO_BATCHES));
      return;
    }
    if (read.batches.length === 0 && maxWaitMs > 0 && this.#knows(call, replicaId)) {
      this.#purgatory.wait(call, maxWaitMs);
      return;
    }
    this.#told.set(replicaId, { connectionId: call.connectionId, highWatermark });
    respond(call, this.#partitionAnswer(Errors.NONE, null, null, read.batches));
  }

  /** The replica was told the high watermark; one that connects anew may have restarted. */
  #knows({ connectionId }: Call, replicaId: NodeId): boolean {
    const told = this.#told.get(replicaId);
    return told?.connectionId === connectionId && told.highWatermark === this.#served.highWatermark;
  }

  /** The snapshot that the fetcher has to begin anew with; null when the log will do. */
  #snapshotFor({ fetchOffset, lastFetchedEpoch }: FetchPartition): SnapshotId | null {
    const { log, snapshots } = this.#served.store;
    const { earliest, latest } = snapshots;
    if (earliest === null || latest === null) return null;
    // Nothing is as quick for an empty log.
    if (fetchOffset === 0) return latest.id;
    const { endOffset, epoch } = earliest.id;
    const { logStartOffset } = log;
    return this.#rules.needsSnapshot(
      fetchOffset,
      lastFetchedEpoch,
      logStartOffset,
      endOffset,
      epoch,
    )
      ? latest.id
      : null;
  }

  /** Where the fetcher's log parts from this one; null when it does not. */
  #divergingEpoch({ fetchOffset, lastFetchedEpoch }: FetchPartition): Diverging | null {
    const { log, lastEpoch } = this.#served.store;
    // A log without records agrees with every log.
    if (fetchOffset === 0) return null;
    const found = log.endOffsetFor(lastFetchedEpoch) ?? {
      epoch: lastEpoch,
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

  #answerPiece(call: Call, request: FetchSnapshotRequest, partition: FetchSnapshotPartition): void {
    const { snapshotId, position, replicaDirectoryId } = partition;
    const { leader, isLeader, store } = this.#served;
    const { id: leaderId, epoch: leaderEpoch } = leader;
    const size = store.snapshots.sizeOf(snapshotId);
    let errorCode = this.#rules.fetchError(partition.currentLeaderEpoch, leaderEpoch, isLeader);
    if (errorCode === Errors.NONE) errorCode = this.#rules.snapshotPieceError(position, size);
    const isServed = errorCode === Errors.NONE;
    if (isServed) {
      this.#served.noteSnapshotFetch({ id: request.replicaId, directoryId: replicaDirectoryId });
    }
    call.respond<typeof ApiKeys.FETCH_SNAPSHOT>(
      fetchSnapshotResponse({
        errorCode,
        snapshotId,
        currentLeader: { leaderId, leaderEpoch },
        size,
        position,
        unalignedRecords: isServed
          ? store.snapshots.read(snapshotId, position, request.maxBytes)
          : NO_BYTES,
      }),
    );
  }

  #partitionAnswer(
    errorCode: ErrorCode,
    divergingEpoch: Diverging | null,
    snapshotId: SnapshotId | null,
    records: readonly Batch[],
  ): FetchPartitionResponse {
    const { leader, highWatermark, store } = this.#served;
    return {
      partitionIndex: 0,
      errorCode,
      highWatermark,
      lastStableOffset: highWatermark,
      logStartOffset: store.log.logStartOffset,
      divergingEpoch,
      currentLeader: { leaderId: leader.id, leaderEpoch: leader.epoch },
      snapshotId,
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
