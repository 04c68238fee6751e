/**
 * Sticky assignment where members want different topics (GeneralAssignmentBuilder). What members have is
 * kept, the rest goes to whoever has least; then partitions are moved as long as that evens things out.
 *
 * Differs from Kafka:
 * - A partition goes back to its former owner only if that one still wants its topic. Kafka does not ask,
 *   and fails where the former owner has nothing to share.
 * - What members claim of partitions that there are no more is ignored; Kafka goes on to assign them.
 * - Evening out can go round in circles, since not always the partition moves that was looked at (see
 *   partition-movements.ts). Kafka then never comes to an end. Here it ends where it was before.
 */
import type { AssignorRules } from "./assignor-rules.ts";
import { NOBODY } from "./group-index.ts";
import type { GroupIndex } from "./group-index.ts";
import type { MemberClaims } from "./member-claims.ts";
import { MembersBySize } from "./members-by-size.ts";
import { PartitionMovements } from "./partition-movements.ts";
import type { RackTable } from "./rack-table.ts";

/** `racks` is null where they do not matter. */
export function assignUnequally(
  index: GroupIndex,
  claims: MemberClaims,
  newestGeneration: number,
  racks: RackTable | null,
  rules: AssignorRules,
): { readonly owners: Int32Array; readonly moving: null } {
  const assignment = new UnequalAssignment(index, racks, rules);
  assignment.keepOwned(claims);
  assignment.build(formerOwners(index, claims, newestGeneration, rules));
  return { owners: assignment.owners, moving: null };
}

/** By partition: who had it in the last generation before the newest, or NOBODY. */
function formerOwners(
  index: GroupIndex,
  claims: MemberClaims,
  newestGeneration: number,
  rules: AssignorRules,
): Int32Array {
  const owners = new Int32Array(index.partitionCount).fill(NOBODY);
  for (const member of index.walk) {
    const generation = claims.generations[member]!;
    if (!rules.isOldClaim(generation, newestGeneration)) continue;
    for (const partition of claims.partitions[member]!) {
      const other = owners[partition]!;
      if (other === NOBODY || generation > claims.generations[other]!) owners[partition] = member;
    }
  }
  return owners;
}

class UnequalAssignment {
  readonly #index: GroupIndex;
  readonly #racks: RackTable | null;
  readonly #rules: AssignorRules;
  readonly #sizes: Int32Array;
  /** By topic: how many members want it. */
  readonly #demand: Int32Array;
  /** By member and topic: 1 where the member wants it. */
  readonly #wants: Uint8Array;
  readonly #movements: PartitionMovements;
  /** By member: 1 where it may get or lose partitions while things are evened out. */
  readonly #mayChange: Uint8Array;
  #bySize: MembersBySize;
  #mustRevoke = false;
  readonly owners: Int32Array;

  constructor(index: GroupIndex, racks: RackTable | null, rules: AssignorRules) {
    this.#index = index;
    this.#racks = racks;
    this.#rules = rules;
    this.#sizes = new Int32Array(index.memberCount);
    this.#demand = new Int32Array(index.topics.length);
    this.#wants = new Uint8Array(index.memberCount * index.topics.length);
    index.wanted.forEach((topics, member) => {
      for (const topic of topics) {
        this.#demand[topic]! += 1;
        this.#wants[member * index.topics.length + topic] = 1;
      }
    });
    this.#mayChange = new Uint8Array(index.memberCount);
    this.#movements = new PartitionMovements(index);
    this.#bySize = new MembersBySize([], this.#sizes);
    this.owners = new Int32Array(index.partitionCount).fill(NOBODY);
  }

  keepOwned(claims: MemberClaims): void {
    claims.owners.forEach((member, partition) => {
      if (member === NOBODY) return;
      const racksMatch = this.#racks === null || this.#racks.match(member, partition);
      const isWanted = this.#isWanted(member, partition);
      if (this.#rules.keepsOwned(isWanted, racksMatch)) {
        this.owners[partition] = member;
        this.#sizes[member]! += 1;
      } else {
        this.#mustRevoke = true;
      }
    });
  }

  build(formerOwners: Int32Array): void {
    const all = this.#hardestFirst();
    const unassigned = all.filter((partition) => this.owners[partition] === NOBODY);
    const isFirst = unassigned.length === all.length;
    this.#bySize = new MembersBySize([...this.#index.walk], this.#sizes);
    this.#assign(unassigned);

    const isShared = (partition: number): boolean => this.#demandOf(partition) >= 2;
    const changing = this.#whoMayChange();
    for (const member of changing) this.#mayChange[member] = 1;
    this.#bySize = new MembersBySize(changing, this.#sizes);
    const before = { owners: this.owners.slice(), score: this.#score() };
    if (!this.#mustRevoke) this.#evenOut(unassigned.filter(isShared), formerOwners);
    const hasMoved = this.#evenOut(all.filter(isShared), formerOwners);
    const helped = this.#rules.isWorthMoving(before.score, this.#score());
    if (!isFirst && hasMoved && !helped) this.owners.set(before.owners);
  }

  #isWanted(member: number, partition: number): boolean {
    const { topics, topicOf } = this.#index;
    return this.#wants[member * topics.length + topicOf[partition]!] === 1;
  }

  #demandOf(partition: number): number {
    return this.#demand[this.#index.topicOf[partition]!]!;
  }

  /** All partitions, those that fewest members want first. */
  #hardestFirst(): number[] {
    const { topics, firstOf } = this.#index;
    const order = topics.map((_, topic) => topic);
    order.sort((a, b) => this.#demand[a]! - this.#demand[b]! || a - b);
    const partitions: number[] = [];
    for (const topic of order) {
      for (let id = firstOf[topic]!; id < firstOf[topic + 1]!; id++) partitions.push(id);
    }
    return partitions;
  }

  /** Each to the member with least that wants it: in its rack where racks matter and there is one. */
  #assign(partitions: readonly number[]): void {
    let left = partitions;
    const racks = this.#racks;
    if (racks !== null) {
      left = partitions.filter((partition) => {
        const member = this.#smallest(partition, racks);
        if (member === NOBODY) return true;
        this.#give(partition, member);
        return false;
      });
    }
    for (const partition of left) {
      const member = this.#smallest(partition, null);
      if (member !== NOBODY) this.#give(partition, member);
    }
  }

  #give(partition: number, member: number): void {
    this.owners[partition] = member;
    this.#bySize.grow(member);
  }

  #smallest(partition: number, racks: RackTable | null): number {
    for (let place = 0; place < this.#bySize.count; place++) {
      const member = this.#bySize.at(place);
      if (!this.#isWanted(member, partition)) continue;
      if (racks === null || racks.match(member, partition)) return member;
    }
    return NOBODY;
  }

  /** Members that could have more, or share a topic that they have partitions of. */
  #whoMayChange(): number[] {
    const sharing = new Uint8Array(this.#index.memberCount);
    this.owners.forEach((member, partition) => {
      if (member !== NOBODY && this.#demandOf(partition) >= 2) sharing[member] = 1;
    });
    return this.#index.wanted.flatMap((topics, member) => {
      const most = topics.reduce((sum, topic) => sum + this.#index.partitionsOf(topic), 0);
      return this.#sizes[member]! < most || sharing[member] === 1 ? [member] : [];
    });
  }

  /** The differences between each two members that may change, summed up. */
  #score(): number {
    const { count } = this.#bySize;
    let score = 0;
    for (let place = 0; place < count; place++) {
      score += this.#sizes[this.#bySize.at(place)]! * (2 * place - count + 1);
    }
    return score;
  }

  /** Moves partitions until no move evens things out any more; says whether any was moved. */
  #evenOut(partitions: readonly number[], formerOwners: Int32Array): boolean {
    let hasMoved = false;
    // A landmark is compared with all that follow until it is twice as old, so any circle is found.
    let landmark = this.owners.slice();
    for (let passes = 1; ; passes++) {
      if (!this.#evenOutOnce(partitions, formerOwners)) return hasMoved;
      hasMoved = true;
      if (this.owners.every((member, partition) => member === landmark[partition])) return true;
      if ((passes & (passes - 1)) === 0) landmark = this.owners.slice();
    }
  }

  #evenOutOnce(partitions: readonly number[], formerOwners: Int32Array): boolean {
    let hasMoved = false;
    for (const partition of partitions) {
      if (!this.#bySize.isUneven) break;
      const to = this.#betterOwner(partition, formerOwners[partition]!);
      if (to === NOBODY) continue;
      this.#move(partition, to);
      hasMoved = true;
    }
    return hasMoved;
  }

  /** Who should have the partition: a former owner rather than the one with least; or NOBODY. */
  #betterOwner(partition: number, former: number): number {
    const size = this.#sizes[this.owners[partition]!]!;
    const mayReturn =
      former !== NOBODY &&
      this.#mayChange[former] === 1 &&
      this.#rules.returnsToOldOwner(this.#isWanted(former, partition));
    if (mayReturn && this.#rules.evensOut(size, this.#sizes[former]!)) return former;
    const smallest = this.#smallest(partition, null);
    return this.#rules.evensOut(size, this.#sizes[smallest]!) ? smallest : NOBODY;
  }

  #move(wished: number, to: number): void {
    const partition = this.#movements.instead(wished, this.owners[wished]!, to);
    const from = this.owners[partition]!;
    this.#movements.record(partition, from, to);
    this.owners[partition] = to;
    this.#bySize.shrink(from);
    this.#bySize.grow(to);
  }
}
