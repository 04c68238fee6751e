import type { FactKind, FactOf } from "../core/facts.ts";

/** Where and when something was observed. One object may be reused: copy what you keep. */
export interface Moment {
  /** Virtual time in microseconds. */
  readonly at: number;
  /** Counts the observations of a run. */
  readonly seq: number;
  /** Topology name of the node, e.g. "b1", "c100", "p1". */
  readonly node: string;
  /** Its node.id; -1 for clients. */
  readonly nodeId: number;
  /** Counts the starts of that node's process, from 1. */
  readonly incarnation: number;
}

/** What happens to a node, as the simulated world knows it. */
export type NodeEvent =
  | { readonly kind: "booted"; readonly disk: "same" | "empty" | "foreign" }
  | {
      readonly kind: "ended";
      readonly cause: "kill" | "power-loss" | "exit";
      readonly reason: string;
    }
  /** The host lost power while no process ran on it. */
  | { readonly kind: "lost-power" }
  | { readonly kind: "paused" }
  | { readonly kind: "resumed" }
  /** Bytes [from, to) of a file of this node's disk were damaged, or silently not made durable. */
  | {
      readonly kind: "disk-damaged";
      readonly how: "bit-rot" | "lost-sync";
      readonly path: string;
      readonly from: number;
      readonly to: number;
    };

/** What an observer is told. Handlers are called at most once per fact, in the order of the facts. */
export interface Observer {
  /** One handler for each kind of fact that it listens to. */
  readonly on?: { readonly [K in FactKind]?: (fact: FactOf<K>, moment: Moment) => void };
  nodeEvent?(event: NodeEvent, moment: Moment): void;
  /** Safety phase over, everything healed, every send resolved: called once, at the end of the run. */
  atEnd?(moment: Moment): void;
}

/** A promise that was broken. `message` is one sentence with the values that prove it. */
export interface Violation {
  /** Id of the invariant, e.g. "B12", or the name of a black-box anomaly, e.g. "lost-write". */
  readonly invariant: string;
  readonly at: number;
  readonly node: string;
  readonly message: string;
  readonly partition?: string;
  readonly offset?: number;
}

/** Where checkers report. */
export interface Findings {
  violation(violation: Violation): void;
  /** `n` real comparisons of that invariant were made. */
  checked(invariant: string, n?: number): void;
  /** A situation worth counting occurred, e.g. "truncation-over-two-epochs". */
  situation(name: string): void;
}
