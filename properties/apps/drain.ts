/**
 * Runs a computation that needs all microtasks run at certain points. It starts on a macrotask of its
 * own, so that no foreign microtask is pending, and comes back to the event loop only at its end: no
 * other code of the process gets a turn in between, and two runs never mix.
 */
import { setImmediate } from "node:timers";
import { withTraps, withTrapsAcross } from "../../sim/traps.ts";

/** What happened while microtasks ran. */
export interface Turn {
  /** Why promises were rejected in them, with nobody to handle it. */
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
  const escapes = new Basket<string>();
  const unhandled = new Basket<unknown>();
  const others = process.rawListeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", unhandled.put);
  try {
    return withTraps(() => {
      const run = steps();
      for (;;) {
        const step = run.next({ unhandled: unhandled.take(), escapes: escapes.take() });
        if (step.done === true) return step.value;
        tick();
      }
    }, escapes.put);
  } finally {
    process.removeListener("unhandledRejection", unhandled.put);
    for (const other of others) process.on("unhandledRejection", other as () => void);
  }
}

/**
 * A tick runs when no microtask is left, however deep they went. Rejections that nobody handles are left
 * to Node, which looks for them only after the run: it ends the process then.
 */
function bySlowTicks<T>(steps: () => Steps<T>): Promise<T> {
  const { nextTick } = process;
  const escapes = new Basket<string>();
  return withTrapsAcross(async () => {
    // Only from within a microtask does a tick come after all others; outside it comes before them.
    await null;
    const run = steps();
    for (;;) {
      const step = run.next({ unhandled: [], escapes: escapes.take() });
      if (step.done === true) return step.value;
      await new Promise<void>((resolve) => nextTick(resolve));
    }
  }, escapes.put);
}

/** Collects things until somebody takes them all. */
class Basket<T> {
  #items: T[] = [];
  readonly put = (item: T): void => void this.#items.push(item);

  take(): readonly T[] {
    const items = this.#items;
    if (items.length > 0) this.#items = [];
    return items;
  }
}
