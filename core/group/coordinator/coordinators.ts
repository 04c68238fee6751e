import type { ErrorCode } from "../../errors.ts";
import type { GroupId } from "../../ids.ts";
import type { GroupShard } from "./group-shard.ts";

/** The coordinators of one broker, as those see them who handle its requests. */
export interface Coordinators {
  /** Which partition of `__consumer_offsets` keeps a group. */
  partitionFor(group: GroupId): number;
  /** Those that this broker leads or has led, in the order of their numbers. */
  readonly partitions: readonly number[];
  /**
   * Queues `step` for the coordinator of that partition; `refuse` is called instead when it is not
   * here, or loads. `whileLoading` NONE: the step does with what is loaded so far.
   */
  perform(
    partition: number,
    step: (shard: GroupShard) => void,
    refuse: (error: ErrorCode) => void,
    whileLoading?: ErrorCode,
  ): void;
}
