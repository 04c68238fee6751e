import type { Fault } from "../faults/fault.ts";
import type {
  Chunk,
  CloseReason,
  ConnectionHandler,
  ConnectionPort,
  NodePorts,
  Program,
} from "../ports.ts";
import { emptyVocabulary } from "../vocabulary.ts";
import { World } from "../world.ts";
import type { WorldOptions } from "../world.ts";

/** A world with constant delays and quick lanes, for tests that tell times exactly. */
export function smallWorld(options: Partial<WorldOptions> = {}): World {
  return new World({
    seed: "small",
    startMs: 1_767_225_600_000,
    latency: { model: "constant", baseUs: 1000 },
    shuffleTies: false,
    vocabulary: emptyVocabulary,
    maxEvents: 1_000_000,
    pace: { minUs: 1, spreadUs: 0, tailDoublings: 0 },
    ...options,
  });
}

/** Adds a node that boots at 0 and hands out its ports, those of the newest incarnation. */
export function addHost(
  world: World,
  id: string,
  boot: (ports: NodePorts) => Program | void = () => undefined,
): { ports: NodePorts } {
  const host: { ports: NodePorts } = { ports: undefined as unknown as NodePorts };
  world.addNode({
    id,
    bootAtUs: 0,
    boot: (ports) => {
      host.ports = ports;
      return boot(ports) ?? {};
    },
  });
  return host;
}

/** What a connection told its owner, with the virtual time of each. */
export class Recorder implements ConnectionHandler {
  readonly log: string[] = [];
  readonly #world: World;
  readonly #onFrame: ((frame: unknown) => void) | null;

  constructor(world: World, onFrame: ((frame: unknown) => void) | null = null) {
    this.#world = world;
    this.#onFrame = onFrame;
  }

  opened(): void {
    this.#note("opened");
  }

  received(frame: unknown): void {
    this.#note(`got ${String(frame)}`);
    this.#onFrame?.(frame);
  }

  drained(): void {
    this.#note("drained");
  }

  closed(reason: CloseReason): void {
    this.#note(reason);
  }

  #note(what: string): void {
    this.log.push(`${this.#world.nowUs} ${what}`);
  }
}

/** A client `a` and a server `b` that answers each frame x with re:x; the client connects at 1 ms. */
export interface Pair {
  readonly world: World;
  readonly client: Recorder;
  readonly server: Recorder;
  /** Of the client. */
  readonly host: { readonly ports: NodePorts };
  readonly connection: () => ConnectionPort;
  /** Lets the client send a frame at a time. */
  sendAt(atUs: number, frame: string, sizeBytes?: number): void;
}

export function pair(faults: readonly Fault[] = [], options: Partial<WorldOptions> = {}): Pair {
  const world = smallWorld(options);
  const client = new Recorder(world);
  let answer: ConnectionPort | null = null;
  const server = new Recorder(world, (frame) => answer!.send(`re:${String(frame)}`, 10));
  let connection: ConnectionPort | null = null;
  addHost(world, "b", (ports) => {
    ports.transport.listen("network", (accepted) => {
      answer = accepted;
      return server;
    });
  });
  const host = addHost(world, "a");
  world.schedule(1000, "a", "main", "connect", () => {
    connection = host.ports.transport.connect("main", "b", "channel", client);
  });
  world.loadFaults(faults);
  return {
    world,
    client,
    server,
    host,
    connection: () => connection!,
    sendAt: (atUs, frame, sizeBytes = 10) =>
      world.schedule(atUs, "a", "main", "send", () => connection!.send(frame, sizeBytes)),
  };
}

/** A chunk of given bytes. */
export class TextChunk implements Chunk {
  readonly sizeBytes: number;
  readonly #bytes: Uint8Array;

  constructor(text: string) {
    this.#bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    this.sizeBytes = this.#bytes.length;
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }
}

/** Bytes as the text they were made from. */
export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
