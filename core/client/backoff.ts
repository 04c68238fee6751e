/**
 * How long to wait before the next attempt: doubled from attempt to attempt up to a limit, with a
 * jitter of 20 % so that clients do not come back in step; always the same when the first is the
 * limit (ExponentialBackoff.java, KIP-580).
 */
import type { Random } from "../ports.ts";

export class ExponentialBackoff {
  readonly #random: Random;
  readonly #purpose: string;
  readonly #initialMs: number;
  readonly #maxMs: number;

  /** `purpose` names the draws of the jitter. */
  constructor(random: Random, purpose: string, initialMs: number, maxMs: number) {
    this.#random = random;
    this.#purpose = purpose;
    this.#initialMs = Math.min(initialMs, maxMs);
    this.#maxMs = maxMs;
  }

  /** The delay in ms after the n-th failure in a row; n counts from 1. */
  delayMs(failures: number): number {
    const doublings = Math.min(Math.max(failures, 1) - 1, 30);
    const term = Math.min(this.#initialMs * powerOfTwo(doublings), this.#maxMs);
    const spread = this.#initialMs < this.#maxMs ? Math.floor(term / 5) : 0;
    if (spread === 0) return term;
    const jittered = term - spread + this.#random.below(this.#purpose, 2 * spread + 1);
    return Math.min(jittered, this.#maxMs);
  }
}

/** 2^n for n <= 30: exact. */
function powerOfTwo(n: number): number {
  return 1 << n;
}
