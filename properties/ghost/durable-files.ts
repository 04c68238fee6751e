/**
 * What a node's disk holds, read from outside while the node is not running or between its inputs.
 * Checkers use it to judge what was written instead of what the node says it wrote.
 */
export interface DurableFiles {
  /** Paths of all files of that node's disk, in any order. */
  list(node: string): readonly string[];
  /** What a process that starts now would read from that file; null when there is none. */
  read(node: string, path: string): Uint8Array | null;
  /**
   * The same as the pieces that were written, in order, where they are known: a piece that is an
   * immutable object which somebody else holds too has that object's bytes, and need not be read.
   */
  pieces?(node: string, path: string): readonly unknown[];
  /** What faults did to that file: damaged bytes, or syncs that were silently lost. */
  damage(node: string, path: string): readonly Damage[];
}

/** Bytes [from, to) of a file. */
export interface Damage {
  readonly how: "bit-rot" | "lost-sync";
  readonly from: number;
  readonly to: number;
}
