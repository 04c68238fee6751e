import type { RackTable } from "./rack-table.ts";
import { NO_RACK } from "./rack-table.ts";

/** Members that wait for a partition in their own rack. */
export class RackQueue {
  readonly #racks: RackTable;
  /** By rack: how many of the members are there. */
  readonly #waiting: Int32Array;
  readonly members: number[];

  constructor(members: readonly number[], racks: RackTable) {
    this.#racks = racks;
    this.#waiting = new Int32Array(racks.rackCount);
    this.members = [];
    for (const member of members) this.add(member);
  }

  add(member: number): void {
    this.members.push(member);
    this.#count(member, 1);
  }

  remove(at: number): void {
    const [member] = this.members.splice(at, 1);
    this.#count(member!, -1);
  }

  clear(): void {
    this.members.length = 0;
    this.#waiting.fill(0);
  }

  /** Where the first one is, from `from` on and round, who is in a rack of the partition; or -1. */
  find(partition: number, from: number): number {
    const racks = this.#racks.partitionRacks[partition]!;
    if (!racks.some((rack) => this.#waiting[rack]! > 0)) return -1;
    for (let count = 0; count < this.members.length; count++) {
      const at = (from + count) % this.members.length;
      if (racks.includes(this.#racks.memberRack[this.members[at]!]!)) return at;
    }
    return -1;
  }

  #count(member: number, by: number): void {
    const rack = this.#racks.memberRack[member]!;
    if (rack !== NO_RACK) this.#waiting[rack]! += by;
  }
}
