import type { LeaderEpoch, PartitionName } from "../../ids.ts";
import type { LeaderAppend } from "../../log/append-outcome.ts";
import type { PartitionLog } from "../../log/partition-log.ts";
import type { BatchBody } from "../../record/batch.ts";
import type { PartitionListener } from "../../replication/partition.ts";

/** What a coordinator needs of this broker's replica of a partition. */
export interface CoordinatedPartition {
  readonly name: PartitionName;
  readonly isLeader: boolean;
  /** Leader epoch from which on it has led without a break. */
  readonly leadsSince: LeaderEpoch;
  readonly log: CoordinatedLog;
  /** Appends as the leader, and waits for no other replica. */
  appendLocally(body: BatchBody): LeaderAppend;
  addListener(listener: PartitionListener): void;
  removeListener(listener: PartitionListener): void;
}

export type CoordinatedLog = Pick<
  PartitionLog,
  "logStartOffset" | "endOffset" | "highWatermark" | "settings" | "read"
>;

/** The replicas of this broker. */
export interface LocalReplicas {
  localPartition(topic: string, index: number): CoordinatedPartition | undefined;
}
