import { CLIENT_LANE } from "../../core/client/client-network.ts";
import type { Ports } from "../../core/ports.ts";
import type { AppProcess } from "./app-process.ts";

/** Time and chance for the user code of one process. */
export class AppTimers {
  readonly #process: AppProcess;
  readonly #ports: Ports;
  #sleeps = 0;

  constructor(process: AppProcess, ports: Ports) {
    this.#process = process;
    this.#ports = ports;
  }

  /** Resolves when this node's monotonic clock has advanced so far. */
  sleep(ms: number): Promise<void> {
    if (!(ms >= 0) || ms === Infinity) throw new RangeError(`sleep(${ms}): is not a time in ms`);
    return this.after("sleep", ms, () => undefined);
  }

  /** The same, with something that is done at that moment. */
  after(method: string, ms: number, then: () => void): Promise<void> {
    return this.#process.call<void>(method, ms, (settle) => {
      const name = `${method} ${++this.#sleeps}`;
      const { timers } = this.#ports;
      const timer = timers.timer(CLIENT_LANE, name, () => {
        then();
        settle.resolve();
      });
      timer.set(ms);
    });
  }

  /** Monotonic. */
  nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  wallMs(): number {
    return this.#ports.clock.wallMs();
  }

  below(purpose: string, bound: number): number {
    return this.#ports.random.below(`app ${purpose}`, bound);
  }
}
