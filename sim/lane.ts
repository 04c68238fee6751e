import { Input } from "./input.ts";
import { hashString } from "./hash.ts";
import { SLOT_US } from "./kernel.ts";
import type { Process } from "./process.ts";

const PACE = hashString("pace");
const PACE_TAIL = hashString("pace-tail");

/** How long a step waits before its lane takes it: a thread being scheduled. */
export interface PaceOptions {
  /** Least wait, in microseconds. */
  readonly minUs: number;
  /** Drawn on top of it, for each lane and time slot. */
  readonly spreadUs: number;
  /** In one slot of 2^n a lane is 2^(n-3) times as slow, up to this many doublings; 0: never. */
  readonly tailDoublings: number;
}

/**
 * One thread of a process: a queue of inputs handled in order, one at a time. While it is busy (a
 * handler's storage calls took virtual time), or its process is paused, inputs wait in the inbox.
 */
export class Lane {
  readonly process: Process;
  readonly name: string;
  /** Hash of the node's and the lane's name, for draws. */
  readonly key: number;
  /** Busy until then; Infinity while it waits for a stalled disk. */
  freeAtUs = 0;
  /** Things that the stalled handler did after the call that stalled. */
  readonly deferred: (() => void)[] = [];
  #inbox: Input[] = [];
  #head = 0;
  readonly #turn: LaneTurn;
  #lastStepUs = 0;
  #paceSlot = -1;
  #paceUs = 0;

  constructor(process: Process, name: string) {
    this.process = process;
    this.name = name;
    this.key = Math.imul(process.node.key, 31) ^ hashString(name);
    this.#turn = new LaneTurn(this);
  }

  get waiting(): number {
    return this.#inbox.length - this.#head;
  }

  /** An input has arrived: it is handled now if the lane is free, else it waits its turn. */
  offer(input: Input): void {
    const process = this.process;
    if (process.ended !== null) return;
    const { kernel } = process;
    if (
      this.waiting > 0 ||
      process.paused ||
      this.freeAtUs > kernel.nowUs ||
      kernel.current !== null
    ) {
      this.#inbox.push(input);
      this.scheduleTurn();
    } else {
      process.run(this, input);
    }
  }

  /** Makes the lane look at its inbox as soon as it is free. */
  scheduleTurn(): void {
    if (this.waiting === 0 || this.#turn.slot >= 0) return;
    if (this.process.paused || this.freeAtUs === Infinity) return;
    const kernel = this.process.kernel;
    kernel.push(Math.max(kernel.nowUs, this.freeAtUs), this.key, this.#turn);
  }

  /** Handles the oldest waiting input, if the lane may still run. */
  takeTurn(): void {
    const process = this.process;
    if (process.ended !== null || process.paused) return;
    if (this.freeAtUs > process.kernel.nowUs) {
      this.scheduleTurn();
      return;
    }
    const input = this.#inbox[this.#head++]!;
    if (this.#head === this.#inbox.length) {
      this.#inbox = [];
      this.#head = 0;
    }
    process.run(this, input);
    this.scheduleTurn();
  }

  /** When a step that is issued at `fromUs` becomes ready. Steps of a lane keep their order. */
  readyAt(fromUs: number): number {
    const slot = Math.floor(fromUs / SLOT_US);
    if (slot !== this.#paceSlot) {
      this.#paceSlot = slot;
      this.#paceUs = this.#drawPace(slot);
    }
    const readyUs = Math.max(this.#lastStepUs, fromUs + this.#paceUs);
    this.#lastStepUs = readyUs;
    return readyUs;
  }

  /** The inputs that wait, oldest first. */
  *inbox(): Iterable<Input> {
    for (let i = this.#head; i < this.#inbox.length; i++) yield this.#inbox[i]!;
  }

  #drawPace(slot: number): number {
    const { draws, pace } = this.process.node;
    const us = pace.minUs + draws.below(pace.spreadUs + 1, PACE, this.key, slot, 0);
    if (pace.tailDoublings === 0) return us;
    const rarity = Math.clz32(draws.draw(PACE_TAIL, this.key, slot, 0));
    return rarity < 4 ? us : us << Math.min(rarity - 3, pace.tailDoublings);
  }
}

/** The moment at which a busy lane gets free and has something to do. */
class LaneTurn extends Input {
  readonly #lane: Lane;

  constructor(lane: Lane) {
    super();
    this.#lane = lane;
  }

  override arrive(): void {
    this.#lane.takeTurn();
  }

  override handle(): void {
    // The turn itself is no input of the node.
  }
}
