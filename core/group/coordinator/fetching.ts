/** OffsetFetch (fetchOffsets, fetchAllOffsets in OffsetMetadataManager.java). */
import { Errors } from "../../errors.ts";
import { NO_EPOCH } from "../../ids.ts";
import type { OffsetFetchRequest, OffsetFetchResponse } from "../../protocol/group-offsets.ts";
import type { OffsetCommitValue } from "../records/offset-commit.ts";
import type { CoordinatorState } from "./coordinator-state.ts";
import type { GroupOffsets } from "./offset-store.ts";

type GroupRequest = OffsetFetchRequest["groups"][number];
type GroupResponse = OffsetFetchResponse["groups"][number];
type FetchedTopic = GroupResponse["topics"][number];
type FetchedPartition = FetchedTopic["partitions"][number];

const NO_OFFSETS: ReadonlyMap<string, ReadonlyMap<number, OffsetCommitValue>> = new Map();

/** What a group has committed; a group that there is not has committed nothing. */
export function fetchOffsets(
  { groups, offsets }: CoordinatorState,
  { groupId, topics: wanted }: GroupRequest,
): GroupResponse {
  const group = groups.get(groupId);
  const isKnown = group !== undefined && group.state !== "Dead";
  const known = (isKnown ? offsets.of(groupId) : undefined) ?? NO_OFFSETS;
  const topics = wanted === null ? allOf(known) : wanted.map((topic) => oneOf(known, topic));
  return { groupId, topics, errorCode: Errors.NONE };
}

function allOf(offsets: GroupOffsets): FetchedTopic[] {
  return [...offsets].map(([name, partitions]) => ({
    name,
    partitions: [...partitions].map(([index, value]) => answer(index, value)),
  }));
}

function oneOf(
  offsets: GroupOffsets,
  {
    name,
    partitionIndexes,
  }: { readonly name: string; readonly partitionIndexes: readonly number[] },
): FetchedTopic {
  const known = offsets.get(name);
  return {
    name,
    partitions: partitionIndexes.map((index) => answer(index, known?.get(index))),
  };
}

function answer(partitionIndex: number, value: OffsetCommitValue | undefined): FetchedPartition {
  return {
    partitionIndex,
    committedOffset: value?.offset ?? -1,
    committedLeaderEpoch: value?.leaderEpoch ?? NO_EPOCH,
    metadata: value?.metadata ?? "",
    errorCode: Errors.NONE,
  };
}
