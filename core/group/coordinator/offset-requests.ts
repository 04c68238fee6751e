/**
 * OffsetCommit, OffsetFetch and OffsetDelete as requests (GroupCoordinatorService.java, KafkaApis.scala).
 *
 * Differs from Kafka: without transactions no offset is ever unstable; `requireStable` decides only
 * whether a fetch waits for what is being committed.
 */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { GroupId, LeaderEpoch, Offset, PartitionName } from "../../ids.ts";
import { NO_EPOCH, partitionName } from "../../ids.ts";
import type { MetadataImage } from "../../metadata/image.ts";
import type { Call } from "../../network/request-server.ts";
import type { Ports } from "../../ports.ts";
import type {
  OffsetCommitRequest,
  OffsetDeleteRequest,
  OffsetDeleteResponse,
  OffsetFetchRequest,
  OffsetFetchResponse,
} from "../../protocol/group-offsets.ts";
import type { ApiKeys } from "../../protocol/message.ts";
import type { TopicPartitionOffset } from "../group-facts.ts";
import { commit, deleteOffsets } from "./committing.ts";
import { appendErrorToAnswer, fetchErrorToAnswer } from "./coordinator-errors.ts";
import type { Coordinators } from "./coordinators.ts";
import { fetchOffsets } from "./fetching.ts";
import { gather } from "./gather.ts";
import { NO_EFFECT } from "./group-context.ts";
import type { GroupRules } from "./group-rules.ts";
import type { GroupShard } from "./group-shard.ts";

export interface OffsetRequestsOptions {
  readonly ports: Ports;
  readonly rules: GroupRules;
  readonly image: MetadataImage;
  readonly coordinators: Coordinators;
}

type FetchedGroup = OffsetFetchResponse["groups"][number];

export class OffsetRequests {
  readonly #options: OffsetRequestsOptions;

  constructor(options: OffsetRequestsOptions) {
    this.#options = options;
  }

  // ---- commit -------------------------------------------------------------------------------------

  commit(call: Call): void {
    // What this broker does not know is refused here; the rest is for the coordinator. While a commit
    // waits only the call is kept, not what it holds: the message is its sender's.
    const unknown = this.#unknown(call.request.body as OffsetCommitRequest);
    const { groupId, topics } = knownPart(call, unknown);
    if (topics.length === 0) return respondToCommit(call, unknown, Errors.NONE, []);
    const { coordinators } = this.#options;
    coordinators.perform(
      coordinators.partitionFor(groupId),
      (shard) => this.#commit(call, shard, unknown),
      (error) => respondToCommit(call, unknown, appendErrorToAnswer(error), []),
    );
  }

  #commit(call: Call, shard: GroupShard, unknown: ReadonlySet<number>): void {
    let baseOffset: Offset = -1;
    let errors: readonly ErrorCode[] = [];
    const answer = (error: ErrorCode): void => {
      this.#tellCommitted(call, shard, unknown, error, errors, baseOffset);
      respondToCommit(call, unknown, error, errors);
    };
    shard.write(
      () => {
        const result = commit(shard, knownPart(call, unknown));
        if (typeof result === "number") {
          answer(result);
          return null;
        }
        errors = result.errors;
        return { records: result.records, written: (offset) => (baseOffset = offset) };
      },
      (error) => answer(error === null ? Errors.NONE : appendErrorToAnswer(error)),
    );
  }

  /** Which partitions of a request there are not, counted through all of its topics. */
  #unknown({ topics }: OffsetCommitRequest): ReadonlySet<number> {
    const unknown = new Set<number>();
    let at = 0;
    for (const { name, partitions } of topics) {
      for (const { partitionIndex } of partitions) {
        if (!this.#exists(name, partitionIndex)) unknown.add(at);
        at += 1;
      }
    }
    return unknown;
  }

  #exists(topic: string, partition: number): boolean {
    return this.#options.image.topicsByName.get(topic)?.partitions[partition] !== undefined;
  }

  #tellCommitted(
    call: Call,
    { partition, leaderEpoch }: GroupShard,
    unknown: ReadonlySet<number>,
    error: ErrorCode,
    errors: readonly ErrorCode[],
    baseOffset: Offset,
  ): void {
    const { probe } = this.#options.ports;
    if (probe === null) return;
    const request = knownPart(call, unknown);
    let at = 0;
    const offsets = request.topics.flatMap(({ name, partitions }) =>
      partitions.map((committed): TopicPartitionOffset => {
        const own = errors[at++] ?? error;
        return {
          partition: partitionName(name, committed.partitionIndex),
          offset: committed.committedOffset,
          leaderEpoch: committed.committedLeaderEpoch,
          error: error === Errors.NONE ? own : error,
        };
      }),
    );
    probe.emit({
      kind: "offsets-committed",
      group: request.groupId,
      partition,
      leaderEpoch,
      member: request.memberId,
      instance: request.groupInstanceId,
      generation: request.generationIdOrMemberEpoch,
      offsets,
      baseOffset,
      client: call.request.clientId,
    });
  }

  // ---- fetch --------------------------------------------------------------------------------------

  fetch(call: Call): void {
    const { groups } = call.request.body as OffsetFetchRequest;
    gather(
      groups.map(({ groupId }, at) => ({ groupId, at })),
      ({ groupId, at }, answer: (response: FetchedGroup) => void) =>
        this.#fetchGroup(call, groupId, at, answer),
      (answers) => call.respond<typeof ApiKeys.OFFSET_FETCH>({ groups: answers }),
    );
  }

  #fetchGroup(
    call: Call,
    groupId: GroupId,
    at: number,
    answer: (response: FetchedGroup) => void,
  ): void {
    const { coordinators, rules } = this.#options;
    const refuse = (error: ErrorCode): void => answer({ groupId, topics: [], errorCode: error });
    const end = (shard: GroupShard, response: FetchedGroup, readUpTo: Offset): void => {
      const { partition, leaderEpoch } = shard;
      this.#tellFetched(call, partition, leaderEpoch, response, readUpTo);
      answer(response);
    };
    const step = (shard: GroupShard): void => {
      const { groups, requireStable } = call.request.body as OffsetFetchRequest;
      const request = groups[at] as OffsetFetchRequest["groups"][number];
      if (!shard.isActive || rules.fetchReadsCommitted(requireStable)) {
        end(shard, fetchOffsets(shard.committedState, request), shard.committedUpTo);
        return;
      }
      const readUpTo = shard.endOffset;
      const response = fetchOffsets(shard.state, request);
      shard.write(
        () => NO_EFFECT,
        (error) =>
          error === null ? end(shard, response, readUpTo) : refuse(fetchErrorToAnswer(error)),
      );
    };
    const whileLoading = rules.fetchErrorWhileLoading();
    coordinators.perform(coordinators.partitionFor(groupId), step, refuse, whileLoading);
  }

  #tellFetched(
    { request: { clientId } }: Call,
    partition: PartitionName,
    leaderEpoch: LeaderEpoch,
    { groupId, topics }: FetchedGroup,
    readUpTo: Offset,
  ): void {
    const { probe } = this.#options.ports;
    if (probe === null) return;
    const offsets = topics.flatMap(({ name, partitions }) =>
      partitions.map((fetched): TopicPartitionOffset => ({
        partition: partitionName(name, fetched.partitionIndex),
        offset: fetched.committedOffset,
        leaderEpoch: fetched.committedLeaderEpoch ?? NO_EPOCH,
        error: fetched.errorCode,
      })),
    );
    const facts = { group: groupId, partition, leaderEpoch, offsets, readUpTo, client: clientId };
    probe.emit({ kind: "offsets-fetched", ...facts });
  }

  // ---- delete -------------------------------------------------------------------------------------

  delete(call: Call): void {
    const { groupId } = call.request.body as OffsetDeleteRequest;
    const { coordinators } = this.#options;
    const respond = (errorCode: ErrorCode, topics: OffsetDeleteResponse["topics"]): void =>
      call.respond<typeof ApiKeys.OFFSET_DELETE>({ errorCode, topics });
    const refuse = (error: ErrorCode): void => respond(appendErrorToAnswer(error), []);
    if (groupId === "") return refuse(Errors.INVALID_GROUP_ID);
    const step = (shard: GroupShard): void => {
      let topics: OffsetDeleteResponse["topics"] = [];
      shard.write(
        () => {
          const result = deleteOffsets(shard, call.request.body as OffsetDeleteRequest);
          if (typeof result === "number") {
            refuse(result);
            return null;
          }
          topics = result.topics;
          const { removals } = result;
          return { records: removals.records, written: () => removals.written() };
        },
        (error) => (error === null ? respond(Errors.NONE, topics) : refuse(error)),
      );
    };
    coordinators.perform(coordinators.partitionFor(groupId), step, refuse);
  }
}

/** The request without partitions that there are not. */
function knownPart(call: Call, unknown: ReadonlySet<number>): OffsetCommitRequest {
  const request = call.request.body as OffsetCommitRequest;
  if (unknown.size === 0) return request;
  let at = 0;
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.filter(() => !unknown.has(at++)),
  }));
  return { ...request, topics: topics.filter(({ partitions }) => partitions.length > 0) };
}

/** `errors`: of the partitions that are known, in order; `error` of the request goes first. */
function respondToCommit(
  call: Call,
  unknown: ReadonlySet<number>,
  error: ErrorCode,
  errors: readonly ErrorCode[],
): void {
  const { topics } = call.request.body as OffsetCommitRequest;
  let at = 0;
  let known = 0;
  const errorOf = (): ErrorCode => {
    if (unknown.has(at++)) return Errors.UNKNOWN_TOPIC_OR_PARTITION;
    const own = errors[known++] ?? error;
    return error === Errors.NONE ? own : error;
  };
  const answered = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: errorOf() })),
  }));
  call.respond<typeof ApiKeys.OFFSET_COMMIT>({ topics: answered });
}
