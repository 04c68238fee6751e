/**
 * What an admin client can do about consumer groups: each request goes to the group's coordinator, the
 * list of groups to every broker.
 */
import { Errors } from "../../errors.ts";
import type { GroupId, LeaderEpoch, NodeId, Offset } from "../../ids.ts";
import { NO_EPOCH, NO_GENERATION } from "../../ids.ts";
import type { DescribeGroupsResponse, ListGroupsResponse } from "../../protocol/group-admin.ts";
import { LATEST_TIMESTAMP } from "../../protocol/list-offsets.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { MetadataBroker } from "../../protocol/metadata.ts";
import type { AdminCalls, AdminResult, Done } from "./admin-calls.ts";
import { failed } from "./admin-calls.ts";
import { askCoordinator, isGroupRetriable } from "./coordinator-call.ts";
import type { TopicPartition } from "./list-offsets.ts";
import { byTopic, listOffsets } from "./list-offsets.ts";

export type GroupListing = ListGroupsResponse["groups"][number];
export type DescribedGroup = DescribeGroupsResponse["groups"][number];

/** What the brokers that answered know; each group once, in the order of their ids. */
export interface GroupListings {
  readonly groups: readonly GroupListing[];
  readonly errors: readonly { readonly broker: NodeId; readonly error: string }[];
}

export interface GroupResult<T> {
  readonly group: GroupId;
  readonly result: AdminResult<T>;
}

export interface CommittedOffset extends TopicPartition {
  /** -1 when there is none. */
  readonly offset: Offset;
  readonly leaderEpoch: LeaderEpoch;
  readonly metadata: string | null;
  readonly errorCode: number;
}

export interface NewOffset extends TopicPartition {
  readonly offset: Offset;
  readonly leaderEpoch?: LeaderEpoch;
  readonly metadata?: string;
}

export interface PartitionResult extends TopicPartition {
  readonly errorCode: number;
}

export interface PartitionLag extends TopicPartition {
  readonly committed: Offset;
  readonly end: Offset;
  readonly lag: number;
}

export class GroupAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  /** All groups of the cluster, as the brokers say that coordinate them. */
  list(done: Done<GroupListings>): void {
    const deadlineMs = this.#calls.deadlineMs();
    this.#calls.call({
      apiKey: ApiKeys.METADATA,
      body: { topics: [], allowAutoTopicCreation: false },
      deadlineMs,
      isRetriable: ({ brokers }) => brokers.length === 0,
      done: (result) => {
        if (result.kind === "failed") done(result);
        else this.#listOf(result.value.brokers, deadlineMs, done);
      },
    });
  }

  describe(
    groups: readonly GroupId[],
    done: (results: readonly GroupResult<DescribedGroup>[]) => void,
  ): void {
    this.#each(groups, done, (group, one) =>
      askCoordinator(this.#calls, {
        group,
        apiKey: ApiKeys.DESCRIBE_GROUPS,
        body: { groups: [group] },
        errorOf: (answer) => answer.groups[0]?.errorCode ?? Errors.UNKNOWN_SERVER_ERROR,
        read: (answer) => answer.groups[0] as DescribedGroup,
        done: one,
      }),
    );
  }

  /** Groups with members are not deleted: NON_EMPTY_GROUP. */
  delete(groups: readonly GroupId[], done: (results: readonly GroupResult<null>[]) => void): void {
    this.#each(groups, done, (group, one) =>
      askCoordinator(this.#calls, {
        group,
        apiKey: ApiKeys.DELETE_GROUPS,
        body: { groupsNames: [group] },
        errorOf: (answer) => answer.results[0]?.errorCode ?? Errors.UNKNOWN_SERVER_ERROR,
        read: () => null,
        done: one,
      }),
    );
  }

  /** What the group has committed; of all partitions that it has when `partitions` is null. */
  listOffsets(
    group: GroupId,
    partitions: readonly TopicPartition[] | null,
    done: Done<readonly CommittedOffset[]>,
  ): void {
    const topics =
      partitions === null
        ? null
        : byTopic(partitions).map(([name, ofTopic]) => ({
            name,
            partitionIndexes: ofTopic.map(({ partition }) => partition),
          }));
    askCoordinator(this.#calls, {
      group,
      apiKey: ApiKeys.OFFSET_FETCH,
      body: {
        groups: [{ groupId: group, memberId: null, memberEpoch: -1, topics }],
        requireStable: false,
      },
      errorOf: (answer) => answer.groups[0]?.errorCode ?? Errors.UNKNOWN_SERVER_ERROR,
      read: (answer) =>
        (answer.groups[0]?.topics ?? []).flatMap(({ name, partitions: told }) =>
          told.map((one) => ({
            topic: name,
            partition: one.partitionIndex,
            offset: one.committedOffset,
            leaderEpoch: one.committedLeaderEpoch,
            metadata: one.metadata,
            errorCode: one.errorCode,
          })),
        ),
      done,
    });
  }

  /**
   * Commits offsets for the group, as somebody who is no member. A group with members refuses each:
   * UNKNOWN_MEMBER_ID.
   */
  alterOffsets(
    group: GroupId,
    offsets: readonly NewOffset[],
    done: Done<readonly PartitionResult[]>,
  ): void {
    askCoordinator(this.#calls, {
      group,
      apiKey: ApiKeys.OFFSET_COMMIT,
      body: {
        groupId: group,
        generationIdOrMemberEpoch: NO_GENERATION,
        memberId: "",
        groupInstanceId: null,
        topics: byTopic(offsets).map(([name, ofTopic]) => ({
          name,
          partitions: ofTopic.map(({ partition, offset, leaderEpoch, metadata }) => ({
            partitionIndex: partition,
            committedOffset: offset,
            committedLeaderEpoch: leaderEpoch ?? NO_EPOCH,
            committedMetadata: metadata ?? null,
          })),
        })),
      },
      // Errors are told by partition; those of the group are the same for all of them.
      errorOf: ({ topics }) =>
        topics
          .flatMap(({ partitions }) => partitions)
          .find(({ errorCode }) => isGroupRetriable(errorCode))?.errorCode ?? Errors.NONE,
      read: ({ topics }) => partitionResults(topics),
      done,
    });
  }

  /** Forgets what is committed for partitions of topics that no member is subscribed to. */
  deleteOffsets(
    group: GroupId,
    partitions: readonly TopicPartition[],
    done: Done<readonly PartitionResult[]>,
  ): void {
    askCoordinator(this.#calls, {
      group,
      apiKey: ApiKeys.OFFSET_DELETE,
      body: {
        groupId: group,
        topics: byTopic(partitions).map(([name, ofTopic]) => ({
          name,
          partitions: ofTopic.map(({ partition }) => ({ partitionIndex: partition })),
        })),
      },
      errorOf: ({ errorCode }) => errorCode,
      read: ({ topics }) => partitionResults(topics),
      done,
    });
  }

  /** How far what is committed lies behind the ends of the logs (ConsumerGroupCommand.java). */
  lag(group: GroupId, done: Done<readonly PartitionLag[]>): void {
    this.listOffsets(group, null, (result) => {
      if (result.kind === "failed") return done(result);
      const committed = result.value.filter(({ offset }) => offset >= 0);
      listOffsets(this.#calls, committed, LATEST_TIMESTAMP, (ends) => {
        if (ends.kind === "failed") return done(ends);
        const value = ends.value.map(({ topic, partition, offset: end }, at) => {
          const { offset } = committed[at] as CommittedOffset;
          return { topic, partition, committed: offset, end, lag: end - offset };
        });
        done({ kind: "done", value });
      });
    });
  }

  /** Asks each broker for its groups until all have answered or failed. */
  #listOf(brokers: readonly MetadataBroker[], deadlineMs: number, done: Done<GroupListings>): void {
    const groups = new Map<GroupId, GroupListing>();
    const errors: { broker: NodeId; error: string }[] = [];
    let open = brokers.length;
    for (const { nodeId, host } of brokers) {
      const fail = ({ error }: { readonly error: string }): void => {
        errors.push({ broker: nodeId, error });
      };
      this.#calls.call({
        apiKey: ApiKeys.LIST_GROUPS,
        body: { statesFilter: [], typesFilter: [] },
        deadlineMs,
        host,
        isRetriable: ({ errorCode }) =>
          errorCode === Errors.COORDINATOR_LOAD_IN_PROGRESS ||
          errorCode === Errors.COORDINATOR_NOT_AVAILABLE,
        done: (result) => {
          if (result.kind === "failed") fail(result);
          else if (result.value.errorCode !== Errors.NONE) fail(failed(result.value.errorCode));
          else for (const group of result.value.groups) groups.set(group.groupId, group);
          open -= 1;
          if (open > 0) return;
          const sorted = [...groups.values()].sort((a, b) => (a.groupId < b.groupId ? -1 : 1));
          errors.sort((a, b) => a.broker - b.broker);
          done({ kind: "done", value: { groups: sorted, errors } });
        },
      });
    }
  }

  /** Does something for each group; tells all results, in the order of the groups. */
  #each<T>(
    groups: readonly GroupId[],
    done: (results: readonly GroupResult<T>[]) => void,
    ask: (group: GroupId, one: Done<T>) => void,
  ): void {
    const results: GroupResult<T>[] = [];
    let open = groups.length;
    if (open === 0) this.#calls.later(() => done(results));
    for (const [at, group] of groups.entries()) {
      ask(group, (result) => {
        results[at] = { group, result };
        open -= 1;
        if (open === 0) done(results);
      });
    }
  }
}

function partitionResults(
  topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[];
  }[],
): PartitionResult[] {
  return topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, errorCode }) => {
      return { topic: name, partition: partitionIndex, errorCode };
    }),
  );
}
