/**
 * A tiny deterministic world for unit tests of core: a virtual clock in ms, nodes with lanes and
 * timers, in-memory disks, and a loopback network. Nothing in it is random and nothing costs time
 * but the network's delay. A test makes a `ManualWorld`, adds nodes, and lets time pass by `run`.
 *
 *   const world = new ManualWorld();
 *   const a = world.node("a");
 *   start(a.ports);
 *   world.run(100);
 *   expect(a.factsOf("appended")).toHaveLength(1);
 */
import type { Fact, FactKind, FactOf } from "../facts.ts";
import type {
  Codecs,
  Connection,
  ConnectionHandler,
  Lane,
  Ports,
  Timer,
  Transport,
} from "../ports.ts";
import { ManualCables, ManualConnection } from "./manual-network.ts";
import { ManualDisk, ManualStorage, ProcessEnded } from "./manual-storage.ts";

interface Input {
  readonly atMs: number;
  readonly sequence: number;
  readonly node: ManualNode;
  /** Of the process that it is for: what a dead one left behind never happens. */
  readonly incarnation: number;
  readonly step: () => void;
}

export interface ManualWorldOptions {
  /** One way, in ms. */
  readonly delayMs?: number;
  readonly codecs?: Codecs;
  /** Wall clock of all nodes at virtual time 0. */
  readonly startMs?: number;
}

export class ManualWorld {
  /** Virtual time in ms since the world was made. */
  nowMs = 0;
  readonly delayMs: number;
  readonly codecs: Codecs;
  readonly startMs: number;
  readonly cables: ManualCables = new ManualCables();
  readonly nodes: Map<string, ManualNode> = new Map();
  readonly connections: Set<ManualConnection<ManualNode>> = new Set();
  #queue: Input[] = [];
  #sequence = 0;

  constructor(options: ManualWorldOptions = {}) {
    this.delayMs = options.delayMs ?? 1;
    this.codecs = options.codecs ?? markingCodecs;
    this.startMs = options.startMs ?? 1767225600000;
  }

  /** The node of that name (its host name too); made, and up, at first. */
  node(name: string): ManualNode {
    let node = this.nodes.get(name);
    if (node === undefined) this.nodes.set(name, (node = new ManualNode(this, name)));
    return node;
  }

  /** Queues an input of `node`, `delayMs` from now. */
  later(node: ManualNode, delayMs: number, step: () => void): void {
    const atMs = this.nowMs + delayMs;
    const sequence = this.#sequence++;
    const input: Input = { atMs, sequence, node, incarnation: node.incarnation, step };
    // Most inputs are the latest yet, so the search begins at the end.
    let at = this.#queue.length;
    while (at > 0 && (this.#queue[at - 1] as Input).atMs > atMs) at -= 1;
    this.#queue.splice(at, 0, input);
  }

  /** Lets `ms` of virtual time pass. */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const input = this.#queue[0];
      if (input === undefined || input.atMs > endMs) break;
      this.#take();
    }
    this.nowMs = endMs;
  }

  /** Runs until `done` holds; throws when that takes more than `limitMs` of virtual time. */
  runUntil(done: () => boolean, limitMs: number = 60000): void {
    const endMs = this.nowMs + limitMs;
    while (!done()) {
      const input = this.#queue[0];
      if (input === undefined || input.atMs > endMs) {
        throw new Error(`still waiting at ${this.nowMs} ms`);
      }
      this.#take();
    }
  }

  /** Resets the connections between two nodes and refuses new ones until `mend`. */
  cut(a: string, b: string): void {
    this.cables.cut(a, b);
    for (const end of [...this.connections]) {
      const isBetween =
        (end.node.name === a && end.peer === b) || (end.node.name === b && end.peer === a);
      if (isBetween) this.later(end.node, 0, () => end.lose("reset"));
    }
  }

  mend(a: string, b: string): void {
    this.cables.mend(a, b);
  }

  /** Frames from `from` to `to` wait, in order, until `release`. */
  hold(from: string, to: string): void {
    this.cables.hold(from, to);
  }

  release(from: string, to: string): void {
    for (const arrive of this.cables.release(from, to)) this.later(this.node(to), 0, arrive);
  }

  #take(): void {
    const input = this.#queue.shift() as Input;
    this.nowMs = Math.max(this.nowMs, input.atMs);
    const { node, incarnation } = input;
    if (node.incarnation !== incarnation || !node.isAlive) return;
    if (node.isPaused) node.missed.push(input.step);
    else node.perform(input.step);
  }
}

export class ManualNode {
  readonly name: string;
  readonly world: ManualWorld;
  disk: ManualDisk = new ManualDisk();
  /** Of the present process. */
  ports: Ports;
  facts: Fact[] = [];
  isAlive = true;
  isPaused = false;
  /** Why the process ended by itself; null while it has not. */
  exitReason: string | null = null;
  incarnation = 0;
  missed: (() => void)[] = [];
  listener: { readonly lane: Lane; accept(connection: Connection): ConnectionHandler } | null =
    null;
  #draws: Map<string, number> = new Map();

  constructor(world: ManualWorld, name: string) {
    this.world = world;
    this.name = name;
    this.ports = makePorts(this);
  }

  /** All facts of one kind so far, oldest first. */
  factsOf<K extends FactKind>(kind: K): FactOf<K>[] {
    return this.facts.filter((fact): fact is FactOf<K> => fact.kind === kind);
  }

  /** Runs `step` as an input of this node; an exit of the process ends here. */
  perform(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof ProcessEnded)) throw error;
    }
  }

  /** The process ends; its disk keeps what was written. */
  kill(): void {
    this.isAlive = false;
    this.listener = null;
    for (const end of [...this.world.connections]) {
      if (end.node !== this) continue;
      this.world.connections.delete(end);
      end.end("reset");
    }
  }

  /** The process ends and the disk keeps only what was synced. */
  losePower(): void {
    this.kill();
    this.disk.losePower();
  }

  /** A new process on the same disk: give the new `ports` to what is started. */
  restart(): Ports {
    if (this.isAlive) this.kill();
    this.incarnation += 1;
    this.isAlive = true;
    this.isPaused = false;
    this.exitReason = null;
    this.missed = [];
    this.ports = makePorts(this);
    return this.ports;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    const missed = this.missed;
    this.missed = [];
    for (const step of missed) this.world.later(this, 0, step);
  }

  /** The k-th draw for a purpose depends on nothing but node, purpose and k. */
  draw(purpose: string, bound: number): number {
    const count = this.#draws.get(purpose) ?? 0;
    this.#draws.set(purpose, count + 1);
    return hash(`${this.name}/${purpose}/${count}`) % bound;
  }
}

function makePorts(node: ManualNode): Ports {
  const { world, incarnation } = node;
  const check = (): void => {
    if (!node.isAlive || node.incarnation !== incarnation) throw new ProcessEnded(node.name);
  };
  return {
    clock: {
      wallMs: () => world.startMs + world.nowMs,
      monotonicMs: () => world.nowMs,
    },
    timers: { timer: (_lane, _name, fire) => new ManualTimer(node, fire, check) },
    random: { below: (purpose, bound) => node.draw(purpose, bound) },
    work: {
      later: (_lane, _name, step) => {
        check();
        world.later(node, 0, step);
      },
    },
    transport: makeTransport(node, check),
    storage: new ManualStorage(node.disk, check),
    codecs: world.codecs,
    host: {
      exit: (reason) => {
        check();
        node.exitReason = reason;
        node.kill();
        throw new ProcessEnded(reason);
      },
    },
    probe: { emit: (fact) => node.facts.push(fact) },
  };
}

function makeTransport(node: ManualNode, check: () => void): Transport {
  const { world } = node;
  const deliver = (to: ManualNode, _lane: Lane, delayMs: number, step: () => void): void => {
    world.later(to, delayMs, step);
  };
  const endOf = (at: ManualNode, peer: string, lane: Lane, guard: () => void) => {
    const from = peer;
    const pass = (to: ManualNode, toLane: Lane, delayMs: number, step: () => void): void =>
      deliver(to, toLane, delayMs, () => world.cables.pass(from, to.name, step));
    const end = new ManualConnection<ManualNode>(at, peer, lane, world.delayMs, pass, guard);
    world.connections.add(end);
    return end;
  };
  return {
    listen: (lane, accept) => {
      check();
      node.listener = { lane, accept };
    },
    connect: (lane, host, _channel, handler) => {
      check();
      const near = endOf(node, host, lane, check);
      near.handler = handler;
      const refuse = (): void => near.arrive(() => near.lose("refused"));
      const target = world.nodes.get(host);
      if (target === undefined || !target.isAlive || world.cables.isCut(node.name, host)) {
        refuse();
        return near;
      }
      world.later(target, world.delayMs, () => {
        const listener = target.listener;
        if (listener === null || !near.isOpen) return refuse();
        const far = endOf(target, node.name, listener.lane, () => undefined);
        far.twin = near;
        near.twin = far;
        far.handler = listener.accept(far);
        near.arrive(() => handler.opened?.());
      });
      // The target may die before it hears of us.
      world.later(node, 2 * world.delayMs, () => {
        if (near.twin === null) near.lose("refused");
      });
      return near;
    },
  };
}

class ManualTimer implements Timer {
  readonly #node: ManualNode;
  readonly #fire: () => void;
  readonly #check: () => void;
  /** Counts `set` and `cancel`: what was queued before is void. */
  #version = 0;
  #armed = false;

  constructor(node: ManualNode, fire: () => void, check: () => void) {
    this.#node = node;
    this.#fire = fire;
    this.#check = check;
  }

  get armed(): boolean {
    return this.#armed;
  }

  set(delayMs: number): void {
    this.#check();
    if (!(delayMs >= 0)) throw new RangeError(`timer set to ${delayMs} ms`);
    this.#version += 1;
    this.#armed = true;
    const version = this.#version;
    this.#node.world.later(this.#node, delayMs, () => {
      if (version !== this.#version || !this.#armed) return;
      this.#armed = false;
      this.#fire();
    });
  }

  cancel(): void {
    this.#version += 1;
    this.#armed = false;
  }
}

const GZIP_MARK = 0x1f;

/** "gzip" here is the same bytes behind a mark, so that a missing step is noticed. */
const markingCodecs: Codecs = {
  compress: (type, bytes) => {
    if (type === "none") return bytes;
    const marked = new Uint8Array(bytes.length + 1);
    marked[0] = GZIP_MARK;
    marked.set(bytes, 1);
    return marked;
  },
  decompress: (type, bytes, limitBytes) => {
    if (type === "none") return bytes;
    if (bytes[0] !== GZIP_MARK) throw new RangeError("no gzip stream");
    if (bytes.length - 1 > limitBytes) throw new RangeError(`more than ${limitBytes} bytes`);
    return bytes.slice(1);
  },
};

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  value ^= value >>> 15;
  value = Math.imul(value, 0x2c1b3c6d);
  return (value ^ (value >>> 12)) >>> 0;
}
