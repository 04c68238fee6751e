/**
 * Sticky assignment where all members want the same topics (ConstrainedAssignmentBuilder). Everyone gets
 * the same number of partitions, some get one more. First members keep what they had, up to that; then
 * what is left is dealt out: to those in the right rack first where racks matter, then in turn.
 */
import { assert } from "../../assert.ts";
import type { AssignorRules } from "./assignor-rules.ts";
import { NOBODY } from "./group-index.ts";
import type { GroupIndex } from "./group-index.ts";
import type { MemberClaims } from "./member-claims.ts";
import { RackQueue } from "./rack-queue.ts";
import type { RackTable } from "./rack-table.ts";

/** `racks` is null where they do not matter. */
export function assignEqually(
  index: GroupIndex,
  claims: MemberClaims,
  racks: RackTable | null,
  rules: AssignorRules,
): { readonly owners: Int32Array; readonly moving: Uint8Array } {
  const assignment = new EqualAssignment(index, claims, racks, rules);
  if (index.memberCount > 0) assignment.build();
  return assignment;
}

class EqualAssignment {
  readonly #index: GroupIndex;
  readonly #claims: MemberClaims;
  readonly #racks: RackTable | null;
  readonly #rules: AssignorRules;
  /** What everyone gets at least. */
  readonly #share: number;
  /** How many get one more than the share, and how many do so far. */
  readonly #expectedOver: number;
  #over = 0;
  readonly #sizes: Int32Array;
  /** By partition: from whom it was taken. */
  readonly #takenFrom: Int32Array;
  /** Who has less than the share, and who has just that and may get one more. */
  #below: number[] = [];
  #atShare: number[] = [];
  readonly owners: Int32Array;
  readonly moving: Uint8Array;

  constructor(
    index: GroupIndex,
    claims: MemberClaims,
    racks: RackTable | null,
    rules: AssignorRules,
  ) {
    this.#index = index;
    this.#claims = claims;
    this.#racks = racks;
    this.#rules = rules;
    this.#share = Math.floor(index.partitionCount / index.memberCount);
    this.#expectedOver = index.partitionCount % index.memberCount;
    this.#sizes = new Int32Array(index.memberCount);
    this.#takenFrom = new Int32Array(index.partitionCount).fill(NOBODY);
    this.owners = new Int32Array(index.partitionCount).fill(NOBODY);
    this.moving = new Uint8Array(index.partitionCount);
  }

  build(): void {
    this.#keepOwned();
    this.#below.sort((left, right) => left - right);
    this.#atShare.sort((left, right) => left - right);
    let left: readonly number[] = this.#unassigned();
    if (this.#racks !== null) left = this.#dealByRack(left, this.#racks);
    this.#dealInTurn(left);
  }

  #mayGoOver(): boolean {
    return this.#rules.mayExceedShare(this.#over, this.#expectedOver);
  }

  /** Those who come first in the walk may keep one more than the share. */
  #keepOwned(): void {
    const owned = this.#ownedByMember();
    const most = this.#share + (this.#expectedOver > 0 ? 1 : 0);
    for (const member of this.#index.walk) {
      const partitions = owned[member]!;
      if (partitions.length < this.#share) {
        this.#keep(member, partitions, partitions.length);
        this.#below.push(member);
      } else if (partitions.length >= most && this.#mayGoOver()) {
        this.#keep(member, partitions, most);
        this.#over += 1;
        if (!this.#mayGoOver()) this.#atShare = [];
      } else {
        this.#keep(member, partitions, this.#share);
        if (this.#mayGoOver()) this.#atShare.push(member);
      }
    }
  }

  #keep(member: number, partitions: readonly number[], count: number): void {
    partitions.forEach((partition, place) => {
      if (place < count) this.owners[partition] = member;
      else this.#takenFrom[partition] = member;
    });
    this.#sizes[member] = count;
  }

  /** What each member may go on with, by partition number first, so that it keeps some of each topic. */
  #ownedByMember(): readonly (readonly number[])[] {
    const { memberIds, views } = this.#index;
    const owned = memberIds.map((): number[] => []);
    this.#claims.owners.forEach((member, partition) => {
      if (member === NOBODY) return;
      if (this.#racks !== null && !this.#racks.match(member, partition)) {
        this.#takenFrom[partition] = member;
      } else if (this.#claims.contested[partition] === 0) {
        owned[member]!.push(partition);
      }
    });
    for (const partitions of owned) {
      partitions.sort((a, b) => views[a]!.partition - views[b]!.partition || a - b);
    }
    return owned;
  }

  #unassigned(): number[] {
    const partitions: number[] = [];
    this.owners.forEach((member, partition) => {
      if (member === NOBODY) partitions.push(partition);
    });
    return partitions;
  }

  #give(partition: number, member: number): number {
    const former = this.#takenFrom[partition]!;
    const isOwnedByAnother =
      (former !== NOBODY && former !== member) || this.#claims.contested[partition] === 1;
    if (isOwnedByAnother) this.moving[partition] = 1;
    this.owners[partition] = member;
    this.#sizes[member]! += 1;
    return this.#sizes[member]!;
  }

  /** Those partitions that fewest members can read locally come first. What is left over is returned. */
  #dealByRack(partitions: readonly number[], racks: RackTable): readonly number[] {
    const below = new RackQueue(this.#below, racks);
    const atShare = new RackQueue(this.#atShare, racks);
    const most = this.#share + (this.#expectedOver > 0 ? 1 : 0);
    const readers = racks.readersOf();
    const left: number[] = [];
    let from = 0;
    for (const partition of [...partitions].sort((a, b) => readers[a]! - readers[b]!)) {
      let at = below.find(partition, from);
      if (at >= 0) {
        const member = below.members[at]!;
        const size = this.#give(partition, member);
        if (size >= this.#share) {
          below.remove(at);
          if (size < most && this.#mayGoOver()) atShare.add(member);
        } else {
          at += 1;
        }
        from = below.members.length === 0 ? 0 : at % below.members.length;
        continue;
      }
      at = atShare.find(partition, 0);
      if (at < 0) {
        left.push(partition);
        continue;
      }
      this.#give(partition, atShare.members[at]!);
      atShare.remove(at);
      this.#over += 1;
      if (!this.#mayGoOver()) atShare.clear();
    }
    this.#below = below.members;
    this.#atShare = atShare.members;
    return left;
  }

  /** Round after round to those below the share; once there are none, one more to each in turn. */
  #dealInTurn(partitions: readonly number[]): void {
    let round = this.#below;
    let stillBelow: number[] = [];
    let at = 0;
    let over = 0;
    for (const partition of partitions) {
      if (at === round.length) {
        round = stillBelow;
        stillBelow = [];
        at = 0;
      }
      const isBelow = at < round.length;
      const member = isBelow ? round[at++] : this.#atShare[over++];
      assert(member !== undefined, "somebody is left who may get one more partition");
      const size = this.#give(partition, member);
      if (isBelow) (size === this.#share ? this.#atShare : stillBelow).push(member);
    }
  }
}
