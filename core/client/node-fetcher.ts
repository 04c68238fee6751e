/**
 * Fetches from one broker, one request at a time, all partitions of a consumer that it leads
 * (AbstractFetch.java). Between requests it looks only at partitions that changed.
 */
import type { LeaderEpoch, NodeId } from "../ids.ts";
import type { Outcome } from "../network/client-channel.ts";
import type { FetchPartitionResponse, FetchRequest } from "../protocol/fetch.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { ConsumerSettings } from "../settings/client-settings.ts";
import type { ClientMetadata } from "./client-metadata.ts";
import type { ConsumerPartition } from "./consumer-partition.ts";
import type { ConsumerRules } from "./consumer-rules.ts";
import type { Wanted } from "./fetch-session.ts";
import { FetchSession } from "./fetch-session.ts";

export interface NodeFetcherOptions {
  readonly settings: ConsumerSettings;
  readonly rules: ConsumerRules;
  readonly metadata: ClientMetadata;
  /** The answer for one partition, and what had been asked. */
  readonly onPartition: (
    partition: ConsumerPartition,
    asked: Wanted,
    answer: FetchPartitionResponse,
  ) => void;
  /** After a request ended, in whatever way. */
  readonly onDone: () => void;
}

export class NodeFetcher {
  readonly node: NodeId;
  /** Partitions of it whose data waits for poll(). */
  bufferedCount = 0;
  readonly #options: NodeFetcherOptions;
  readonly #session: FetchSession<ConsumerPartition>;
  readonly #partitions: Set<ConsumerPartition> = new Set();
  /** Those that may differ from what the session holds. */
  readonly #changed: Set<ConsumerPartition> = new Set();
  #isAsking = false;

  constructor(node: NodeId, options: NodeFetcherOptions) {
    this.node = node;
    this.#options = options;
    const { settings, rules } = options;
    this.#session = new FetchSession(rules, settings["max.partition.fetch.bytes"]);
  }

  add(partition: ConsumerPartition): void {
    partition.fetcher = this;
    this.#partitions.add(partition);
    this.#changed.add(partition);
  }

  remove(partition: ConsumerPartition): void {
    partition.fetcher = null;
    this.#partitions.delete(partition);
    this.#changed.add(partition);
  }

  /** Its position, epoch or readiness to be fetched changed. */
  changed(partition: ConsumerPartition): void {
    this.#changed.add(partition);
  }

  requestedEpoch(known: LeaderEpoch): LeaderEpoch {
    return this.#options.rules.requestedEpoch(known);
  }

  /** Sends the next request, if there is something to ask for and nothing under way. */
  fetch(nowMs: number): void {
    const { rules, metadata } = this.#options;
    if (this.#isAsking || this.#partitions.size === 0) return;
    if (!rules.fetchesBehindBuffered(this.bufferedCount)) return;
    const changes = this.#changes(nowMs);
    if (changes === null) return;
    const channel = metadata.readyBroker(this.node);
    if (channel === null) return;
    this.#changed.clear();
    this.#isAsking = true;
    const { settings } = this.#options;
    const session = this.#session.next(changes);
    const request: FetchRequest = {
      clusterId: null,
      replicaState: { replicaId: -1, replicaEpoch: -1 },
      maxWaitMs: settings["fetch.max.wait.ms"],
      minBytes: settings["fetch.min.bytes"],
      maxBytes: settings["fetch.max.bytes"],
      isolationLevel: settings["isolation.level"] === "read_committed" ? 1 : 0,
      rackId: "",
      sessionId: session.sessionId,
      sessionEpoch: session.sessionEpoch,
      topics: session.topics,
      forgottenTopicsData: session.forgottenTopicsData,
    };
    channel.send(ApiKeys.FETCH, request, (outcome) => {
      this.#isAsking = false;
      this.#answered(outcome);
      this.#options.onDone();
    });
  }

  /** What may have changed since the last request; null when nothing would be left to fetch. */
  #changes(nowMs: number): (readonly [ConsumerPartition, Wanted | null])[] | null {
    const isOpening = this.#session.isOpening;
    let count = isOpening ? 0 : this.#session.size;
    const changes: (readonly [ConsumerPartition, Wanted | null])[] = [];
    for (const partition of isOpening ? this.#partitions : this.#changed) {
      const wanted = partition.wantedBy(this, nowMs);
      const isIn = !isOpening && this.#session.told(partition) !== undefined;
      if (wanted !== null && !isIn) count += 1;
      if (wanted === null && isIn) count -= 1;
      if (wanted !== null || isIn) changes.push([partition, wanted]);
    }
    return count > 0 ? changes : null;
  }

  #answered(outcome: Outcome<typeof ApiKeys.FETCH>): void {
    const session = this.#session;
    if (outcome.kind !== "response") {
      session.fail();
      return;
    }
    if (!session.accept(outcome.body)) return;
    for (const topic of outcome.body.responses) {
      for (const answer of topic.partitions) {
        const partition = session.find(topic.topicId, answer.partitionIndex);
        const asked = partition === undefined ? undefined : session.told(partition);
        if (partition === undefined || asked === undefined) continue;
        this.#options.onPartition(partition, asked, answer);
      }
    }
  }
}
