/** What an input was, in the trace and in its hash. The numbers must never change. */
export const InputKind = {
  frame: 1,
  timer: 2,
  step: 3,
  opened: 4,
  closed: 5,
  drained: 6,
  accepted: 7,
  ended: 8,
  booted: 9,
  fault: 10,
  faultEnded: 11,
} as const;
export type InputKind = (typeof InputKind)[keyof typeof InputKind];

/**
 * Something that will happen: it stands in the event queue, then perhaps in the inbox of a busy
 * lane, then it is handled. One is made for each frame and step, so fields are set by constructors:
 * V8 runs field initialisers several times slower (`declare` keeps them from being emitted).
 */
export abstract class Input {
  /** Owned by the event queue. */
  declare slot: number;

  constructor() {
    this.slot = -1;
  }

  /** Its time has come: most inputs now offer themselves to their lane. */
  abstract arrive(): void;

  /** Its lane is free: runs the handler, or does nothing when it has become stale. */
  abstract handle(): void;
}

/** Something the world itself does at a time; no node handles it. */
export class WorldTask extends Input {
  readonly #run: () => void;

  constructor(run: () => void) {
    super();
    this.#run = run;
  }

  override arrive(): void {
    this.#run();
  }

  override handle(): void {
    // A world task never enters a lane.
  }
}
