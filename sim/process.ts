import { Input, InputKind } from "./input.ts";
import type { Kernel } from "./kernel.ts";
import { hashString } from "./hash.ts";
import { Lane } from "./lane.ts";
import type { ConnectionHandler, ConnectionPort, EndCause, RandomPort, WorkPort } from "./ports.ts";
import { ProcessEnded } from "./ports.ts";
import type { Endpoint } from "./network/connection.ts";
import type { SimNode } from "./node.ts";
import { Alarm, Timer } from "./timer.ts";
import type { HostPort, TimerPort, TimersPort } from "./ports.ts";

const RANDOM = hashString("random");

/** A fault that waits for the n-th changing call of a process. */
export interface ArmedCall {
  /** Changing calls until it strikes. */
  remaining: number;
  readonly edge: "before" | "after";
  strike(): void;
  /** The process ended before it came to that call. */
  missed(): void;
}

/**
 * One incarnation of a node's process: its lanes, its open connections, and the places where it may
 * die. It is never revived; a restarted node has a new one.
 *
 * A handler runs at one moment of world time. Its storage calls cost time: `localUs` moves ahead,
 * what the handler sends or queues afterwards leaves no earlier, and the lane is busy until then.
 * What a finished handler has issued leaves even if the process dies within that time.
 */
export class Process implements TimersPort, RandomPort, WorkPort, HostPort {
  readonly kernel: Kernel;
  readonly node: SimNode;
  readonly incarnation: number;
  /** Set for good when the process ends. */
  ended: ProcessEnded | null = null;
  paused = false;
  /** The running handler's own time. */
  localUs = 0;
  /** The lane that runs, or ran last. */
  lane: Lane;
  /** The running handler waits for a stalled disk: what it does from now on is kept back. */
  stalled = false;
  /** Open connections in the order in which they were made. */
  readonly endpoints: Set<Endpoint> = new Set();
  listener: {
    readonly lane: Lane;
    readonly accept: (connection: ConnectionPort) => ConnectionHandler;
  } | null = null;
  readonly #lanes: Map<string, Lane> = new Map();
  readonly #purposes: Map<string, PurposeCount> = new Map();
  #armed: ArmedCall[] = [];

  constructor(kernel: Kernel, node: SimNode, incarnation: number) {
    this.kernel = kernel;
    this.node = node;
    this.incarnation = incarnation;
    this.lane = this.laneNamed("main");
  }

  /** The lane of that name; made when first asked for. */
  laneNamed(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = new Lane(this, name);
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  lanes(): Iterable<Lane> {
    return this.#lanes.values();
  }

  /** Lets a lane handle an input, here and now. The only place where a program's code is entered. */
  run(lane: Lane, input: Input): void {
    const kernel = this.kernel;
    this.lane = lane;
    this.localUs = kernel.nowUs;
    kernel.current = this;
    try {
      input.handle();
    } catch (error) {
      if (error !== this.ended || error === null) throw error;
    }
    kernel.current = null;
    if (this.stalled) {
      this.stalled = false;
      lane.freeAtUs = Infinity;
    } else {
      lane.freeAtUs = this.localUs;
    }
  }

  /** Counts, hashes and traces an input that is about to be handled. */
  record(kind: InputKind, label: string, size: number): void {
    this.kernel.record(this.node.id, this.node.index, kind, label, size);
  }

  /** First line of each port call: a process that ended does nothing more. */
  check(): void {
    if (this.ended !== null) throw this.ended;
  }

  /** First line of each port call that changes something: the process may die just before it. */
  beforeChange(): void {
    if (this.ended !== null) throw this.ended;
    if (this.#armed.length !== 0) this.#strikeArmed("before");
  }

  /** Last line of each port call that changes something. */
  afterChange(): void {
    if (this.#armed.length !== 0) this.#strikeArmed("after");
  }

  arm(call: ArmedCall): void {
    this.#armed.push(call);
  }

  disarm(call: ArmedCall): void {
    this.#armed = this.#armed.filter((other) => other !== call);
  }

  /** Time passes inside the running handler. */
  spend(us: number): void {
    this.localUs += us;
  }

  /** Does something at the handler's own time, or when the disk it waits for works again. */
  issue(action: () => void): void {
    this.lane.deferred.push(action);
  }

  later(lane: string, name: string, step: () => void): void {
    this.check();
    const target = this.laneNamed(lane);
    if (this.stalled) this.issue(() => this.#queueStep(target, name, step));
    else this.#queueStep(target, name, step);
  }

  timer(lane: string, name: string, fire: () => void): TimerPort {
    return new Timer(this, this.laneNamed(lane), name, fire);
  }

  /** Keyed by node, purpose, time slot and how many draws of that purpose the slot has seen. */
  below(purpose: string, bound: number): number {
    let count = this.#purposes.get(purpose);
    if (count === undefined) {
      count = new PurposeCount(Math.imul(this.node.key, 31) ^ hashString(purpose));
      this.#purposes.set(purpose, count);
    }
    const slot = this.kernel.slot;
    if (slot !== count.slot) {
      count.slot = slot;
      count.drawn = 0;
    }
    return this.kernel.draws.below(bound, RANDOM, count.key, slot, count.drawn++);
  }

  exit(reason: string): never {
    this.check();
    this.node.processExits(reason);
    throw this.ended!;
  }

  /** The rate of the node's clock has changed: alarms that are set go off at another true time. */
  rescheduleTimers(): void {
    const alarms: Alarm[] = [];
    this.kernel.queue.forEach((input) => {
      if (input instanceof Alarm && input.timer.lane.process === this) alarms.push(input);
    });
    for (const alarm of alarms) alarm.timer.schedule();
  }

  /** Ends it for good. The node does what belongs to it. */
  end(cause: EndCause): void {
    this.ended = new ProcessEnded(this.node.id, this.incarnation, cause);
    const armed = this.#armed;
    this.#armed = [];
    for (const call of armed) call.missed();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    if (!this.node.health.stalled) this.unstall();
    for (const lane of this.#lanes.values()) lane.scheduleTurn();
  }

  /** The disk works again: lanes that waited for it go on, once the process is not paused. */
  unstall(): void {
    if (this.paused || this.ended !== null) return;
    for (const lane of this.#lanes.values()) {
      if (lane.freeAtUs !== Infinity) continue;
      lane.freeAtUs = this.kernel.nowUs;
      this.localUs = this.kernel.nowUs;
      this.lane = lane;
      for (const action of lane.deferred.splice(0)) action();
      lane.scheduleTurn();
    }
  }

  #queueStep(lane: Lane, name: string, step: () => void): void {
    const readyUs = lane.readyAt(Math.max(this.localUs, this.kernel.nowUs));
    this.kernel.push(readyUs, lane.key, new Step(lane, name, step));
  }

  #strikeArmed(edge: "before" | "after"): void {
    for (const call of this.#armed.slice()) {
      if (edge === "before") call.remaining--;
      if (call.remaining > 0 || call.edge !== edge) continue;
      this.disarm(call);
      call.strike();
    }
    if (this.ended !== null) throw this.ended;
  }
}

/** How often a purpose was drawn for in the present time slot. */
class PurposeCount {
  readonly key: number;
  slot = -1;
  drawn = 0;

  constructor(key: number) {
    this.key = key;
  }
}

/** A piece of work for a lane. */
export class Step extends Input {
  declare readonly lane: Lane;
  declare readonly name: string;
  declare readonly work: () => void;

  constructor(lane: Lane, name: string, work: () => void) {
    super();
    this.lane = lane;
    this.name = name;
    this.work = work;
  }

  override arrive(): void {
    this.lane.offer(this);
  }

  override handle(): void {
    this.lane.process.record(InputKind.step, this.name, 0);
    this.work();
  }
}
