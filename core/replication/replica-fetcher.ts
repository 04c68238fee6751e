/**
 * Follows one leader broker for all partitions that it leads and this broker replicates
 * (ReplicaFetcherThread.scala, AbstractFetcherThread.scala): one fetch at a time, truncation where
 * the leader's epochs say so, and the high watermark that comes with each answer.
 *
 * Differs from Kafka: after a request that failed as a whole the fetcher pauses once for
 * replica.fetch.backoff.ms, instead of once for itself and once more for each partition; one fetcher
 * per leader (num.replica.fetchers 1); no leader-side throttling. A broker does not fetch before its
 * process is registered: Kafka's would fetch with broker epoch -1, which neither the leader nor the
 * controller compares (KIP-903), so that an ISR change made of it could outlive the process.
 */
import { assert } from "../assert.ts";
import { Errors } from "../errors.ts";
import type { FactOf } from "../facts.ts";
import type { LeaderEpoch, NodeId, Offset, TopicId } from "../ids.ts";
import type { Outcome } from "../network/client-channel.ts";
import { ClientChannel } from "../network/client-channel.ts";
import type { StorageError, Timer } from "../ports.ts";
import { asStorageError } from "../ports.ts";
import type { FetchPartitionResponse, FetchRequest, FetchResponse } from "../protocol/fetch.ts";
import type { ListOffsetsResponse } from "../protocol/list-offsets.ts";
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP } from "../protocol/list-offsets.ts";
import { ApiKeys } from "../protocol/message.ts";
import { FetcherSession } from "./fetcher-session.ts";
import { FollowedPartition } from "./followed-partition.ts";
import type { Partition } from "./partition.ts";
import type { ReplicationContext } from "./replication-context.ts";

export type RemovalReason = FactOf<"fetcher-removed">["why"];

export class ReplicaFetcher {
  readonly leader: NodeId;
  readonly #context: ReplicationContext;
  readonly #lane: string;
  readonly #channel: ClientChannel;
  readonly #session = new FetcherSession();
  readonly #followed: Map<TopicId, (FollowedPartition | undefined)[]> = new Map();
  /** Delayed ones; all delays are equally long, so the first one is due first. */
  #delayed: FollowedPartition[] = [];
  readonly #delayTimer: Timer;
  #count = 0;
  /** A fetch is under way. */
  #isBusy = false;
  #isScheduled = false;
  /** The last request failed as a whole. */
  #isPausing = false;
  #isClosed = false;
  /** Those in state "fetching". */
  #fetching = 0;

  readonly #current = (followed: FollowedPartition): FollowedPartition | undefined =>
    this.#find(followed.partition.topicId, followed.partition.index);

  readonly #onFetched = (outcome: Outcome<typeof ApiKeys.FETCH>): void => {
    this.#isBusy = false;
    if (this.#isClosed) return;
    if (outcome.kind === "response") {
      this.#take(outcome.body);
    } else {
      this.#session.lost();
      this.#pause();
    }
    this.#fetch();
    this.#context.actions.drain();
  };

  constructor(context: ReplicationContext, leader: NodeId, host: string) {
    const { ports, settings, nodeId } = context;
    this.#context = context;
    this.leader = leader;
    this.#lane = `fetcher-${leader}`;
    this.#channel = new ClientChannel(ports, {
      lane: this.#lane,
      host,
      channel: this.#lane,
      clientId: `broker-${nodeId}-fetcher-${leader}`,
      requestTimeoutMs: settings["replica.socket.timeout.ms"],
      // The pause after a failure is the fetcher's own.
      reconnectBackoffMs: 0,
      reconnectBackoffMaxMs: 0,
    });
    this.#delayTimer = ports.timers.timer(this.#lane, `fetch-backoff ${leader}`, () =>
      this.#endDelays(),
    );
  }

  get isIdle(): boolean {
    return this.#count === 0;
  }

  /** Follows `partition` from `fetchOffset` on; it must not be followed already. */
  add(partition: Partition, leaderEpoch: LeaderEpoch, fetchOffset: Offset): void {
    let partitions = this.#followed.get(partition.topicId);
    if (partitions === undefined) this.#followed.set(partition.topicId, (partitions = []));
    while (partitions.length < partition.index) partitions.push(undefined);
    assert(partitions[partition.index] === undefined, `${partition.name} is followed twice`);
    const followed = new FollowedPartition(partition, leaderEpoch, fetchOffset);
    partitions[partition.index] = followed;
    this.#count += 1;
    this.#fetching += 1;
    partition.fetcher = this;
    this.#session.changed(followed);
    const { probe } = this.#context.ports;
    if (probe !== null) {
      const { leader } = this;
      probe.emit({ kind: "fetcher-added", partition: partition.name, leaderEpoch, leader });
    }
    this.#schedule();
  }

  remove(partition: Partition, why: RemovalReason): void {
    const partitions = this.#followed.get(partition.topicId);
    const followed = partitions?.[partition.index];
    if (partitions === undefined || followed === undefined) return;
    partitions[partition.index] = undefined;
    this.#count -= 1;
    if (followed.state === "fetching") this.#fetching -= 1;
    partition.fetcher = null;
    followed.state = "removed";
    this.#session.forget(followed);
    const { probe } = this.#context.ports;
    if (probe !== null) probe.emit({ kind: "fetcher-removed", partition: partition.name, why });
  }

  close(): void {
    this.#isClosed = true;
    this.#delayTimer.cancel();
    this.#channel.close();
  }

  /** From a step of another lane: fetch in a step of this fetcher's lane. */
  #schedule(): void {
    if (this.#isScheduled || this.#isBusy || this.#isPausing || this.#isClosed) return;
    this.#isScheduled = true;
    this.#context.ports.work.later(this.#lane, "fetch", () => {
      this.#isScheduled = false;
      this.#fetch();
    });
  }

  #fetch(): void {
    if (this.#isBusy || this.#isPausing || this.#isClosed || this.#fetching === 0) return;
    const { settings, nodeId } = this.#context;
    const replicaEpoch = this.#context.brokerEpoch();
    if (!this.#context.rules.replica.mayFetch(replicaEpoch)) {
      this.#pause();
      return;
    }
    const body: FetchRequest = {
      clusterId: null,
      replicaState: { replicaId: nodeId, replicaEpoch },
      maxWaitMs: settings["replica.fetch.wait.max.ms"],
      minBytes: settings["replica.fetch.min.bytes"],
      maxBytes: settings["replica.fetch.response.max.bytes"],
      isolationLevel: 0,
      ...this.#session.next(this.#all(), this.#current, settings["replica.fetch.max.bytes"]),
      rackId: "",
    };
    this.#isBusy = true;
    this.#channel.send(ApiKeys.FETCH, body, this.#onFetched);
  }

  #take(body: FetchResponse): void {
    if (!this.#session.answered(body.errorCode, body.sessionId)) {
      const isOver =
        body.errorCode === Errors.FETCH_SESSION_ID_NOT_FOUND ||
        body.errorCode === Errors.INVALID_FETCH_SESSION_EPOCH;
      if (!isOver) this.#pause();
      return;
    }
    const { rules } = this.#context;
    for (const topic of body.responses) {
      for (const answer of topic.partitions) {
        const followed = this.#find(topic.topicId, answer.partitionIndex);
        if (followed === undefined || followed.state !== "fetching") continue;
        const { askedOffset, askedEpoch, fetchOffset, leaderEpoch } = followed;
        if (!rules.replica.answerApplies(askedOffset, askedEpoch, fetchOffset, leaderEpoch)) {
          continue;
        }
        this.#takePartition(followed, answer);
      }
    }
  }

  #takePartition(followed: FollowedPartition, answer: FetchPartitionResponse): void {
    if (answer.errorCode !== Errors.NONE) {
      this.#takeError(followed, answer.errorCode);
      return;
    }
    try {
      const isDiverging = answer.divergingEpoch !== null;
      if (isDiverging) this.#diverge(followed, answer);
      else if (!this.#append(followed, answer)) return;
    } catch (error) {
      this.#failed(followed, asStorageError(error));
      return;
    }
    const { askedOffset, askedLastEpoch, fetchOffset, lastFetchedEpoch } = followed;
    if (askedOffset !== fetchOffset || askedLastEpoch !== lastFetchedEpoch) {
      this.#session.changed(followed);
    }
  }

  /** False when the batches were refused. */
  #append(followed: FollowedPartition, answer: FetchPartitionResponse): boolean {
    const { partition, leaderEpoch } = followed;
    const { log } = partition;
    if (answer.records.length > 0) {
      assert(log.endOffset === followed.fetchOffset, `${partition.name} changed while following`);
      const appended = log.appendAsFollower(answer.records, leaderEpoch);
      // It may have taken some before it came to a bad one.
      followed.followLog();
      if (appended.kind === "refused") {
        this.#appendRefused(followed, appended.error);
        return false;
      }
    }
    if (this.#context.rules.replica.takesHighWatermark(false)) {
      partition.followHighWatermark(answer.highWatermark, leaderEpoch);
    }
    return true;
  }

  #diverge(followed: FollowedPartition, answer: FetchPartitionResponse): void {
    const { divergingEpoch } = answer;
    assert(divergingEpoch !== null, "a diverging answer");
    const { partition, leaderEpoch } = followed;
    const { log } = partition;
    const { rules } = this.#context;
    if (rules.replica.takesHighWatermark(true)) {
      partition.followHighWatermark(answer.highWatermark, leaderEpoch);
    }
    const local = log.endOffsetFor(divergingEpoch.epoch);
    const offset = rules.replica.truncationOffset(
      divergingEpoch.epoch,
      divergingEpoch.endOffset,
      local?.epoch ?? -1,
      local?.endOffset ?? -1,
      log.endOffset,
    );
    partition.truncate(offset, "diverging", leaderEpoch, answer.highWatermark);
    followed.followLog();
    // Also when nothing was cut: the question is asked again with what the log says now.
    this.#session.changed(followed);
  }

  #appendRefused(followed: FollowedPartition, error: number): void {
    this.#tellError(followed, error);
    if (this.#context.rules.replica.afterAppendError(error) === "back-off") this.#delay(followed);
    else this.remove(followed.partition, "failed");
  }

  #tellError({ partition, leaderEpoch }: FollowedPartition, error: number): void {
    const { probe } = this.#context.ports;
    if (probe === null) return;
    probe.emit({ kind: "follower-error", partition: partition.name, leaderEpoch, error });
  }

  #takeError(followed: FollowedPartition, error: number): void {
    const { rules } = this.#context;
    const { partition, leaderEpoch } = followed;
    this.#tellError(followed, error);
    switch (rules.replica.afterFetchError(error)) {
      case "out-of-range":
        this.#askRange(followed);
        return;
      case "fenced":
        if (rules.replica.leavesFetcherWhenFenced(followed.askedEpoch, leaderEpoch)) {
          this.remove(partition, "fenced");
        } else {
          this.#delay(followed);
        }
        return;
      case "back-off":
        this.#delay(followed);
        return;
    }
  }

  /** The offset was out of range: asks where the leader's log ends, then where it begins. */
  #askRange(followed: FollowedPartition): void {
    this.#suspend(followed, "asking");
    this.#askOffset(followed, LATEST_TIMESTAMP, (leaderEnd) => {
      const { partition, leaderEpoch } = followed;
      const { log } = partition;
      if (this.#context.rules.replica.truncatesToLeaderEnd(leaderEnd, log.endOffset)) {
        partition.truncate(leaderEnd, "out-of-range", leaderEpoch, leaderEnd);
        followed.followLog();
        this.#goOn(followed);
        return;
      }
      this.#askOffset(followed, EARLIEST_TIMESTAMP, (leaderStart) => {
        if (this.#context.rules.replica.startsOver(leaderStart, log.endOffset)) {
          partition.startOver(leaderStart, leaderEpoch);
        }
        followed.followLog();
        this.#goOn(followed);
      });
    });
  }

  #askOffset(followed: FollowedPartition, timestamp: number, take: (offset: Offset) => void): void {
    const { topic, index } = followed.partition;
    const asked = { partitionIndex: index, currentLeaderEpoch: followed.leaderEpoch, timestamp };
    const body = {
      replicaId: this.#context.nodeId,
      isolationLevel: 0,
      topics: [{ name: topic, partitions: [asked] }],
      timeoutMs: this.#context.settings["replica.socket.timeout.ms"],
    };
    this.#channel.send(ApiKeys.LIST_OFFSETS, body, (outcome) => {
      if (this.#isClosed || followed.state !== "asking") return;
      const answer = outcome.kind === "response" ? onlyAnswer(outcome.body) : undefined;
      if (answer === undefined) this.#delay(followed);
      else if (answer.errorCode !== Errors.NONE) this.#takeError(followed, answer.errorCode);
      else {
        try {
          take(answer.offset);
        } catch (error) {
          this.#failed(followed, asStorageError(error));
        }
      }
      this.#fetch();
      this.#context.actions.drain();
    });
  }

  #failed(followed: FollowedPartition, error: StorageError): void {
    this.#context.storageFailed(error);
    this.remove(followed.partition, "failed");
  }

  #delay(followed: FollowedPartition): void {
    const { ports, settings } = this.#context;
    const delayMs = settings["replica.fetch.backoff.ms"];
    this.#suspend(followed, "delayed");
    followed.retryAtMs = ports.clock.monotonicMs() + delayMs;
    this.#delayed.push(followed);
    if (!this.#delayTimer.armed) this.#delayTimer.set(delayMs);
  }

  /** The whole fetcher waits. */
  #pause(): void {
    const delayMs = this.#context.settings["replica.fetch.backoff.ms"];
    this.#isPausing = true;
    this.#delayTimer.set(delayMs);
  }

  #endDelays(): void {
    this.#isPausing = false;
    const nowMs = this.#context.ports.clock.monotonicMs();
    const waiting: FollowedPartition[] = [];
    for (const followed of this.#delayed) {
      if (followed.state !== "delayed") continue;
      if (followed.retryAtMs > nowMs) {
        waiting.push(followed);
        continue;
      }
      this.#goOn(followed);
    }
    this.#delayed = waiting;
    const first = waiting[0];
    if (first !== undefined) this.#delayTimer.set(first.retryAtMs - nowMs);
    this.#fetch();
  }

  #suspend(followed: FollowedPartition, state: "delayed" | "asking"): void {
    if (followed.state === "fetching") this.#fetching -= 1;
    followed.state = state;
    this.#session.forget(followed);
  }

  #goOn(followed: FollowedPartition): void {
    if (followed.state !== "fetching") this.#fetching += 1;
    followed.state = "fetching";
    this.#session.changed(followed);
  }

  *#all(): Iterable<FollowedPartition> {
    for (const partitions of this.#followed.values()) {
      for (const followed of partitions) if (followed !== undefined) yield followed;
    }
  }

  #find(topicId: TopicId, index: number): FollowedPartition | undefined {
    return this.#followed.get(topicId)?.[index];
  }
}

function onlyAnswer(
  body: ListOffsetsResponse,
): ListOffsetsResponse["topics"][number]["partitions"][number] | undefined {
  return body.topics[0]?.partitions[0];
}
