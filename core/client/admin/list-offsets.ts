/**
 * Offsets by time, of any partitions, from their leaders (listOffsets in KafkaAdminClient.java,
 * PartitionLeaderStrategy.java).
 *
 * Differs from Kafka: a partition that fails is asked for again with new metadata, after the answers for
 * all others have come.
 */
import type { ErrorCode } from "../../errors.ts";
import { Errors, errorName } from "../../errors.ts";
import type { Offset } from "../../ids.ts";
import { NO_EPOCH, partitionName } from "../../ids.ts";
import type { ListOffsetsResponse } from "../../protocol/list-offsets.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { MetadataResponse } from "../../protocol/metadata.ts";
import type { AdminCalls, Done } from "./admin-calls.ts";
import { LOST, failed } from "./admin-calls.ts";

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface ListedOffset extends TopicPartition {
  readonly offset: Offset;
}

/** Another leader, or the same one soon, can answer. */
const retriable: ReadonlySet<string> = new Set(
  (
    [
      Errors.UNKNOWN_TOPIC_OR_PARTITION,
      Errors.LEADER_NOT_AVAILABLE,
      Errors.NOT_LEADER_OR_FOLLOWER,
      Errors.REPLICA_NOT_AVAILABLE,
      Errors.FENCED_LEADER_EPOCH,
      Errors.UNKNOWN_LEADER_EPOCH,
      Errors.OFFSET_NOT_AVAILABLE,
      Errors.KAFKA_STORAGE_ERROR,
    ] satisfies ErrorCode[]
  ).map(errorName),
).add(LOST);

/** In the order of `partitions`; fails when one of them does. `timestamp`: of ListOffsets. */
export function listOffsets<P extends TopicPartition>(
  calls: AdminCalls,
  partitions: readonly P[],
  timestamp: number,
  done: Done<readonly ListedOffset[]>,
): void {
  const listing = new Listing(calls, timestamp, partitions, done);
  if (partitions.length === 0) calls.later(() => done({ kind: "done", value: [] }));
  else listing.round(0);
}

class Listing {
  readonly #calls: AdminCalls;
  readonly #timestamp: number;
  readonly #partitions: readonly TopicPartition[];
  readonly #done: Done<readonly ListedOffset[]>;
  readonly #deadlineMs: number;
  readonly #offsets: Map<string, Offset> = new Map();

  constructor(
    calls: AdminCalls,
    timestamp: number,
    partitions: readonly TopicPartition[],
    done: Done<readonly ListedOffset[]>,
  ) {
    this.#calls = calls;
    this.#timestamp = timestamp;
    this.#partitions = partitions;
    this.#done = done;
    this.#deadlineMs = calls.deadlineMs();
  }

  /** Looks up the leaders of what is missing and asks them. */
  round(failures: number): void {
    const missing = this.#partitions.filter((one) => !this.#offsets.has(nameOf(one)));
    const topics = byTopic(missing).map(([name]) => ({ topicId: null, name }));
    this.#calls.call({
      apiKey: ApiKeys.METADATA,
      body: { topics, allowAutoTopicCreation: false },
      deadlineMs: this.#deadlineMs,
      failures,
      isRetriable: () => false,
      done: (result) => {
        if (result.kind === "failed") this.#done(result);
        else this.#askLeaders(missing, result.value, failures);
      },
    });
  }

  #askLeaders(
    missing: readonly TopicPartition[],
    metadata: MetadataResponse,
    failures: number,
  ): void {
    const errors: string[] = [];
    const byHost = new Map<string, TopicPartition[]>();
    for (const one of missing) {
      const leader = leaderOf(metadata, one);
      if (typeof leader !== "string") errors.push(failed(leader.errorCode).error);
      else byHost.set(leader, [...(byHost.get(leader) ?? []), one]);
    }
    let open = byHost.size;
    const settle = (): void => {
      if (open === 0) this.#roundDone(errors, failures);
    };
    for (const [host, partitions] of byHost) {
      this.#ask(host, partitions, errors, () => {
        open -= 1;
        settle();
      });
    }
    settle();
  }

  #ask(
    host: string,
    partitions: readonly TopicPartition[],
    errors: string[],
    done: () => void,
  ): void {
    const topics = byTopic(partitions).map(([name, ofTopic]) => ({
      name,
      partitions: ofTopic.map(({ partition }) => ({
        partitionIndex: partition,
        currentLeaderEpoch: NO_EPOCH,
        timestamp: this.#timestamp,
      })),
    }));
    const leftMs = Math.max(0, this.#deadlineMs - this.#calls.nowMs());
    this.#calls.call({
      apiKey: ApiKeys.LIST_OFFSETS,
      body: { replicaId: -1, isolationLevel: 0, topics, timeoutMs: Math.floor(leftMs) },
      deadlineMs: this.#deadlineMs,
      host,
      isRetriable: () => false,
      endsWhenLost: true,
      done: (result) => {
        if (result.kind === "failed") errors.push(result.error);
        else this.#take(result.value, errors);
        done();
      },
    });
  }

  #take({ topics }: ListOffsetsResponse, errors: string[]): void {
    for (const { name, partitions } of topics) {
      for (const { partitionIndex, errorCode, offset } of partitions) {
        if (errorCode === Errors.NONE)
          this.#offsets.set(partitionName(name, partitionIndex), offset);
        else errors.push(errorName(errorCode));
      }
    }
  }

  #roundDone(errors: readonly string[], failures: number): void {
    const fatal = errors.find((error) => !retriable.has(error));
    if (fatal !== undefined) return this.#done({ kind: "failed", error: fatal });
    if (errors.length > 0) return this.round(failures + 1);
    const value = this.#partitions.map((one) => {
      const { topic, partition } = one;
      return { topic, partition, offset: this.#offsets.get(nameOf(one)) ?? -1 };
    });
    this.#done({ kind: "done", value });
  }
}

/** Host of the leader, or why there is none. */
function leaderOf(
  { topics, brokers }: MetadataResponse,
  { topic, partition }: TopicPartition,
): string | { readonly errorCode: number } {
  const found = topics.find(({ name }) => name === topic);
  if (found === undefined) return { errorCode: Errors.UNKNOWN_TOPIC_OR_PARTITION };
  if (found.errorCode !== Errors.NONE) return found;
  const one = found.partitions.find(({ partitionIndex }) => partitionIndex === partition);
  if (one === undefined) return { errorCode: Errors.UNKNOWN_TOPIC_OR_PARTITION };
  const host = brokers.find(({ nodeId }) => nodeId === one.leaderId)?.host;
  return host ?? { errorCode: Errors.LEADER_NOT_AVAILABLE };
}

/** Grouped, in the order in which the topics come first. */
export function byTopic<P extends TopicPartition>(partitions: readonly P[]): [string, P[]][] {
  const groups = new Map<string, P[]>();
  for (const one of partitions) {
    const group = groups.get(one.topic);
    if (group === undefined) groups.set(one.topic, [one]);
    else group.push(one);
  }
  return [...groups];
}

function nameOf({ topic, partition }: TopicPartition): string {
  return partitionName(topic, partition);
}
