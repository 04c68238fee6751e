/** What can stand in the queue: it remembers its place, so that removing it needs no search. */
export interface Queued {
  /** Place in the queue's tables; -1 while it is not queued. Only the queue writes it. */
  slot: number;
}

/** `tie` and the sequence number share a double: 16 bits above 37. */
const TIE_UNIT = 137_438_953_472;

/**
 * The future, ordered by (time, tie, order of pushing): a binary heap in typed arrays with indexed
 * removal. Cancelling really removes: most timers are cancelled, and dead entries would fill the heap.
 */
export class EventQueue<T extends Queued> {
  // By heap position.
  #times: Float64Array = new Float64Array(256);
  #orders: Float64Array = new Float64Array(256);
  #slots: Int32Array = new Int32Array(256);
  // By slot.
  #positions: Int32Array = new Int32Array(256);
  readonly #items: (T | null)[] = [];
  readonly #free: number[] = [];
  #size = 0;
  #sequence = 0;

  get size(): number {
    return this.#size;
  }

  /** Time of the first item; Infinity when there is none. */
  nextTime(): number {
    return this.#size === 0 ? Infinity : this.#times[0]!;
  }

  /** `tie` is an integer in [0, 65536). The item must not be queued. */
  push(time: number, tie: number, item: T): void {
    const order = tie * TIE_UNIT + this.#sequence++;
    let slot = this.#free.pop();
    if (slot === undefined) {
      slot = this.#items.length;
      this.#items.push(item);
      if (slot >= this.#positions.length) this.#grow();
    } else {
      this.#items[slot] = item;
    }
    item.slot = slot;
    this.#siftUp(this.#size++, time, order, slot);
  }

  /** Takes the first item out. The queue must not be empty. */
  pop(): T {
    const slot = this.#slots[0]!;
    const item = this.#items[slot]!;
    this.#release(item, slot);
    const last = --this.#size;
    if (last > 0) this.#siftDown(0, this.#times[last]!, this.#orders[last]!, this.#slots[last]!);
    return item;
  }

  /** Takes an item out, wherever it stands; a no-op when it is not queued. */
  remove(item: T): void {
    const slot = item.slot;
    if (slot < 0) return;
    const at = this.#positions[slot]!;
    this.#release(item, slot);
    const last = --this.#size;
    if (at === last) return;
    const time = this.#times[last]!;
    const order = this.#orders[last]!;
    const moved = this.#slots[last]!;
    const parent = (at - 1) >> 1;
    if (at > 0 && this.#isBefore(time, order, parent)) this.#siftUp(at, time, order, moved);
    else this.#siftDown(at, time, order, moved);
  }

  /** When a queued item is due. */
  timeOf(item: T): number {
    return this.#times[this.#positions[item.slot]!]!;
  }

  /** Visits every queued item, in no particular but a reproducible order. */
  forEach(visit: (item: T) => void): void {
    for (const item of this.#items) if (item !== null) visit(item);
  }

  #release(item: T, slot: number): void {
    item.slot = -1;
    this.#items[slot] = null;
    this.#free.push(slot);
  }

  #isBefore(time: number, order: number, position: number): boolean {
    const other = this.#times[position]!;
    return time < other || (time === other && order < this.#orders[position]!);
  }

  #siftUp(hole: number, time: number, order: number, slot: number): void {
    const times = this.#times;
    const orders = this.#orders;
    const slots = this.#slots;
    const positions = this.#positions;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const other = times[parent]!;
      if (time > other || (time === other && order > orders[parent]!)) break;
      times[hole] = other;
      orders[hole] = orders[parent]!;
      const moved = slots[parent]!;
      slots[hole] = moved;
      positions[moved] = hole;
      hole = parent;
    }
    times[hole] = time;
    orders[hole] = order;
    slots[hole] = slot;
    positions[slot] = hole;
  }

  #siftDown(hole: number, time: number, order: number, slot: number): void {
    const times = this.#times;
    const orders = this.#orders;
    const slots = this.#slots;
    const positions = this.#positions;
    const size = this.#size;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      let childTime = times[child]!;
      const right = child + 1;
      if (right < size) {
        const rightTime = times[right]!;
        if (rightTime < childTime || (rightTime === childTime && orders[right]! < orders[child]!)) {
          child = right;
          childTime = rightTime;
        }
      }
      if (time < childTime || (time === childTime && order < orders[child]!)) break;
      times[hole] = childTime;
      orders[hole] = orders[child]!;
      const moved = slots[child]!;
      slots[hole] = moved;
      positions[moved] = hole;
      hole = child;
    }
    times[hole] = time;
    orders[hole] = order;
    slots[hole] = slot;
    positions[slot] = hole;
  }

  #grow(): void {
    const length = this.#positions.length * 2;
    this.#times = widened(this.#times, new Float64Array(length));
    this.#orders = widened(this.#orders, new Float64Array(length));
    this.#slots = widened(this.#slots, new Int32Array(length));
    this.#positions = widened(this.#positions, new Int32Array(length));
  }
}

function widened<A extends Float64Array | Int32Array>(old: A, wide: A): A {
  wide.set(old);
  return wide;
}
