import seedrandom from "seedrandom";
import { finish, hashString, stepA, stepB } from "./hash.ts";

/**
 * Draws of a run, keyed by what they are for. A draw is a hash of the run's 64-bit key with its
 * purpose and the integers that identify its occasion, never of a shared counter: taking one
 * operation or fault out of a plan leaves the draws of all others as they were.
 */
export class KeyedDraws {
  readonly #key0: number;
  readonly #key1: number;
  /** Draws made so far. */
  count = 0;

  constructor(seed: string) {
    const stream = seedrandom.alea(seed);
    this.#key0 = stream.int32();
    this.#key1 = stream.int32();
  }

  /** 32 random bits as an unsigned integer. `purpose` is a hashed name ({@link hashString}). */
  draw(purpose: number, a: number, b: number, c: number): number {
    this.count++;
    let h = stepA(stepA(this.#key0, purpose), a);
    const g = stepB(stepB(this.#key1, b), c);
    h = stepA(stepA(h, b), c ^ g);
    return finish(h ^ Math.imul(g, 0x9e3779b1)) >>> 0;
  }

  /** An integer in [0, bound). */
  below(bound: number, purpose: number, a: number, b: number, c: number): number {
    return scale(this.draw(purpose, a, b, c), bound);
  }
}

/** Turns 32 random bits into an integer in [0, bound), bound <= 2^32. */
export function scale(bits: number, bound: number): number {
  return Math.floor((bits * bound) / 4294967296);
}

/**
 * A sequence of draws from a seed string, for making plans. Independent parts of a plan take a
 * `fork` each, so that drawing more in one leaves the others alone.
 */
export class SeededStream {
  readonly seed: string;
  readonly #next: () => number;

  constructor(seed: string) {
    this.seed = seed;
    this.#next = seedrandom.alea(seed);
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.#next() * bound);
  }

  /** An integer in [least, most]. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True in `n` of `outOf` cases. */
  chance(n: number, outOf: number): boolean {
    return this.below(outOf) < n;
  }

  /** One element; the array must not be empty. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** The same elements in a drawn order. */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = result[i]!;
      result[i] = result[j]!;
      result[j] = held;
    }
    return result;
  }

  /** A stream of its own, which depends on this one's seed and the name only. */
  fork(name: string): SeededStream {
    return new SeededStream(`${this.seed}/${hashString(name) >>> 0}:${name}`);
  }
}
