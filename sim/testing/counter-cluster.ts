import type { Fault } from "../faults/fault.ts";
import type { LatencyOptions } from "../network/latency.ts";
import type { Chunk, ConnectionHandler, ConnectionPort, FilePort, NodePorts } from "../ports.ts";
import { World } from "../world.ts";
import type { WorldOptions } from "../world.ts";

/**
 * The world's own tiny protocol, to try it out with: a replicated counter. A client adds numbers at
 * the primary `n1`, one after the other. The primary appends each to its log and sends it on; the
 * followers `n2` and `n3` append it, sync it and confirm; when one follower has it, the client gets
 * its answer. All of them recover from their logs; the client repeats what was not answered.
 */
export const counterNodes = ["n1", "n2", "n3", "client"] as const;

const LOG = "data/counter";
const RETRY_MS = 300;

/** An entry is the number of the operation in 4 bytes; the file is the log. */
class Entry implements Chunk {
  readonly sizeBytes = 4;
  readonly op: number;

  constructor(op: number) {
    this.op = op;
  }

  bytes(): Uint8Array {
    return new Uint8Array([this.op >>> 24, this.op >>> 16, this.op >>> 8, this.op]);
  }
}

type Message =
  | { readonly kind: "add"; readonly op: number }
  | { readonly kind: "added"; readonly op: number }
  | { readonly kind: "hello"; readonly length: number }
  | { readonly kind: "entry"; readonly at: number; readonly op: number }
  | { readonly kind: "have"; readonly length: number };

export interface CounterOptions {
  readonly seed: string;
  readonly faults?: readonly Fault[];
  readonly operations?: number;
  /** Operations that the client leaves out. */
  readonly without?: readonly number[];
  readonly latency?: LatencyOptions;
  readonly world?: Partial<WorldOptions>;
}

export interface CounterCluster {
  readonly world: World;
  /** Operations that were answered. */
  readonly acked: Set<number>;
}

/** Builds the cluster: three nodes, a client, and the faults. */
export function counterCluster(options: CounterOptions): CounterCluster {
  const acked = new Set<number>();
  const world: World = new World({
    seed: options.seed,
    startMs: 1_767_225_600_000,
    latency: options.latency ?? { model: "heavy-tail" },
    shuffleTies: false,
    vocabulary: {
      events: { appended: ["op"], acked: ["op"] },
      roles: { primary: () => "n1", follower: (of) => (of === "n3" ? "n3" : "n2") },
    },
    maxEvents: 1_000_000,
    ...options.world,
  });
  const tell = (node: string, event: string, op: number): void => {
    world.hash.mix(op);
    if (world.wants(event)) world.occurred(node, event, { op });
  };
  world.addNode({ id: "n1", boot: (ports) => new Primary(ports, ["n2", "n3"], tell).program() });
  for (const id of ["n2", "n3"]) {
    world.addNode({ id, boot: (ports) => new Follower(ports, id, tell).program() });
  }
  const operations = options.operations ?? 100;
  world.addNode({
    id: "client",
    boot: (ports) => {
      new Client(ports, operations, acked, tell).start(options.without ?? []);
      return {};
    },
  });
  world.loadFaults(options.faults ?? []);
  return { world, acked };
}

/** Runs it, heals at 8 s, and lets it come to rest by 20 s. */
export function runCounter(options: CounterOptions): CounterCluster {
  const cluster = counterCluster(options);
  cluster.world.runUntil(8_000_000);
  cluster.world.heal({ restart: true });
  cluster.world.runUntil(20_000_000);
  return cluster;
}

/** The operations in a node's log, as they are on its disk. */
export function logOf(world: World, node: string): readonly number[] {
  const { disk } = world.node(node);
  return disk.exists(LOG) ? decode(disk.content(LOG)) : [];
}

function decode(bytes: Uint8Array): number[] {
  const ops: number[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    ops.push((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
  }
  return ops;
}

type Tell = (node: string, event: string, op: number) => void;

/** A log on disk; what a crash tore off at its end is cut away when it is opened. */
class CounterLog {
  readonly ops: number[] = [];
  readonly #file: FilePort;

  constructor(ports: NodePorts) {
    ports.storage.makeDirectory("data");
    this.#file = ports.storage.open(LOG, true);
    ports.storage.syncDirectory("data");
    ports.storage.syncDirectory("");
    for (let at = 0; at < this.#file.sizeBytes;) {
      const chunk = this.#file.read(at);
      this.ops.push(...decode(chunk.bytes()));
      at += chunk.sizeBytes;
    }
    this.#file.truncate(this.ops.length * 4);
  }

  append(op: number): void {
    this.#file.append(new Entry(op));
    this.#file.sync();
    this.ops.push(op);
  }
}

class Primary {
  readonly #ports: NodePorts;
  readonly #tell: Tell;
  readonly #log: CounterLog;
  readonly #peers: readonly string[];
  /** What each follower was sent, and what it said that it has, on the present connection. */
  readonly #sent: Map<string, number> = new Map();
  readonly #confirmed: Map<string, number> = new Map();
  readonly #streams: Map<string, ConnectionPort> = new Map();
  /** Who waits for the answer to an operation. */
  readonly #waiting: Map<number, ConnectionPort> = new Map();

  constructor(ports: NodePorts, peers: readonly string[], tell: Tell) {
    this.#ports = ports;
    this.#peers = peers;
    this.#tell = tell;
    this.#log = new CounterLog(ports);
  }

  program(): { terminate(): void } {
    this.#ports.transport.listen("requests", (connection) => ({
      received: (frame) => this.#add((frame as Message & { kind: "add" }).op, connection),
      closed: () => undefined,
    }));
    for (const peer of this.#peers) this.#connect(peer);
    return { terminate: () => this.#ports.host.exit("asked to") };
  }

  #add(op: number, client: ConnectionPort): void {
    if (!this.#log.ops.includes(op)) {
      this.#log.append(op);
      this.#tell("n1", "appended", op);
      for (const [peer, connection] of this.#streams) this.#sendFrom(peer, connection);
    }
    this.#waiting.set(op, client);
    this.#ports.work.later("requests", "answer", () => this.#answer());
  }

  #connect(peer: string): void {
    const { transport, timers, random } = this.#ports;
    const lane = `to-${peer}`;
    const handler: ConnectionHandler = {
      received: (frame) => {
        const message = frame as Message & { kind: "hello" | "have" };
        this.#confirmed.set(peer, message.length);
        if (message.kind === "hello") {
          this.#streams.set(peer, connection);
          this.#sent.set(peer, message.length);
          this.#sendFrom(peer, connection);
        }
        this.#answer();
      },
      closed: () => {
        this.#streams.delete(peer);
        const again = timers.timer(lane, `reconnect ${peer}`, () => this.#connect(peer));
        again.set(50 + random.below(`reconnect ${peer}`, 50));
      },
    };
    const connection = transport.connect(lane, peer, "replicate", handler);
  }

  /** Sends what the follower was not sent yet. */
  #sendFrom(peer: string, connection: ConnectionPort): void {
    for (let at = this.#sent.get(peer) ?? 0; at < this.#log.ops.length; at++) {
      connection.send({ kind: "entry", at, op: this.#log.ops[at]! }, 12);
    }
    this.#sent.set(peer, this.#log.ops.length);
  }

  /** Answers what a follower has confirmed. */
  #answer(): void {
    let confirmed = 0;
    for (const length of this.#confirmed.values()) confirmed = Math.max(confirmed, length);
    for (const [op, client] of this.#waiting) {
      if (this.#log.ops.indexOf(op) >= confirmed) continue;
      this.#waiting.delete(op);
      client.send({ kind: "added", op }, 8);
    }
  }
}

class Follower {
  readonly #ports: NodePorts;
  readonly #id: string;
  readonly #tell: Tell;
  readonly #log: CounterLog;

  constructor(ports: NodePorts, id: string, tell: Tell) {
    this.#ports = ports;
    this.#id = id;
    this.#tell = tell;
    this.#log = new CounterLog(ports);
  }

  program(): { terminate(): void } {
    this.#ports.transport.listen("replication", (connection) => {
      connection.send({ kind: "hello", length: this.#log.ops.length }, 8);
      return {
        received: (frame) => {
          const { at, op } = frame as Message & { kind: "entry" };
          if (at === this.#log.ops.length) {
            this.#log.append(op);
            this.#tell(this.#id, "appended", op);
          }
          connection.send({ kind: "have", length: this.#log.ops.length }, 8);
        },
        closed: () => undefined,
      };
    });
    return { terminate: () => this.#ports.host.exit("asked to") };
  }
}

class Client {
  readonly #ports: NodePorts;
  readonly #operations: number;
  readonly #acked: Set<number>;
  readonly #tell: Tell;
  readonly #unanswered: Set<number> = new Set();
  #connection: ConnectionPort | null = null;
  #open = false;

  constructor(ports: NodePorts, operations: number, acked: Set<number>, tell: Tell) {
    this.#ports = ports;
    this.#operations = operations;
    this.#acked = acked;
    this.#tell = tell;
  }

  start(without: readonly number[]): void {
    this.#connect();
    for (let op = 1; op <= this.#operations; op++) {
      if (this.#acked.has(op) || without.includes(op)) continue;
      const timer = this.#ports.timers.timer("main", `op ${op}`, () => {
        if (this.#acked.has(op)) return;
        this.#unanswered.add(op);
        if (this.#open) this.#connection!.send({ kind: "add", op }, 16);
        timer.set(RETRY_MS);
      });
      timer.set(op * 50);
    }
  }

  #connect(): void {
    this.#connection = this.#ports.transport.connect("main", "n1", "client", {
      opened: () => {
        this.#open = true;
        for (const op of this.#unanswered) this.#connection!.send({ kind: "add", op }, 16);
      },
      received: (frame) => {
        const { op } = frame as Message & { kind: "added" };
        this.#unanswered.delete(op);
        if (this.#acked.has(op)) return;
        this.#acked.add(op);
        this.#tell("client", "acked", op);
      },
      closed: () => {
        this.#open = false;
        const again = this.#ports.timers.timer("main", "reconnect", () => this.#connect());
        again.set(100);
      },
    });
  }
}
