/**
 * What the records of one partition of `__consumer_offsets` make: which groups there are, and their
 * committed offsets.
 *
 * A group lives: its members join, wait and time out without any record. So a record that its
 * coordinator writes carries the group itself, and the newest state and the committed one share it;
 * they differ only in which groups there are.
 */
import type { GroupId } from "../../ids.ts";
import type { ReplicatedState } from "../../replicated-state/replicated-state-machine.ts";
import type { StoredRecord } from "../records/coordinator-record.ts";
import { ClassicGroup } from "./classic-group.ts";
import { OffsetStore } from "./offset-store.ts";

export interface CoordinatorRecord {
  readonly stored: StoredRecord;
  /** The group that it is about. One that was read makes it when it is applied first. */
  group: ClassicGroup | null;
}

export class CoordinatorState implements ReplicatedState<CoordinatorRecord, CoordinatorState> {
  readonly groups: Map<GroupId, ClassicGroup>;
  readonly offsets: OffsetStore;

  constructor(
    groups: Map<GroupId, ClassicGroup> = new Map(),
    offsets: OffsetStore = new OffsetStore(),
  ) {
    this.groups = groups;
    this.offsets = offsets;
  }

  apply(record: CoordinatorRecord): void {
    const { stored } = record;
    if (stored.kind === "group") {
      if (stored.value === null) {
        this.groups.delete(stored.group);
        return;
      }
      record.group ??= ClassicGroup.fromRecord(stored.group, stored.value);
      this.groups.set(stored.group, record.group);
      return;
    }
    if (stored.value === null) {
      this.offsets.delete(stored);
      return;
    }
    if (!this.groups.has(stored.group)) {
      // Who commits without ever joining: a group without members.
      record.group ??= new ClassicGroup(stored.group, stored.value.commitTimestamp);
      this.groups.set(stored.group, record.group);
    }
    this.offsets.set(stored, stored.value);
  }

  copy(): CoordinatorState {
    return new CoordinatorState(new Map(this.groups), this.offsets.copy());
  }
}
