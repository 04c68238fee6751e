import type { Fact } from "./facts.ts";

/**
 * What core asks of its world. The simulation gives these to a node; a real server may give others.
 * No port calls back while a handler runs: what a call causes arrives later, as an input of its own.
 * Every call that changes something (send, append, truncate, sync, rename, remove ...) is a place
 * where the node may die: the call then throws something that core must not catch.
 */

/**
 * A queue of inputs that one thread of a Kafka process would serve: its steps run in order and one
 * at a time; the world decides when. Names are Kafka's thread names, e.g. "network", "raft",
 * "fetcher-2", "scheduler".
 */
export type Lane = string;

export interface Clock {
  /** This node's wall clock in ms since 1970, with its own offset and drift. */
  wallMs(): number;
  /** Never goes back and never jumps. All timeouts run on it (Kafka's read wall time). */
  monotonicMs(): number;
}

/** One named alarm. It fires at most once for each `set`. */
export interface Timer {
  /** Arms or re-arms it to fire `delayMs` (>= 0) from now. */
  set(delayMs: number): void;
  cancel(): void;
  readonly armed: boolean;
}

export interface Timers {
  /** `name` says what the timer is for and is unique among the timers of the node that are alive. */
  timer(lane: Lane, name: string, fire: () => void): Timer;
}

export interface Random {
  /** An integer in [0, bound), drawn for `purpose`. */
  below(purpose: string, bound: number): number;
}

export interface Work {
  /** Queues a step on a lane. */
  later(lane: Lane, name: string, step: () => void): void;
}

export type CloseReason = "closed" | "reset" | "refused" | "timeout";

/** What a connection tells its owner, on the lane that opened or accepted it. */
export interface ConnectionHandler {
  /** The peer accepted (only for the side that connected). */
  opened?(): void;
  received(frame: unknown): void;
  /** The send limit was reached before and there is room again. */
  drained?(): void;
  /** The connection is gone; nothing more arrives. Not called after the owner's own `close`. */
  closed(reason: CloseReason): void;
}

/** Frames arrive in the order in which they were sent, each at most once. */
export interface Connection {
  /** Name of the node at the other end. */
  readonly peer: string;
  /** False while more bytes are under way than the send limit; `drained` follows. */
  readonly writable: boolean;
  send(frame: unknown, sizeBytes: number): void;
  close(): void;
}

export interface Transport {
  listen(lane: Lane, accept: (connection: Connection) => ConnectionHandler): void;
  /** `channel` names the connection among those between two nodes, e.g. "fetcher-0". */
  connect(lane: Lane, host: string, channel: string, handler: ConnectionHandler): Connection;
}

/** An immutable piece of a file, appended as one. The writer must never change it afterwards. */
export interface Chunk {
  readonly sizeBytes: number;
  /** Its bytes. May be computed on demand; must not be written to. */
  bytes(): Uint8Array;
}

/** Files are append-only. A call returns at once and costs virtual time on the calling lane. */
export interface StorageFile {
  readonly path: string;
  readonly sizeBytes: number;
  append(chunk: Chunk): void;
  /**
   * The piece at `position` (0 <= position < sizeBytes): from there to the end of the chunk that
   * holds it. The very chunk that was appended, if `position` is its start and nothing damaged it.
   */
  read(position: number): Chunk;
  /** Cuts the file to `sizeBytes` (no-op when it is not longer). */
  truncate(sizeBytes: number): void;
  /** What was appended so far survives a loss of power. */
  sync(): void;
}

export interface Storage {
  /** Names of the entries of a directory, sorted; throws ENOENT when there is no such directory. */
  list(directory: string): readonly string[];
  exists(path: string): boolean;
  /** Makes it and its parents; no-op when it exists. */
  makeDirectory(path: string): void;
  /** Opens an existing file (ENOENT otherwise) or, with `create`, a new empty one. */
  open(path: string, create?: boolean): StorageFile;
  /** Renames a file or a directory; replaces an existing file. */
  rename(from: string, to: string): void;
  /** Removes a file or a whole directory; no-op when there is none. */
  remove(path: string): void;
  /** Makes creations, renames and removals directly in that directory survive a loss of power. */
  syncDirectory(path: string): void;
}

export type StorageErrorCode = "ENOSPC" | "EIO" | "ENOENT";

/** What Storage throws. The only error that core may catch. */
export interface StorageError extends Error {
  readonly name: "StorageError";
  readonly code: StorageErrorCode;
}

/** Re-throws everything that is not a {@link StorageError}: the first line of each catch in core. */
export function asStorageError(error: unknown): StorageError {
  if (error instanceof Error && error.name === "StorageError") return error as StorageError;
  throw error;
}

export type CompressionType = "none" | "gzip";

export interface Codecs {
  compress(type: CompressionType, bytes: Uint8Array): Uint8Array;
  /** Throws a RangeError when the result would exceed `limitBytes` or the input is no valid stream. */
  decompress(type: CompressionType, bytes: Uint8Array, limitBytes: number): Uint8Array;
}

/** The process itself. */
export interface Host {
  /** Ends this process at once, as Exit.halt does: nothing after it runs. */
  exit(reason: string): never;
}

/** All that a node is given, besides its settings. */
export interface Ports {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly work: Work;
  readonly transport: Transport;
  readonly storage: Storage;
  readonly codecs: Codecs;
  readonly host: Host;
  /** Null when nobody listens; test before building a fact. */
  readonly probe: Probe | null;
}

/** Receives each fact where the state changes. A listener never changes behaviour. */
export interface Probe {
  emit(fact: Fact): void;
}
