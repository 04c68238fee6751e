/**
 * The leader's side of a fetch session (FetchSession.scala, KIP-227), and of a fetch without one:
 * which partitions somebody fetches, from where, and what it was told last.
 *
 * Kafka looks at every partition of a session in each fetch. Here a session keeps those that may have
 * something to say in a list: new and changed ones, those that a change in the log or of the
 * leadership touched, those that the last answer did not empty, and followers outside the ISR (which
 * may become eligible without a change in the log). The others are told nothing, as in Kafka, at no
 * cost; that their follower fetched them all the same is counted by {@link FollowerProgress}.
 */
import type { BrokerEpoch, LeaderEpoch, NodeId, Offset, TopicId } from "../ids.ts";
import type { FetchRequest } from "../protocol/fetch.ts";
import type { Batch } from "../record/batch.ts";
import type { FetchOperation } from "./delayed-fetch.ts";
import type { FollowerProgress } from "./follower-progress.ts";
import type { Partition } from "./partition.ts";

export const NO_BATCHES: readonly Batch[] = [];

/** One partition of a session. */
export class FetchEntry {
  readonly session: FetchSession;
  readonly topicId: TopicId;
  readonly index: number;
  /** The replica on this broker, once one was found. */
  partition: Partition | null = null;
  /** Set while fetches of the session count for a follower without being looked at. */
  follower: FollowerProgress | null = null;
  currentLeaderEpoch: LeaderEpoch = -1;
  fetchOffset: Offset = -1;
  lastFetchedEpoch: LeaderEpoch = -1;
  maxBytes = 0;
  isDirty = false;
  /** Something changed since it was looked at last for a request that came in. */
  isTouched = false;
  isForgotten = false;
  isWatching = false;
  /** What the last answer said. */
  toldHighWatermark: Offset = -1;
  toldLogStart: Offset = -1;
  /** What the present read found. */
  error = 0;
  highWatermark: Offset = -1;
  logStart: Offset = -1;
  batches: readonly Batch[] = NO_BATCHES;
  sizeBytes = 0;
  divergingEpoch: LeaderEpoch = -1;
  divergingEnd: Offset = -1;
  isDiverging = false;

  constructor(session: FetchSession, topicId: TopicId, index: number) {
    this.session = session;
    this.topicId = topicId;
    this.index = index;
  }

  /** Something changed: look at it in the next answer, and `wake` a fetch that waits. */
  touch(wake: boolean): void {
    this.isTouched = true;
    this.session.markDirty(this);
    if (wake) this.session.wake();
  }

  /** Begins to hear of changes. */
  watch(partition: Partition): void {
    if (this.isWatching && this.partition === partition) return;
    this.unwatch();
    this.partition = partition;
    this.isWatching = true;
    partition.watch(this);
  }

  unwatch(): void {
    if (this.isWatching) this.partition?.unwatch(this);
    this.isWatching = false;
  }

  /** Fetches that went by unseen are counted up to `untilMs`. */
  settle(untilMs: number): void {
    this.follower?.settle(this.session, untilMs);
    this.follower = null;
  }
}

export class FetchSession {
  /** 0: of this one request only. */
  id: number;
  /** That the next request has to carry. */
  nextEpoch = 1;
  readonly isFollower: boolean;
  readonly replicaId: NodeId;
  /** As the last request gave it. */
  replicaEpoch: BrokerEpoch;
  /** When the last request came, and the one before it. Monotonic ms. */
  lastFetchMs: number;
  previousFetchMs: number;
  size = 0;
  isClosed = false;
  /** The fetch that waits. */
  pending: FetchOperation | null = null;
  readonly #entries: Map<TopicId, (FetchEntry | undefined)[]> = new Map();
  /** To be looked at, in this order; some may be forgotten meanwhile. */
  #dirty: FetchEntry[] = [];

  constructor(id: number, replicaId: NodeId, replicaEpoch: BrokerEpoch, nowMs: number) {
    this.id = id;
    this.replicaId = replicaId;
    this.isFollower = replicaId >= 0;
    this.replicaEpoch = replicaEpoch;
    this.lastFetchMs = nowMs;
    this.previousFetchMs = nowMs;
  }

  /** Those that may have something to say. Not to be kept. */
  get dirty(): readonly FetchEntry[] {
    return this.#dirty;
  }

  /** Takes over what a request asks for. */
  update(request: FetchRequest, nowMs: number): void {
    this.previousFetchMs = this.lastFetchMs;
    this.lastFetchMs = nowMs;
    const { replicaEpoch } = request.replicaState;
    if (replicaEpoch !== this.replicaEpoch) {
      // Another incarnation: what was counted unseen must not be counted for it.
      this.replicaEpoch = replicaEpoch;
      for (const entry of this.entries()) this.markDirty(entry);
    }
    for (const topic of request.forgottenTopicsData) {
      for (const index of topic.partitions) this.#forget(topic.topicId, index);
    }
    for (const topic of request.topics) {
      for (const asked of topic.partitions) {
        const entry = this.#entry(topic.topicId, asked.partition);
        if (entry.currentLeaderEpoch !== asked.currentLeaderEpoch) entry.toldHighWatermark = -1;
        entry.currentLeaderEpoch = asked.currentLeaderEpoch;
        entry.fetchOffset = asked.fetchOffset;
        entry.lastFetchedEpoch = asked.lastFetchedEpoch;
        entry.maxBytes = asked.partitionMaxBytes;
        this.markDirty(entry);
      }
    }
  }

  *entries(): Iterable<FetchEntry> {
    for (const partitions of this.#entries.values()) {
      for (const entry of partitions) if (entry !== undefined) yield entry;
    }
  }

  markDirty(entry: FetchEntry): void {
    if (entry.isDirty || entry.isForgotten) return;
    entry.isDirty = true;
    this.#dirty.push(entry);
  }

  /** Looks again at the fetch that waits, at the end of this step. */
  wake(): void {
    this.pending?.wake();
  }

  /** After an answer: keeps those that are still dirty, those that got records last. */
  sortDirty(): void {
    const before = this.#dirty;
    const after: FetchEntry[] = [];
    for (const entry of before) {
      if (entry.isDirty && !entry.isForgotten && entry.sizeBytes === 0) after.push(entry);
    }
    for (const entry of before) {
      if (entry.isDirty && !entry.isForgotten && entry.sizeBytes > 0) after.push(entry);
    }
    for (const entry of before) {
      // The answer holds the batches from here on.
      entry.batches = NO_BATCHES;
      entry.sizeBytes = 0;
    }
    this.#dirty = after;
  }

  close(): void {
    this.isClosed = true;
    for (const entry of this.entries()) {
      entry.settle(this.lastFetchMs);
      entry.unwatch();
    }
    this.#entries.clear();
    this.#dirty = [];
    this.size = 0;
  }

  #entry(topicId: TopicId, index: number): FetchEntry {
    let partitions = this.#entries.get(topicId);
    if (partitions === undefined) this.#entries.set(topicId, (partitions = []));
    let entry = partitions[index];
    if (entry === undefined) {
      while (partitions.length < index) partitions.push(undefined);
      entry = new FetchEntry(this, topicId, index);
      partitions[index] = entry;
      this.size += 1;
    }
    return entry;
  }

  #forget(topicId: TopicId, index: number): void {
    const partitions = this.#entries.get(topicId);
    const entry = partitions?.[index];
    if (partitions === undefined || entry === undefined) return;
    entry.settle(this.previousFetchMs);
    entry.unwatch();
    entry.isForgotten = true;
    partitions[index] = undefined;
    this.size -= 1;
  }
}
