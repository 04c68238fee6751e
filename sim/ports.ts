/**
 * What the simulated world gives to the program of a node. A program that was written against the
 * same shapes elsewhere runs here unchanged: TypeScript compares shapes, not names.
 *
 * No port calls back while a handler runs: what a call causes arrives later, as an input of its own.
 * Each call that changes something is a place where the process may end: the call then throws
 * {@link ProcessEnded}, and so does every later call of that incarnation.
 */

/** Name of a queue of inputs of a node, served one at a time in order. */
export type LaneName = string;

export interface ClockPort {
  /** The node's wall clock, ms since 1970, with its own offset, drift and steps. */
  wallMs(): number;
  /** The node's monotonic clock in ms; it may drift but never jumps. */
  monotonicMs(): number;
}

export interface TimerPort {
  set(delayMs: number): void;
  cancel(): void;
  readonly armed: boolean;
}

export interface TimersPort {
  timer(lane: LaneName, name: string, fire: () => void): TimerPort;
}

export interface RandomPort {
  /** An integer in [0, bound). */
  below(purpose: string, bound: number): number;
}

export interface WorkPort {
  later(lane: LaneName, name: string, step: () => void): void;
}

export type CloseReason = "closed" | "reset" | "refused" | "timeout";

export interface ConnectionHandler {
  opened?(): void;
  received(frame: unknown): void;
  drained?(): void;
  closed(reason: CloseReason): void;
}

export interface ConnectionPort {
  readonly peer: string;
  readonly writable: boolean;
  send(frame: unknown, sizeBytes: number): void;
  close(): void;
}

export interface TransportPort {
  listen(lane: LaneName, accept: (connection: ConnectionPort) => ConnectionHandler): void;
  connect(
    lane: LaneName,
    host: string,
    channel: string,
    handler: ConnectionHandler,
  ): ConnectionPort;
}

/** An immutable piece of a file. */
export interface Chunk {
  readonly sizeBytes: number;
  bytes(): Uint8Array;
}

export interface FilePort {
  readonly path: string;
  readonly sizeBytes: number;
  append(chunk: Chunk): void;
  read(position: number): Chunk;
  truncate(sizeBytes: number): void;
  sync(): void;
}

export interface StoragePort {
  list(directory: string): readonly string[];
  exists(path: string): boolean;
  makeDirectory(path: string): void;
  open(path: string, create?: boolean): FilePort;
  rename(from: string, to: string): void;
  remove(path: string): void;
  syncDirectory(path: string): void;
}

export interface HostPort {
  /** Ends the own process at once. */
  exit(reason: string): never;
}

/** All that the world gives to a program when it boots. */
export interface NodePorts {
  readonly clock: ClockPort;
  readonly timers: TimersPort;
  readonly random: RandomPort;
  readonly work: WorkPort;
  readonly transport: TransportPort;
  readonly storage: StoragePort;
  readonly host: HostPort;
}

/** What a program gives back to the world. */
export interface Program {
  /** The terminate signal (SIGTERM); the program ends itself by `host.exit` when it is ready. */
  terminate?(): void;
}

export type EndCause = "kill" | "power-loss" | "exit";

/** Thrown out of a port call of a process that is no more. Only the world catches it. */
export class ProcessEnded extends Error {
  readonly node: string;
  readonly incarnation: number;

  constructor(node: string, incarnation: number, cause: EndCause) {
    super(`${node} (incarnation ${incarnation}) ended: ${cause}`);
    this.name = "ProcessEnded";
    this.node = node;
    this.incarnation = incarnation;
  }
}
