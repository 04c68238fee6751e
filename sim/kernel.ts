import { EventQueue } from "./event-queue.ts";
import { hashString } from "./hash.ts";
import { WorldTask } from "./input.ts";
import type { Input, InputKind } from "./input.ts";
import { KeyedDraws } from "./random.ts";
import { TraceHash } from "./trace-hash.ts";
import type { Process } from "./process.ts";

const TIE = hashString("tie");

/** Length of the time slots that random behaviour is keyed by. */
export const SLOT_US = 100_000;

/** One line of a trace. */
export interface TraceEvent {
  readonly atUs: number;
  readonly node: string;
  readonly kind: InputKind;
  /** What exactly: the name of a timer or step, the channel of a frame, the kind of a fault. */
  readonly label: string;
  readonly size: number;
}

/** Time, queue, draws and trace: what every part of the world shares. */
export class Kernel {
  nowUs = 0;
  readonly queue: EventQueue<Input> = new EventQueue();
  readonly draws: KeyedDraws;
  readonly hash: TraceHash = new TraceHash();
  /** Inputs handled by a live node, and faults. */
  events = 0;
  /** The process whose handler runs at this moment. */
  current: Process | null = null;
  /** Null when nobody traces. */
  onEvent: ((event: TraceEvent) => void) | null = null;
  /** Run as soon as the handler that is running now has ended. */
  readonly #afterHandler: (() => void)[] = [];
  readonly #shuffleTies: boolean;

  constructor(seed: string, shuffleTies: boolean) {
    this.draws = new KeyedDraws(seed);
    this.#shuffleTies = shuffleTies;
  }

  /** Number of the time slot that the present moment lies in. */
  get slot(): number {
    return Math.floor(this.nowUs / SLOT_US);
  }

  /**
   * Queues an input for a lane. Inputs of one lane at one time keep their order; those of different
   * lanes are ordered by a draw if this run shuffles ties.
   */
  push(timeUs: number, laneKey: number, input: Input): void {
    const tie = this.#shuffleTies
      ? this.draws.draw(TIE, laneKey, timeUs | 0, Math.floor(timeUs / 4294967296)) >>> 16
      : 0;
    this.queue.push(timeUs, tie, input);
  }

  /** Queues something that the world itself does. */
  at(timeUs: number, run: () => void): WorldTask {
    const task = new WorldTask(run);
    this.queue.push(Math.max(timeUs, this.nowUs), 0, task);
    return task;
  }

  /** Counts, hashes and traces an event. `label` is only asked for when somebody traces. */
  record(node: string, index: number, kind: InputKind, label: string, size: number): void {
    this.events++;
    this.hash.event(this.nowUs, index, kind, size);
    if (this.onEvent !== null) this.onEvent({ atUs: this.nowUs, node, kind, label, size });
  }

  /** Runs something when the present handler has ended, or now when none runs. */
  afterHandler(run: () => void): void {
    if (this.current === null) run();
    else this.#afterHandler.push(run);
  }

  /** Called by the loop between two inputs. */
  runAfterHandler(): void {
    if (this.#afterHandler.length === 0) return;
    for (const run of this.#afterHandler.splice(0)) run();
  }
}
