import type { Timer } from "../ports.ts";

/**
 * One timer that stands for many deadlines: armed for the earliest, never set again for the same one.
 * Delays are rounded up to whole ms, so that it cannot fire before its deadline by a rounding error.
 */
export class DeadlineTimer {
  readonly #timer: Timer;
  #armedForMs = Infinity;

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  /** To be called first when the timer fires. */
  fired(): void {
    this.#armedForMs = Infinity;
  }

  /** Arms it for exactly this deadline; Infinity disarms it. */
  arm(deadlineMs: number, nowMs: number): void {
    if (deadlineMs === this.#armedForMs) return;
    this.#armedForMs = deadlineMs;
    if (deadlineMs === Infinity) this.#timer.cancel();
    else this.#timer.set(Math.max(0, Math.ceil(deadlineMs - nowMs)));
  }

  /** Arms it for this deadline unless it will fire before. */
  armNoLaterThan(deadlineMs: number, nowMs: number): void {
    if (deadlineMs < this.#armedForMs) this.arm(deadlineMs, nowMs);
  }

  cancel(): void {
    this.arm(Infinity, 0);
  }
}
