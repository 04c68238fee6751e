import type { DiskOperation } from "../disk/health.ts";
import type { FieldValue } from "../vocabulary.ts";

export const faultKinds = [
  "kill",
  "power-loss",
  "pause",
  "restart",
  "stop",
  "block",
  "reset",
  "lose-request",
  "lose-response",
  "delay",
  "bandwidth",
  "disk-full",
  "disk-error",
  "disk-slow",
  "disk-stall",
  "lost-sync",
  "bit-rot",
  "clock-offset",
  "clock-drift",
  "clock-step",
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** A node by name, or by the role it plays when the fault strikes. */
export interface RoleTarget {
  readonly role: string;
  /** Of what it plays the role, e.g. a partition; also a node, where the role is of one. */
  readonly of?: string;
}

/** The way from the first end to the second; "*" is any node. */
export interface LinkTarget {
  readonly link: readonly [string | RoleTarget, string | RoleTarget];
  /** Also the way back. */
  readonly both?: boolean;
}

export type Target = { readonly node: string } | LinkTarget | RoleTarget;

/** Strikes when an event has occurred for the n-th time. */
export interface Trigger {
  readonly event: string;
  /** Only occurrences with these fields count. */
  readonly where?: Readonly<Record<string, FieldValue>>;
  /** Counts from 1; by default the first. */
  readonly nth?: number;
  /** Just before the event takes effect beyond its node, or (default) after its handler. */
  readonly edge?: Edge;
}

export type Edge = "before" | "after";

/**
 * A fault as data. Exactly one of `at` and `when` says when it strikes; times are virtual
 * microseconds. Which further fields a kind takes is in `schema.ts`, what they do in the README.
 */
export interface Fault {
  readonly id: string;
  readonly kind: FaultKind;
  readonly target: Target;
  readonly at?: number;
  readonly when?: Trigger;
  /** How long it stands; of kill, power-loss, restart and stop: how long the node stays down. */
  readonly for?: number;
  /** kill, power-loss: strikes at the n-th changing port call of the target after `at`. */
  readonly call?: number;
  /** Of `call`: just before that call (default) or just after it. */
  readonly edge?: Edge;
  /** power-loss: unsynced bytes kept of each file; negative: bytes lost of what was written. */
  readonly keep?: number;
  /** power-loss: unsynced chunks kept of each file. */
  readonly keepChunks?: number;
  /** power-loss, bit-rot: only this file, or the files below this directory. */
  readonly path?: string;
  /** restart: which disk it gets. */
  readonly disk?: "same" | "empty" | "of";
  /** restart with disk "of": whose disk it gets a copy of. */
  readonly of?: string;
  /** reset, lose-request, lose-response, delay: only connections of this channel. */
  readonly channel?: string;
  /** lose-request, lose-response: how many frames are lost, one by default. */
  readonly count?: number;
  /** delay: added to each frame. */
  readonly us?: number;
  /** bandwidth: rate of the card or the line. */
  readonly bytesPerSecond?: number;
  /** disk-full: bytes that may still be written. */
  readonly freeBytes?: number;
  /** disk-error: operations that fail, all by default. */
  readonly ops?: readonly DiskOperation[];
  /** disk-slow: how many times as long everything takes. */
  readonly factor?: number;
  /** bit-rot: which byte; drawn by default. */
  readonly position?: number;
  /** clock-offset: how far the wall clock is off while it stands. */
  readonly offsetMs?: number;
  /** clock-drift: parts per million that the clock runs fast, or slow if negative. */
  readonly ppm?: number;
  /** clock-step: how far the wall clock jumps. */
  readonly stepMs?: number;
}

/** What a fault came to in a run. */
export interface FaultOutcome {
  readonly fault: Fault;
  readonly atUs: number;
  /** It struck; it found nothing to do; the world's owner refused it; it still waits. */
  readonly result: "struck" | "no-op" | "refused" | "waiting";
  /** Nodes that it hit. */
  readonly nodes: readonly string[];
  /** Links that it hit, as [from, to]; "*" is any node. */
  readonly links: readonly (readonly [string, string])[];
  /** What was drawn, so that the fault can be told exactly, e.g. the file and byte that rotted. */
  readonly detail: Readonly<Record<string, string | number>>;
}

/** A fault that struck and has not ended. */
export interface StandingFault {
  readonly fault: Fault;
  readonly sinceUs: number;
  readonly nodes: readonly string[];
  readonly links: readonly (readonly [string, string])[];
}

/** The byte that a bit-rot turns a bit of. */
export interface RotPlace {
  readonly path: string;
  readonly position: number;
}

/** What a fault would hit. */
export interface FaultTargets {
  readonly nodes: readonly string[];
  readonly links: readonly (readonly [string, string])[];
  /** Of bit-rot; absent when there is nothing that could rot. */
  readonly rot?: RotPlace;
}
