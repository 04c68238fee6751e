/** ListGroups, DescribeGroups and DeleteGroups as requests (GroupCoordinatorService.java). */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { GroupId } from "../../ids.ts";
import type { Call } from "../../network/request-server.ts";
import type {
  DeleteGroupsRequest,
  DeleteGroupsResponse,
  DescribeGroupsRequest,
  DescribeGroupsResponse,
  ListGroupsRequest,
  ListGroupsResponse,
} from "../../protocol/group-admin.ts";
import type { ApiKeys } from "../../protocol/message.ts";
import { appendErrorToAnswer } from "./coordinator-errors.ts";
import type { Coordinators } from "./coordinators.ts";
import { gather } from "./gather.ts";
import { deleteGroups, describeGroup, listGroups, undescribed } from "./group-admin.ts";
import type { GroupShard } from "./group-shard.ts";

type Described = DescribeGroupsResponse["groups"];
type Deleted = DeleteGroupsResponse["results"];

export class AdminRequests {
  readonly #coordinators: Coordinators;

  constructor(coordinators: Coordinators) {
    this.#coordinators = coordinators;
  }

  /** All groups that this broker coordinates; an error when some of them are being loaded. */
  list(call: Call): void {
    gather(
      this.#coordinators.partitions,
      (partition, answer: (listed: ListGroupsResponse) => void) =>
        this.#coordinators.perform(
          partition,
          (shard) => {
            const groups = listGroups(shard.committedState, call.request.body as ListGroupsRequest);
            answer({ errorCode: Errors.NONE, groups });
          },
          (error) => {
            const isElsewhere = error === Errors.NOT_COORDINATOR;
            answer({ errorCode: isElsewhere ? Errors.NONE : error, groups: [] });
          },
        ),
      (answers) => {
        const failed = answers.find(({ errorCode }) => errorCode !== Errors.NONE);
        const groups = answers.flatMap((answer) => answer.groups);
        call.respond<typeof ApiKeys.LIST_GROUPS>(failed ?? { errorCode: Errors.NONE, groups });
      },
    );
  }

  describe(call: Call): void {
    const { groups } = call.request.body as DescribeGroupsRequest;
    gather(
      this.#byPartition(groups),
      ([partition, groupIds], answer: (described: Described) => void) =>
        this.#coordinators.perform(
          partition,
          (shard) => answer(groupIds.map((group) => describeGroup(shard.committedState, group))),
          (error) => answer(groupIds.map((group) => undescribed(group, error))),
        ),
      (answers) => call.respond<typeof ApiKeys.DESCRIBE_GROUPS>({ groups: answers.flat() }),
    );
  }

  delete(call: Call): void {
    const { groupsNames } = call.request.body as DeleteGroupsRequest;
    gather(
      this.#byPartition(groupsNames),
      ([partition, groupIds], answer: (deleted: Deleted) => void) => {
        const refuse = (error: ErrorCode): void => {
          const errorCode = appendErrorToAnswer(error);
          answer(groupIds.map((groupId) => ({ groupId, errorCode })));
        };
        const step = (shard: GroupShard): void => this.#delete(shard, groupIds, answer, refuse);
        this.#coordinators.perform(partition, step, refuse);
      },
      (answers) => call.respond<typeof ApiKeys.DELETE_GROUPS>({ results: answers.flat() }),
    );
  }

  #delete(
    shard: GroupShard,
    groupIds: readonly GroupId[],
    answer: (deleted: Deleted) => void,
    refuse: (error: ErrorCode) => void,
  ): void {
    let errors: readonly ErrorCode[] = [];
    shard.write(
      () => {
        const deleting = deleteGroups(shard, groupIds);
        errors = deleting.errors;
        const { removals } = deleting;
        return { records: removals.records, written: () => removals.written() };
      },
      (error) => {
        if (error !== null) return refuse(error);
        const codeOf = (at: number): ErrorCode => errors[at] ?? Errors.UNKNOWN_SERVER_ERROR;
        answer(groupIds.map((groupId, at) => ({ groupId, errorCode: codeOf(at) })));
      },
    );
  }

  /** Groups by the partition that keeps them, both in the order of the request. */
  #byPartition(groups: readonly GroupId[]): readonly (readonly [number, GroupId[]])[] {
    const byPartition = new Map<number, GroupId[]>();
    for (const group of groups) {
      const partition = this.#coordinators.partitionFor(group);
      const known = byPartition.get(partition);
      if (known === undefined) byPartition.set(partition, [group]);
      else known.push(group);
    }
    return [...byPartition];
  }
}
