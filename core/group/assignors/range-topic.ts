import type { AssignorRules } from "./assignor-rules.ts";
import { NOBODY } from "./group-index.ts";
import type { GroupIndex } from "./group-index.ts";

/** One topic while its partitions are shared out. Members are known here by their seat. */
export class RangeTopic {
  readonly #rules: AssignorRules;
  readonly #owners: Int32Array;
  readonly #assigned: Int32Array;
  readonly #share: number;
  /** How many more members may get a partition over the share. */
  #extras: number;
  /** Who wants the topic, in the order in which they are served. */
  readonly members: readonly number[];
  readonly first: number;
  readonly end: number;

  constructor(
    index: GroupIndex,
    topic: number,
    members: readonly number[],
    owners: Int32Array,
    rules: AssignorRules,
  ) {
    this.#rules = rules;
    this.#owners = owners;
    this.#assigned = new Int32Array(members.length);
    this.members = members;
    this.first = index.firstOf[topic]!;
    this.end = index.firstOf[topic + 1]!;
    this.#share = Math.floor(this.partitionCount / members.length);
    this.#extras = this.partitionCount % members.length;
  }

  get partitionCount(): number {
    return this.end - this.first;
  }

  isAssigned(partition: number): boolean {
    return this.#owners[partition] !== NOBODY;
  }

  /** How many more the member on that seat may take. It never grows. */
  room(seat: number): number {
    return this.#rules.roomInRange(this.#share, this.#extras, this.#assigned[seat]!);
  }

  give(seat: number, partitions: readonly number[]): void {
    for (const partition of partitions) this.#owners[partition] = this.members[seat]!;
    this.#assigned[seat]! += partitions.length;
    if (this.#assigned[seat]! > this.#share) this.#extras -= 1;
  }

  /** Everyone in turn takes the next partitions that nobody has yet. */
  assignRanges(): void {
    let next = this.first;
    for (let seat = 0; seat < this.members.length && next < this.end; seat++) {
      const room = this.room(seat);
      const taken: number[] = [];
      while (taken.length < room && next < this.end) {
        if (!this.isAssigned(next)) taken.push(next);
        next += 1;
      }
      if (taken.length > 0) this.give(seat, taken);
    }
  }
}
