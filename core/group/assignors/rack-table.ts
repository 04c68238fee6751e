import type { AssignorRules } from "./assignor-rules.ts";
import type { GroupIndex } from "./group-index.ts";

export const NO_RACK = -1;

/** Who and what is in which rack, in numbers (KIP-881). */
export class RackTable {
  readonly #rules: AssignorRules;
  /** By member. */
  readonly memberRack: Int32Array;
  /** By partition: the racks of its replicas, each once. Empty when no member has a rack. */
  readonly partitionRacks: readonly (readonly number[])[];
  readonly rackCount: number;

  constructor(index: GroupIndex, rules: AssignorRules) {
    this.#rules = rules;
    const numbers = new Map<string, number>();
    const numberOf = (rack: string): number => {
      const known = numbers.get(rack);
      if (known !== undefined) return known;
      numbers.set(rack, numbers.size);
      return numbers.size - 1;
    };
    this.memberRack = Int32Array.from(index.subscriptions, ({ rackId }) =>
      rackId === null || rackId === "" ? NO_RACK : numberOf(rackId),
    );
    const isUsed = numbers.size > 0;
    this.partitionRacks = !isUsed
      ? []
      : index.views.map(({ replicaRacks }) => [...new Set(replicaRacks.map(numberOf))]);
    this.rackCount = numbers.size;
  }

  get hasMembers(): boolean {
    return this.rackCount > 0;
  }

  /** Whether racks make a difference between these members and the partitions [from, to). */
  matters(members: Iterable<number>, from: number, to: number): boolean {
    if (!this.hasMembers) return false;
    const ofMembers = new Set<number>();
    for (const member of members) {
      const rack = this.memberRack[member]!;
      if (rack !== NO_RACK) ofMembers.add(rack);
    }
    const ofPartitions = new Set<number>();
    for (let at = from; at < to; at++)
      for (const rack of this.partitionRacks[at]!) ofPartitions.add(rack);
    const someMatch = [...ofMembers].some((rack) => ofPartitions.has(rack));
    let allAreEverywhere = true;
    for (let at = from; at < to; at++) {
      if (this.partitionRacks[at]!.length !== ofPartitions.size) allAreEverywhere = false;
    }
    return this.#rules.usesRacks(someMatch, allAreEverywhere);
  }

  /** A member without a rack is at home everywhere. */
  match(member: number, partition: number): boolean {
    const rack = this.memberRack[member]!;
    return rack === NO_RACK || this.partitionRacks[partition]!.includes(rack);
  }

  /** By partition: how many members can read it in their own rack. */
  readersOf(): Int32Array {
    const membersIn = new Int32Array(this.rackCount);
    for (const rack of this.memberRack) if (rack !== NO_RACK) membersIn[rack]! += 1;
    return Int32Array.from(this.partitionRacks, (racks) =>
      racks.reduce((sum, rack) => sum + membersIn[rack]!, 0),
    );
  }
}
