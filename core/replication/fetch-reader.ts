/**
 * Reads one partition for a fetch (ReplicaManager.readFromLog, Partition.fetchRecords): epochs, then
 * divergence, then the offset, then the records; a follower's fetch is noted by its leader last, with
 * the log's end from before the read. Results stay in the entry until the answer is made.
 */
import { Errors } from "../errors.ts";
import type { NodeId } from "../ids.ts";
import { asStorageError } from "../ports.ts";
import type { FetchEntry } from "./fetch-session.ts";
import { NO_BATCHES } from "./fetch-session.ts";
import type { FollowerProgress } from "./follower-progress.ts";
import type { LeaderState } from "./leader-state.ts";
import type { Partition } from "./partition.ts";
import type { ReplicationContext } from "./replication-context.ts";

export class FetchReader {
  readonly #context: ReplicationContext;
  /** A copy of a session's list, since reading may touch the session itself. */
  readonly #entries: FetchEntry[] = [];

  constructor(context: ReplicationContext) {
    this.#context = context;
  }

  /**
   * Reads those of `dirty`, at most `maxBytes` of records in all, but at least one batch. Fetches of
   * followers are noted unless the read happens `fromPurgatory`. Returns the bytes read, or -1 when
   * there is an error or a divergence to tell of at once.
   */
  read(
    dirty: readonly FetchEntry[],
    maxBytes: number,
    nowMs: number,
    fromPurgatory: boolean,
  ): number {
    const entries = this.#entries;
    entries.length = 0;
    for (const entry of dirty) if (!entry.isForgotten) entries.push(entry);
    let totalBytes = 0;
    let hasNews = false;
    for (const entry of entries) {
      this.#readEntry(entry, maxBytes - totalBytes, totalBytes === 0, nowMs, fromPurgatory);
      totalBytes += entry.sizeBytes;
      if (entry.error !== Errors.NONE || entry.isDiverging) hasNews = true;
    }
    return hasNews ? -1 : totalBytes;
  }

  /**
   * Bytes that the entry could give now, as far as `minBytes` asks; -1 when it is to be answered
   * whatever there is.
   */
  readableBytes(entry: FetchEntry, minBytes: number): number {
    const { partition, session } = entry;
    if (partition === null || partition.leading === null) return -1;
    if (partition.leaderEpoch !== entry.currentLeaderEpoch && entry.currentLeaderEpoch >= 0) {
      return -1;
    }
    const { log } = partition;
    const reader = session.isFollower ? "follower" : "client";
    const { highWatermark, endOffset } = log;
    const { serving } = this.#context.rules;
    const { fetchOffset, maxBytes } = entry;
    const limit = serving.readLimit(reader, endOffset, highWatermark);
    if (limit <= fetchOffset) return 0;
    if (minBytes <= 1) return 1;
    if (serving.endsWaitAtRoll(log.segmentBaseAt(fetchOffset), log.segmentBaseAt(limit))) return -1;
    // A batch above the limit counts for as much as the limit: it would go out all the same.
    const read = this.#tryRead(partition, fetchOffset, maxBytes, limit, true);
    return "error" in read ? -1 : Math.min(read.sizeBytes, maxBytes);
  }

  #readEntry(
    entry: FetchEntry,
    remainingBytes: number,
    atLeastOne: boolean,
    nowMs: number,
    fromPurgatory: boolean,
  ): void {
    if (!fromPurgatory) entry.isTouched = false;
    entry.error = Errors.NONE;
    entry.batches = NO_BATCHES;
    entry.sizeBytes = 0;
    entry.isDiverging = false;
    entry.highWatermark = -1;
    entry.logStart = -1;
    const partition = this.#context.partition(entry.topicId, entry.index);
    if (partition === undefined) {
      entry.error = this.#context.errorOfAbsent(entry.topicId, entry.index);
      return;
    }
    entry.partition ??= partition;
    const { session } = entry;
    const reader = session.isFollower ? "follower" : "client";
    entry.error = partition.leaderError(entry.currentLeaderEpoch, reader);
    const { leading } = partition;
    if (entry.error !== Errors.NONE || leading === null) return;
    let follower: FollowerProgress | undefined;
    if (session.isFollower) {
      follower = leading.follower(session.replicaId);
      entry.error = this.#followerError(entry, partition, follower);
      if (entry.error !== Errors.NONE) return;
    }
    const { log } = partition;
    const { logStartOffset, endOffset, highWatermark } = log;
    entry.highWatermark = highWatermark;
    entry.logStart = logStartOffset;
    if (!this.#checkPosition(entry, partition)) return;
    const { rules } = this.#context;
    const limit = rules.serving.readLimit(reader, endOffset, highWatermark);
    if (entry.fetchOffset < limit && (remainingBytes > 0 || atLeastOne)) {
      const maxBytes = Math.min(entry.maxBytes, Math.max(0, remainingBytes));
      const read = this.#tryRead(partition, entry.fetchOffset, maxBytes, limit, atLeastOne);
      if ("error" in read) {
        entry.error = read.error;
        return;
      }
      entry.batches = read.batches;
      entry.sizeBytes = read.sizeBytes;
    }
    if (follower !== undefined && !fromPurgatory) {
      this.#noteFetch(entry, partition, leading, follower, nowMs, endOffset);
    }
  }

  /** False when the fetcher's log diverges or its offset is out of range; the entry says which. */
  #checkPosition(entry: FetchEntry, partition: Partition): boolean {
    const { serving } = this.#context.rules;
    const { log } = partition;
    const { fetchOffset, lastFetchedEpoch } = entry;
    if (lastFetchedEpoch >= 0) {
      const found = log.endOffsetFor(lastFetchedEpoch);
      if (found === null || fetchOffset < log.logStartOffset) {
        entry.error = Errors.OFFSET_OUT_OF_RANGE;
        return false;
      }
      if (serving.diverges(lastFetchedEpoch, fetchOffset, found.epoch, found.endOffset)) {
        entry.isDiverging = true;
        entry.divergingEpoch = found.epoch;
        entry.divergingEnd = found.endOffset;
        return false;
      }
    }
    if (serving.isInRange(fetchOffset, log.logStartOffset, log.endOffset)) return true;
    entry.error = Errors.OFFSET_OUT_OF_RANGE;
    return false;
  }

  #followerError(
    entry: FetchEntry,
    partition: Partition,
    follower: FollowerProgress | undefined,
  ): number {
    if (follower === undefined) {
      // It may know of an assignment that we have not heard of yet.
      return entry.currentLeaderEpoch >= 0
        ? Errors.UNKNOWN_LEADER_EPOCH
        : Errors.NOT_LEADER_OR_FOLLOWER;
    }
    const { rules, ports } = this.#context;
    const given = entry.session.replicaEpoch;
    const current = this.registeredEpoch(follower.id);
    if (!rules.isr.isStaleBrokerEpoch(given, current)) return Errors.NONE;
    const error = Errors.NOT_LEADER_OR_FOLLOWER;
    if (ports.probe !== null) {
      const name = partition.name;
      ports.probe.emit({ kind: "stale-epoch-refused", partition: name, error, given, current });
    }
    return error;
  }

  /** Broker epoch of a live broker; -1 when it is fenced or unknown. */
  registeredEpoch(broker: NodeId): number {
    const registration = this.#context.image.brokers.get(broker);
    return registration === undefined || registration.fenced ? -1 : registration.epoch;
  }

  #noteFetch(
    entry: FetchEntry,
    partition: Partition,
    leading: LeaderState,
    follower: FollowerProgress,
    nowMs: number,
    leaderEnd: number,
  ): void {
    const { session, fetchOffset } = entry;
    entry.settle(session.previousFetchMs);
    leading.followerFetched(
      follower,
      fetchOffset,
      leaderEnd,
      nowMs,
      session.replicaEpoch,
      entry.currentLeaderEpoch,
    );
    // Members of the ISR that have everything need not be looked at until something changes.
    const isIdle = fetchOffset === leaderEnd && leading.committedIsr.includes(follower.id);
    if (isIdle && session.id !== 0 && partition.leading === leading) {
      follower.idleIn(session);
      entry.follower = follower;
    }
  }

  #tryRead(
    partition: Partition,
    from: number,
    maxBytes: number,
    limit: number,
    atLeastOne: boolean,
  ): ReturnType<Partition["log"]["read"]> {
    try {
      return partition.log.read(from, maxBytes, limit, atLeastOne);
    } catch (error) {
      this.#context.storageFailed(asStorageError(error));
      return { error: Errors.KAFKA_STORAGE_ERROR };
    }
  }
}
