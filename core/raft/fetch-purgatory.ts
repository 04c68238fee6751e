/** Fetches of the metadata log that wait for news (ThresholdPurgatory.java). Lane "raft". */
import type { Call } from "../network/request-server.ts";
import type { Ports, Timer } from "../ports.ts";

interface Waiting {
  readonly call: Call;
  readonly deadlineMs: number;
}

export class FetchPurgatory {
  readonly #ports: Ports;
  readonly #answer: (call: Call) => void;
  readonly #timer: Timer;
  /** By connection: each has one call at a time. */
  #waiting: Map<number, Waiting> = new Map();

  /** `answer` answers a call with what there is by then. */
  constructor(ports: Ports, answer: (call: Call) => void) {
    this.#ports = ports;
    this.#answer = answer;
    this.#timer = ports.timers.timer("raft", "metadata-fetch-wait", () => this.#expire());
  }

  /** Keeps a call until there is news, for `maxWaitMs` at most. */
  wait(call: Call, maxWaitMs: number): void {
    const deadlineMs = this.#ports.clock.monotonicMs() + maxWaitMs;
    this.#waiting.set(call.connectionId, { call, deadlineMs });
    if (!this.#timer.armed) this.#timer.set(maxWaitMs);
  }

  /** There is news: answers all that wait. */
  completeAll(): void {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const { call } of waiting.values()) this.#end(call);
    this.#timer.cancel();
  }

  /** Nobody is answered any more. */
  close(): void {
    this.#waiting.clear();
    this.#timer.cancel();
  }

  #expire(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    let nextMs = Infinity;
    for (const [connectionId, { call, deadlineMs }] of this.#waiting) {
      if (deadlineMs > nowMs && call.isOpen) {
        nextMs = Math.min(nextMs, deadlineMs);
        continue;
      }
      this.#waiting.delete(connectionId);
      this.#end(call);
    }
    if (nextMs < Infinity) this.#timer.set(nextMs - nowMs);
  }

  #end(call: Call): void {
    if (call.isOpen) this.#answer(call);
    else call.finish();
  }
}
