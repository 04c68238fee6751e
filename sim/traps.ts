/**
 * Makes the real clock, real randomness and real timers throw while `fn` runs, and puts everything
 * back afterwards: a run that uses one of them is not reproducible, and must say so at once.
 */
export function withTraps<T>(fn: () => T): T {
  const globals = globalThis as unknown as Record<string, unknown>;
  const saved: (() => void)[] = [];
  const set = (holder: Record<string, unknown>, name: string, value: unknown): void => {
    const old = Object.getOwnPropertyDescriptor(holder, name);
    if (old === undefined) return;
    saved.push(() => Object.defineProperty(holder, name, old));
    Object.defineProperty(holder, name, { ...plain, value });
  };
  const forbid = (holder: Record<string, unknown>, name: string, label: string): void => {
    set(holder, name, () => {
      throw new Error(`${label} is used during a run: its result would not be reproducible`);
    });
  };
  forbid(Math as unknown as Record<string, unknown>, "random", "Math.random");
  set(globals, "Date", trappedDate(globals["Date"] as DateConstructor));
  const timers = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"];
  for (const name of timers) forbid(globals, name, name);
  try {
    return fn();
  } finally {
    for (const restore of saved.reverse()) restore();
  }
}

const plain = { configurable: true, enumerable: false, writable: true } as const;

/** A Date that can be made from a given time, but does not know the present one. */
function trappedDate(RealDate: DateConstructor): unknown {
  const refuse = (label: string): never => {
    throw new Error(`${label} is used during a run: its result would not be reproducible`);
  };
  return class extends RealDate {
    constructor(...parts: readonly number[]) {
      if (parts.length === 0) refuse("new Date()");
      super(...(parts as [number]));
    }

    static override now(): number {
      return refuse("Date.now");
    }
  };
}
