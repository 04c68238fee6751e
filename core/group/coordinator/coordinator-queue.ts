/**
 * What waits for the coordinator of one partition (EventAccumulator.java): in order, but that a moved
 * high watermark goes first.
 */
import type { Lane, Work } from "../../ports.ts";

export class CoordinatorQueue {
  readonly #work: Work;
  readonly #lane: Lane;
  readonly #waiting: (() => void)[] = [];
  /** Made once, as every request needs it. */
  readonly #takeFirst = (): void => this.#waiting.shift()?.();

  constructor(work: Work, lane: Lane) {
    this.#work = work;
    this.#lane = lane;
  }

  addLast(step: () => void): void {
    this.#waiting.push(step);
    this.#work.later(this.#lane, "coordinator event", this.#takeFirst);
  }

  addFirst(step: () => void): void {
    this.#waiting.unshift(step);
    this.#work.later(this.#lane, "coordinator event", this.#takeFirst);
  }
}
