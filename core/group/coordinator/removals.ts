/** Tombstones for offsets and groups, and what is told of them once they are in the log. */
import type { GroupId, PartitionName } from "../../ids.ts";
import { partitionName } from "../../ids.ts";
import type { FactOf } from "../../facts.ts";
import type { ClassicGroup } from "./classic-group.ts";
import type { CoordinatorRecord } from "./coordinator-state.ts";
import type { GroupContext } from "./group-context.ts";
import { tellState, tombstone } from "./group-context.ts";

export type RemovalCause = FactOf<"offsets-removed">["why"];

interface Removed {
  readonly group: ClassicGroup;
  readonly why: RemovalCause;
  readonly partitions: PartitionName[];
  isOver: boolean;
}

export class Removals {
  readonly records: CoordinatorRecord[] = [];
  readonly #context: GroupContext;
  readonly #removed: Map<GroupId, Removed> = new Map();

  constructor(context: GroupContext) {
    this.#context = context;
  }

  offset(group: ClassicGroup, topic: string, partition: number, why: RemovalCause): void {
    const { groupId } = group;
    const key = { group: groupId, topic, partition };
    this.records.push(tombstone({ kind: "offset", ...key, value: null }));
    if (this.#context.ports.probe === null) return;
    this.#of(group, why).partitions.push(partitionName(topic, partition));
  }

  group(group: ClassicGroup, why: RemovalCause): void {
    this.records.push(tombstone({ kind: "group", group: group.groupId, value: null }));
    if (this.#context.ports.probe !== null) this.#of(group, why).isOver = true;
  }

  /** The records are in the log. */
  written(): void {
    const { ports, partition, leaderEpoch } = this.#context;
    for (const { group, why, partitions, isOver } of this.#removed.values()) {
      const { groupId, state, generation } = group;
      if (partitions.length > 0) {
        ports.probe?.emit({
          kind: "offsets-removed",
          group: groupId,
          partition,
          leaderEpoch,
          why,
          partitions,
          state,
        });
      }
      if (isOver) tellState(this.#context, groupId, state, "Dead", generation, why);
    }
  }

  #of(group: ClassicGroup, why: RemovalCause): Removed {
    const { groupId } = group;
    let removed = this.#removed.get(groupId);
    if (removed === undefined) {
      removed = { group, why, partitions: [], isOver: false };
      this.#removed.set(groupId, removed);
    }
    return removed;
  }
}
