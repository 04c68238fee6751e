import { Input, InputKind } from "./input.ts";
import type { Lane } from "./lane.ts";
import type { Process } from "./process.ts";
import type { TimerPort } from "./ports.ts";

/**
 * A named alarm of a process. It counts on the node's monotonic clock, from the moment the running
 * handler began, which is what the handler's clock shows.
 */
export class Timer implements TimerPort {
  readonly #process: Process;
  readonly lane: Lane;
  readonly name: string;
  readonly #fire: () => void;
  #alarm: Alarm;
  /** Monotonic time it is set to; -1 when not armed. */
  dueLocalUs = -1;

  constructor(process: Process, lane: Lane, name: string, fire: () => void) {
    this.#process = process;
    this.lane = lane;
    this.name = name;
    this.#fire = fire;
    this.#alarm = new Alarm(this);
  }

  get armed(): boolean {
    return this.dueLocalUs >= 0;
  }

  set(delayMs: number): void {
    if (!(delayMs >= 0)) throw new RangeError(`timer ${this.name}: delay ${delayMs}`);
    this.#process.check();
    this.cancel();
    if (delayMs === Infinity) return;
    this.dueLocalUs = this.#process.node.clock.monotonicUs() + Math.round(delayMs * 1000);
    this.schedule();
  }

  cancel(): void {
    this.#process.check();
    if (this.dueLocalUs < 0) return;
    this.dueLocalUs = -1;
    if (this.#alarm.slot >= 0) this.#process.kernel.queue.remove(this.#alarm);
    // The alarm went off and waits in the inbox of its lane: it must find that it is stale there.
    else this.#alarm = new Alarm(this);
  }

  /** Puts the alarm in the queue, also again after the clock's rate changed. */
  schedule(): void {
    const { kernel, node } = this.#process;
    kernel.queue.remove(this.#alarm);
    const atUs = Math.max(kernel.nowUs, node.clock.trueTimeOf(this.dueLocalUs));
    kernel.push(atUs, this.lane.key, this.#alarm);
  }

  /** The lane has come to an alarm of this timer. */
  goOff(alarm: Alarm): void {
    if (alarm !== this.#alarm || this.dueLocalUs < 0) return;
    this.dueLocalUs = -1;
    this.#process.record(InputKind.timer, this.name, 0);
    this.#fire();
  }
}

/** The queued half of a timer. */
export class Alarm extends Input {
  readonly timer: Timer;

  constructor(timer: Timer) {
    super();
    this.timer = timer;
  }

  override arrive(): void {
    this.timer.lane.offer(this);
  }

  override handle(): void {
    this.timer.goOff(this);
  }
}
