import { finish, hex64, stepA, stepB } from "./hash.ts";

/**
 * The running 64-bit hash of everything that happens in a run. Two runs with the same hash did the
 * same. It takes whatever numbers it is given, in order, and nothing else.
 */
export class TraceHash {
  #a = 0x243f6a88 | 0;
  #b = 0x85a308d3 | 0;

  /** Takes an integer (at most 2^53 in size). */
  mix(n: number): void {
    const low = n | 0;
    this.#a = stepA(this.#a, low);
    this.#b = stepB(this.#b, low);
    if (low !== n) {
      const high = Math.floor(n / 4294967296) | 0;
      this.#a = stepA(this.#a, high);
      this.#b = stepB(this.#b, high);
    }
  }

  /** Takes one event: when, where, what, how big. */
  event(timeUs: number, node: number, kind: number, size: number): void {
    const place = ((Math.floor(timeUs / 4294967296) << 16) ^ (node << 5) ^ kind) | 0;
    const low = timeUs | 0;
    this.#a = stepA(stepA(this.#a, low), place);
    this.#b = stepB(stepB(this.#b, place ^ low), size);
  }

  /** 16 hex digits. */
  digest(): string {
    return hex64(finish(this.#a ^ (this.#b >>> 3)), finish(this.#b));
  }
}
