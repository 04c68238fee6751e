/**
 * Makes the real clock, real randomness, real timers and the outer world throw while `fn` runs, and
 * puts everything back afterwards: a run that uses one of them is not reproducible, and must say so at
 * once. `onUse` is told as well, since whoever runs into a trap may catch what it throws.
 */
export function withTraps<T>(fn: () => T, onUse: (label: string) => void = () => undefined): T {
  const restore = setTraps(onUse);
  try {
    return fn();
  } finally {
    restore();
  }
}

/** The same until the promise is settled: whatever runs meanwhile is trapped too. */
export async function withTrapsAcross<T>(
  fn: () => Promise<T>,
  onUse: (label: string) => void,
): Promise<T> {
  const restore = setTraps(onUse);
  try {
    return await fn();
  } finally {
    restore();
  }
}

type Holder = Record<string, unknown>;

/** By global object: what none of its users may call. "" is the global scope itself. */
const forbidden: Readonly<Record<string, readonly string[]>> = {
  Math: ["random"],
  "": ["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch"],
  performance: ["now"],
  // Not nextTick: it is no source of chance, and printing needs it.
  process: ["hrtime"],
  crypto: ["randomUUID", "getRandomValues"],
};

function setTraps(onUse: (label: string) => void): () => void {
  const globals = globalThis as unknown as Holder;
  const saved: (() => void)[] = [];
  const set = (holder: Holder, name: string, value: unknown): void => {
    if (!(name in holder)) return;
    const old = Object.getOwnPropertyDescriptor(holder, name);
    saved.push(() => {
      if (old === undefined) delete holder[name];
      else Object.defineProperty(holder, name, old);
    });
    Object.defineProperty(holder, name, { ...plain, value });
  };
  for (const [owner, names] of Object.entries(forbidden)) {
    const holder = (owner === "" ? globals : globals[owner]) as Holder | undefined;
    if (holder === undefined) continue;
    for (const name of names)
      set(holder, name, trap(owner === "" ? name : `${owner}.${name}`, onUse));
  }
  set(globals, "Date", trappedDate(globals["Date"] as DateConstructor, onUse));
  return () => {
    for (const restore of saved.reverse()) restore();
  };
}

/** Throws when it is called; `hrtime` has a method of its own, which throws as well. */
function trap(label: string, onUse: (label: string) => void): () => never {
  const refuse = (): never => {
    onUse(label);
    throw new Error(`${label} is used during a run: its result would not be reproducible`);
  };
  return Object.assign(refuse, { bigint: refuse });
}

const plain = { configurable: true, enumerable: false, writable: true } as const;

/** A Date that can be made from a given time, but does not know the present one. */
function trappedDate(RealDate: DateConstructor, onUse: (label: string) => void): unknown {
  const refuseNow = trap("Date.now", onUse);
  const refusePresent = trap("new Date()", onUse);
  return class extends RealDate {
    constructor(...parts: readonly number[]) {
      if (parts.length === 0) refusePresent();
      super(...(parts as [number]));
    }

    static override now(): number {
      return refuseNow();
    }
  };
}
