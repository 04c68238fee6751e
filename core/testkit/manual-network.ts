/** The loopback network of unit tests: reliable links in order, which a test may cut or hold. */
import type { CloseReason, Connection, ConnectionHandler, Lane } from "../ports.ts";

/** What a link needs to know of the node at one of its ends. */
export interface LinkEnd {
  readonly name: string;
  readonly isAlive: boolean;
}

/** Runs `step` as an input of `node`, `delayMs` from now. */
export type Deliver<Node> = (node: Node, lane: Lane, delayMs: number, step: () => void) => void;

/** Who may talk to whom. */
export class ManualCables {
  readonly #cut: Set<string> = new Set();
  /** Frames that wait, by direction. */
  readonly #held: Map<string, (() => void)[]> = new Map();

  isCut(a: string, b: string): boolean {
    return this.#cut.has(pairOf(a, b));
  }

  cut(a: string, b: string): void {
    this.#cut.add(pairOf(a, b));
  }

  mend(a: string, b: string): void {
    this.#cut.delete(pairOf(a, b));
  }

  hold(from: string, to: string): void {
    this.#held.set(`${from}>${to}`, []);
  }

  release(from: string, to: string): readonly (() => void)[] {
    const held = this.#held.get(`${from}>${to}`) ?? [];
    this.#held.delete(`${from}>${to}`);
    return held;
  }

  /** Runs `arrive` now, or keeps it while that direction is held. */
  pass(from: string, to: string, arrive: () => void): void {
    const held = this.#held.get(`${from}>${to}`);
    if (held === undefined) arrive();
    else held.push(arrive);
  }
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}

/** One end of a connection. Its twin is the other end. */
export class ManualConnection<Node extends LinkEnd> implements Connection {
  readonly peer: string;
  readonly node: Node;
  readonly writable = true;
  handler: ConnectionHandler | null = null;
  twin: ManualConnection<Node> | null = null;
  isOpen = true;
  readonly #lane: Lane;
  readonly #deliver: Deliver<Node>;
  readonly #delayMs: number;
  readonly #check: () => void;

  constructor(
    node: Node,
    peer: string,
    lane: Lane,
    delayMs: number,
    deliver: Deliver<Node>,
    check: () => void,
  ) {
    this.node = node;
    this.peer = peer;
    this.#lane = lane;
    this.#delayMs = delayMs;
    this.#deliver = deliver;
    this.#check = check;
  }

  send(frame: unknown, _sizeBytes: number): void {
    this.#check();
    const twin = this.twin;
    if (!this.isOpen || twin === null) return;
    twin.arrive(() => twin.handler?.received(frame));
  }

  close(): void {
    this.#check();
    this.end("closed");
  }

  /** This end stops now; the other end learns it after the delay. */
  end(reason: CloseReason): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.twin?.arrive(() => this.twin?.lose(reason));
  }

  /** This end learns that the connection is gone. */
  lose(reason: CloseReason): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.handler?.closed(reason);
  }

  /** Runs `step` at this end after the delay, if the end is still open then. */
  arrive(step: () => void): void {
    this.#deliver(this.node, this.#lane, this.#delayMs, () => {
      if (this.isOpen) step();
    });
  }
}
