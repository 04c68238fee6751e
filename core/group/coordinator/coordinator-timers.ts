/** The timers of one coordinator, by what they are for (EventBasedCoordinatorTimer in CoordinatorRuntime.java). */
import type { Lane, Ports, Timer } from "../../ports.ts";

interface Entry {
  readonly timer: Timer;
  fire: () => void;
}

export class CoordinatorTimers {
  readonly #ports: Ports;
  readonly #lane: Lane;
  readonly #entries: Map<string, Entry> = new Map();
  #isClosed = false;

  constructor(ports: Ports, lane: Lane) {
    this.#ports = ports;
    this.#lane = lane;
  }

  /** Those that will fire. */
  get size(): number {
    return this.#entries.size;
  }

  /** Calls `fire` once, `delayMs` from now; replaces what was set under that name. */
  schedule(name: string, delayMs: number, fire: () => void): void {
    if (this.#isClosed) return;
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = { timer: this.#ports.timers.timer(this.#lane, name, () => this.#fire(name)), fire };
      this.#entries.set(name, entry);
    }
    entry.fire = fire;
    entry.timer.set(delayMs);
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  cancel(name: string): void {
    this.#entries.get(name)?.timer.cancel();
    this.#entries.delete(name);
  }

  /** Nothing fires any more, and nothing can be scheduled. */
  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#entries.values()) timer.cancel();
    this.#entries.clear();
  }

  #fire(name: string): void {
    const entry = this.#entries.get(name);
    this.#entries.delete(name);
    entry?.fire();
  }
}
