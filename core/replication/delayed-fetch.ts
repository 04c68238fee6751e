/**
 * One fetch request from its read to its answer (DelayedFetch.java). It waits while there is too
 * little to read and nothing else to tell, at most for the time that it allows.
 *
 * Differs from Kafka: a consumer positioned above the high watermark waits like one at it; Kafka
 * answers at once with nothing, and is asked again hundreds of times a second. Within a session the
 * high watermark is told again after a divergence and in a new leader epoch; in Kafka a follower that
 * truncated may not hear of it until it moves. A wait for min.bytes goes on when a segment begins at
 * the very offset that is waited for; Kafka ends it. A partition whose topic is unknown ends the wait,
 * as any other error does; Kafka answers it together with the partitions that it goes on to wait for.
 */
import { Errors } from "../errors.ts";
import type { Call } from "../network/request-server.ts";
import type { FetchPartitionResponse, FetchRequest, FetchResponse } from "../protocol/fetch.ts";
import type { DelayedOperation } from "./action-queue.ts";
import type { DeadlineQueue, Expiring } from "./deadline-queue.ts";
import type { FetchReader } from "./fetch-reader.ts";
import type { FetchEntry, FetchSession } from "./fetch-session.ts";
import type { ReplicationContext } from "./replication-context.ts";

export class FetchOperation implements DelayedOperation, Expiring {
  isQueued = false;
  deadlineMs = 0;
  heapIndex = -1;
  heapSequence = 0;
  readonly #context: ReplicationContext;
  readonly #reader: FetchReader;
  readonly #deadlines: DeadlineQueue;
  readonly #call: Call;
  readonly #session: FetchSession;
  /** All partitions are answered, not only those with news. */
  readonly #isFull: boolean;
  readonly #minBytes: number;
  readonly #maxBytes: number;
  #isDone = false;

  constructor(
    context: ReplicationContext,
    reader: FetchReader,
    deadlines: DeadlineQueue,
    call: Call,
    session: FetchSession,
    isFull: boolean,
  ) {
    const request = call.request.body as FetchRequest;
    this.#context = context;
    this.#reader = reader;
    this.#deadlines = deadlines;
    this.#call = call;
    this.#session = session;
    this.#isFull = isFull;
    this.#maxBytes = Math.min(request.maxBytes, context.settings["fetch.max.bytes"]);
    this.#minBytes = Math.min(request.minBytes, this.#maxBytes);
  }

  /** Reads, and answers or begins to wait. */
  begin(maxWaitMs: number, nowMs: number): void {
    const session = this.#session;
    const bytes = this.#reader.read(session.dirty, this.#maxBytes, nowMs, false);
    const { serving } = this.#context.rules;
    const isReady = serving.answersAtOnce(
      maxWaitMs,
      session.size,
      bytes,
      this.#minBytes,
      bytes < 0,
    );
    if (isReady) {
      this.#answer();
      return;
    }
    session.pending = this;
    for (const entry of session.dirty) this.#watch(entry);
    this.#deadlines.add(this, maxWaitMs);
  }

  /** Something changed in one of its partitions, or its session is over. */
  wake(): void {
    this.#context.actions.push(this);
  }

  attempt(): void {
    if (this.#isDone) return;
    if (this.#session.isClosed) {
      this.#deadlines.remove(this);
      this.#isDone = true;
      const errorCode = Errors.FETCH_SESSION_ID_NOT_FOUND;
      this.#call.respond<1>({ errorCode, sessionId: 0, responses: [] });
      return;
    }
    let bytes = 0;
    for (const entry of this.#session.dirty) {
      if (entry.isForgotten) continue;
      const readable = this.#reader.readableBytes(entry, this.#minBytes);
      if (readable < 0) return this.#finish();
      bytes += readable;
    }
    if (bytes >= this.#minBytes) this.#finish();
  }

  expire(): void {
    if (!this.#isDone) this.#finish();
  }

  #finish(): void {
    this.#deadlines.remove(this);
    const nowMs = this.#context.ports.clock.monotonicMs();
    this.#reader.read(this.#session.dirty, this.#maxBytes, nowMs, true);
    this.#answer();
  }

  #answer(): void {
    const session = this.#session;
    this.#isDone = true;
    session.pending = null;
    const responses: { topicId: string; partitions: FetchPartitionResponse[] }[] = [];
    for (const entry of session.dirty) {
      if (entry.isForgotten) continue;
      if (this.#isToBeTold(entry)) this.#tell(entry, responses);
      entry.isDirty = this.#staysDirty(entry);
      if (session.id !== 0) this.#watch(entry);
    }
    session.sortDirty();
    const response: FetchResponse = { errorCode: Errors.NONE, sessionId: session.id, responses };
    if (session.id === 0) session.close();
    this.#call.respond<1>(response);
  }

  #isToBeTold(entry: FetchEntry): boolean {
    if (this.#isFull) return true;
    return this.#context.rules.serving.includesInIncremental(
      entry.sizeBytes > 0,
      entry.error !== Errors.NONE || entry.isDiverging,
      entry.highWatermark,
      entry.toldHighWatermark,
      entry.logStart,
      entry.toldLogStart,
    );
  }

  #tell(
    entry: FetchEntry,
    responses: { topicId: string; partitions: FetchPartitionResponse[] }[],
  ): void {
    // A fetcher takes no high watermark from an error or a divergence: it has to be told again.
    const isTaken = entry.error === Errors.NONE && !entry.isDiverging;
    entry.toldHighWatermark = isTaken ? entry.highWatermark : -1;
    entry.toldLogStart = isTaken ? entry.logStart : -1;
    let topic = responses[responses.length - 1];
    if (topic === undefined || topic.topicId !== entry.topicId) {
      topic = { topicId: entry.topicId, partitions: [] };
      responses.push(topic);
    }
    const { error, topicId, index } = entry;
    const isElsewhere =
      error === Errors.NOT_LEADER_OR_FOLLOWER || error === Errors.FENCED_LEADER_EPOCH;
    topic.partitions.push({
      partitionIndex: index,
      errorCode: error,
      highWatermark: entry.highWatermark,
      lastStableOffset: entry.highWatermark,
      logStartOffset: entry.logStart,
      divergingEpoch: entry.isDiverging
        ? { epoch: entry.divergingEpoch, endOffset: entry.divergingEnd }
        : null,
      currentLeader: isElsewhere ? this.#context.leaderHint(topicId, index) : null,
      snapshotId: null,
      records: entry.batches,
    });
    const { probe } = this.#context.ports;
    if (probe === null || entry.sizeBytes === 0 || this.#session.isFollower) return;
    if (entry.partition === null || !this.#call.isOpen) return;
    probe.emit({
      kind: "fetch-served",
      partition: entry.partition.name,
      leaderEpoch: entry.partition.leaderEpoch,
      requestLeaderEpoch: entry.currentLeaderEpoch,
      fetchOffset: entry.fetchOffset,
      highWatermark: entry.highWatermark,
      batches: entry.batches,
      client: this.#call.request.clientId,
    });
  }

  /** In the next fetch there may be something to say again even if nothing changes meanwhile. */
  #staysDirty(entry: FetchEntry): boolean {
    if (entry.error !== Errors.NONE || entry.isDiverging || entry.sizeBytes > 0) return true;
    if (entry.partition === null) return true;
    // By this very fetch, or while it waited: the high watermark, the ISR, the leadership.
    if (entry.isTouched) return true;
    const { log } = entry.partition;
    // By this very fetch too, if it was the first: the entry did not watch yet.
    if (entry.toldHighWatermark !== log.highWatermark) return true;
    // A follower in the ISR with everything is idle; any other is looked at in each fetch.
    if (this.#session.isFollower) return entry.follower === null;
    const { serving } = this.#context.rules;
    return entry.fetchOffset < serving.readLimit("client", log.endOffset, log.highWatermark);
  }

  #watch(entry: FetchEntry): void {
    const partition = entry.partition;
    if (partition !== null && !entry.isForgotten) entry.watch(partition);
  }
}
