/**
 * Deadlines of many delayed operations on one timer (the timing wheel of SystemTimer.java): a binary
 * heap, so that adding and removing cost O(log n). The timer is not moved when the earliest deadline
 * goes away; it then fires once for nothing and is set anew.
 */
import type { Lane, Ports, Timer } from "../ports.ts";

export interface Expiring {
  /** Monotonic ms; set by the queue. */
  deadlineMs: number;
  /** Place in the heap, -1 when outside; managed by the queue. */
  heapIndex: number;
  /** Order of adding, which breaks ties; set by the queue. */
  heapSequence: number;
  /** Its time is up; it is no longer in the queue. */
  expire(): void;
}

export class DeadlineQueue {
  readonly #ports: Ports;
  readonly #timer: Timer;
  readonly #heap: Expiring[] = [];
  readonly #afterExpiry: () => void;
  #armedForMs = Infinity;
  #sequence = 0;

  /** `afterExpiry` is called once after each round of expiries. */
  constructor(ports: Ports, lane: Lane, name: string, afterExpiry: () => void) {
    this.#ports = ports;
    this.#afterExpiry = afterExpiry;
    this.#timer = ports.timers.timer(lane, name, () => this.#fire());
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Adds `item`, which must not be in it, to expire `delayMs` from now. */
  add(item: Expiring, delayMs: number): void {
    item.deadlineMs = this.#ports.clock.monotonicMs() + delayMs;
    item.heapSequence = this.#sequence++;
    item.heapIndex = this.#heap.length;
    this.#heap.push(item);
    this.#rise(item.heapIndex);
    this.#arm();
  }

  /** Takes `item` out; no-op when it is not in it. */
  remove(item: Expiring): void {
    const at = item.heapIndex;
    if (at < 0) return;
    item.heapIndex = -1;
    const last = this.#heap.pop() as Expiring;
    if (last === item) return;
    this.#heap[at] = last;
    last.heapIndex = at;
    this.#rise(at);
    this.#sink(last.heapIndex);
  }

  close(): void {
    this.#timer.cancel();
    for (const item of this.#heap) item.heapIndex = -1;
    this.#heap.length = 0;
  }

  #fire(): void {
    this.#armedForMs = Infinity;
    const nowMs = this.#ports.clock.monotonicMs();
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.deadlineMs > nowMs) break;
      this.remove(first);
      first.expire();
    }
    this.#arm();
    this.#afterExpiry();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || first.deadlineMs >= this.#armedForMs) return;
    this.#armedForMs = first.deadlineMs;
    this.#timer.set(Math.max(0, first.deadlineMs - this.#ports.clock.monotonicMs()));
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const item = heap[from] as Expiring;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Expiring;
      if (!isBefore(item, above)) break;
      heap[at] = above;
      above.heapIndex = at;
      at = parent;
    }
    heap[at] = item;
    item.heapIndex = at;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const item = heap[from] as Expiring;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as Expiring, heap[child] as Expiring)) {
        child = right;
      }
      const below = heap[child] as Expiring;
      if (!isBefore(below, item)) break;
      heap[at] = below;
      below.heapIndex = at;
      at = child;
    }
    heap[at] = item;
    item.heapIndex = at;
  }
}

function isBefore(a: Expiring, b: Expiring): boolean {
  return (
    a.deadlineMs < b.deadlineMs ||
    (a.deadlineMs === b.deadlineMs && a.heapSequence < b.heapSequence)
  );
}
