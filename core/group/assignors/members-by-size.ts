/** Members in the order of how many partitions they have, then of their ids. */
export class MembersBySize {
  readonly #sizes: Int32Array;
  readonly #order: Int32Array;

  /** `sizes` is by member, and changed from here only. */
  constructor(members: readonly number[], sizes: Int32Array) {
    this.#sizes = sizes;
    const order = [...members].sort((a, b) => sizes[a]! - sizes[b]! || a - b);
    this.#order = Int32Array.from(order);
  }

  get count(): number {
    return this.#order.length;
  }

  /** The one at that place; 0 is who has least. */
  at(place: number): number {
    return this.#order[place]!;
  }

  /** Whether some member has more than one partition more than some other. */
  get isUneven(): boolean {
    if (this.count === 0) return false;
    return this.#sizes[this.at(0)]! < this.#sizes[this.at(this.count - 1)]! - 1;
  }

  grow(member: number): void {
    const from = this.#placeOf(member, 0, this.count);
    this.#sizes[member]! += 1;
    // Everyone in between moves up by one.
    const to = this.#placeOf(member, from + 1, this.count) - 1;
    this.#order.copyWithin(from, from + 1, to + 1);
    this.#order[to] = member;
  }

  shrink(member: number): void {
    const from = this.#placeOf(member, 0, this.count);
    this.#sizes[member]! -= 1;
    const to = this.#placeOf(member, 0, from);
    this.#order.copyWithin(to + 1, to, from);
    this.#order[to] = member;
  }

  /** The first place in [low, high) of one that does not come before this member; `high` if all do. */
  #placeOf(member: number, low: number, high: number): number {
    const size = this.#sizes[member]!;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#order[middle]!;
      const otherSize = this.#sizes[other]!;
      if (otherSize < size || (otherSize === size && other < member)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
