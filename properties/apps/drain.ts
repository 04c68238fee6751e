/**
 * Runs a computation that needs all microtasks run at certain points. It starts on a macrotask of its
 * own, so that no foreign microtask is pending, and comes back to the event loop only at its end: no
 * other code of the process gets a turn in between, and two runs never mix.
 */
import { setImmediate } from "node:timers";
import { withTraps, withTrapsAcross } from "../../sim/traps.ts";

/** What happened while microtasks ran. */
export interface Turn {
  /** Why promises were rejected in them, or ticks thrown out of, with nobody to handle it. */
  readonly unhandled: readonly unknown[];
  /** What of the real world they, or the code before them, tried to use. */
  readonly escapes: readonly string[];
}

/** Yields where all microtasks have to run before it goes on, and is told then what happened in them. */
export type Steps<T> = Generator<undefined, T, Turn>;

/**
 * `isPortable`: in the way that every release of Node has. Math.random, real clocks and real timers throw
 * in `steps` and in the microtasks.
 */
export function drained<T>(steps: () => Steps<T>, isPortable: boolean): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        const tick = isPortable ? null : workingTick();
        resolve(tick === null ? bySlowTicks(steps) : byTicks(steps, tick));
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}

/**
 * Node's own "run all ticks and microtasks", if it works here. It is no public function, and within a
 * microtask it does nothing without saying so: the sentinel tells.
 */
function workingTick(): (() => void) | null {
  const { _tickCallback: tick } = process as unknown as { readonly _tickCallback?: () => void };
  if (typeof tick !== "function") return null;
  let hasRun = false;
  void Promise.resolve().then(() => {
    hasRun = true;
  });
  tick.call(process);
  return hasRun ? () => tick.call(process) : null;
}

function byTicks<T>(steps: () => Steps<T>, tick: () => void): T {
  const watch = new Watch();
  const others = process.rawListeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", watch.rejected);
  process.nextTick = watch.nextTick;
  try {
    return withTraps(() => {
      const run = steps();
      for (;;) {
        const step = run.next(watch.turn());
        if (step.done === true) return step.value;
        tick();
      }
    }, watch.escaped);
  } finally {
    process.nextTick = watch.realNextTick;
    process.removeListener("unhandledRejection", watch.rejected);
    for (const other of others) process.on("unhandledRejection", other as () => void);
  }
}

/**
 * A tick runs when no microtask is left, however deep they went. Rejections that nobody handles are left
 * to Node, which looks for them only after the run: it ends the process then.
 */
function bySlowTicks<T>(steps: () => Steps<T>): Promise<T> {
  const watch = new Watch();
  return withTrapsAcross(async () => {
    process.nextTick = watch.nextTick;
    try {
      // Only from within a microtask does a tick come after all others; outside it comes before them.
      await null;
      const run = steps();
      for (;;) {
        const step = run.next(watch.turn());
        if (step.done === true) return step.value;
        // What a tick of user code causes comes after the tick that was to be the last.
        for (let before = -1; before !== watch.ticks;) {
          before = watch.ticks;
          await new Promise<void>((resolve) => watch.realNextTick.call(process, resolve));
        }
      }
    } finally {
      process.nextTick = watch.realNextTick;
    }
  }, watch.escaped);
}

/** Collects what happens between two steps. */
class Watch {
  readonly realNextTick: typeof process.nextTick = process.nextTick;
  /** Callbacks of `nextTick` that have run. */
  ticks = 0;
  #unhandled: unknown[] = [];
  #escapes: string[] = [];

  readonly rejected = (reason: unknown): void => void this.#unhandled.push(reason);
  readonly escaped = (label: string): void => void this.#escapes.push(label);

  /** What a callback throws must not come out of the tick, which Node does not survive here. */
  readonly nextTick: typeof process.nextTick = (callback: Function, ...args: unknown[]): void =>
    this.realNextTick.call(process, () => {
      this.ticks += 1;
      try {
        callback(...args);
      } catch (error) {
        this.#unhandled.push(error);
      }
    });

  /** What happened since it was asked last. */
  turn(): Turn {
    const turn = { unhandled: this.#unhandled, escapes: this.#escapes };
    if (turn.unhandled.length > 0) this.#unhandled = [];
    if (turn.escapes.length > 0) this.#escapes = [];
    return turn;
  }
}
