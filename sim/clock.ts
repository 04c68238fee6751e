import type { ClockPort } from "./ports.ts";

/** Where a clock gets the true time from, in whole microseconds. */
export interface TimeSource {
  readonly nowUs: number;
}

/**
 * The clocks of one host. The monotonic one runs at its own rate, in parts per million off the
 * true rate, and never jumps; the wall clock is the monotonic one plus an offset, which may.
 * Both survive the process: they belong to the machine.
 */
export class NodeClock implements ClockPort {
  readonly #source: TimeSource;
  readonly #startMs: number;
  /** Monotonic time was `#localUs` at true time `#anchorUs`. */
  #anchorUs = 0;
  #localUs = 0;
  #driftPpm = 0;
  #offsetUs = 0;

  constructor(source: TimeSource, startMs: number) {
    this.#source = source;
    this.#startMs = startMs;
  }

  get driftPpm(): number {
    return this.#driftPpm;
  }

  /** How far the wall clock is ahead of the monotonic one, beyond the start of the run. */
  get offsetUs(): number {
    return this.#offsetUs;
  }

  monotonicMs(): number {
    return Math.floor(this.monotonicUs() / 1000);
  }

  wallMs(): number {
    return this.#startMs + Math.floor((this.monotonicUs() + this.#offsetUs) / 1000);
  }

  monotonicUs(): number {
    const elapsed = this.#source.nowUs - this.#anchorUs;
    if (this.#driftPpm === 0) return this.#localUs + elapsed;
    return this.#localUs + Math.floor((elapsed * (1_000_000 + this.#driftPpm)) / 1_000_000);
  }

  /** The first true time at which the monotonic clock shows at least `localUs`. */
  trueTimeOf(localUs: number): number {
    const ahead = localUs - this.#localUs;
    if (this.#driftPpm === 0) return this.#anchorUs + ahead;
    return this.#anchorUs + Math.ceil((ahead * 1_000_000) / (1_000_000 + this.#driftPpm));
  }

  /** Changes the rate from now on. */
  setDrift(ppm: number): void {
    this.#localUs = this.monotonicUs();
    this.#anchorUs = this.#source.nowUs;
    this.#driftPpm = ppm;
  }

  /** Moves the wall clock. */
  step(us: number): void {
    this.#offsetUs += us;
  }
}
