import type { Fault, FaultKind } from "./fault.ts";

/** How a field must look. */
export type FieldRule =
  | { readonly type: "integer"; readonly least: number; readonly most: number }
  | { readonly type: "string" }
  | { readonly type: "choice"; readonly choices: readonly string[] }
  | { readonly type: "choices"; readonly choices: readonly string[] };

/** Which targets a kind may have, which fields it takes, and which of them it needs. */
export interface KindRule {
  readonly targets: "node" | "node or link";
  readonly takes: readonly (keyof Fault)[];
  readonly needs: readonly (keyof Fault)[];
}

/** A thousand hours: longer than any run, and far from the limits of exact integers. */
export const MAX_TIME_US = 3_600_000_000_000;
const MAX_BYTES = 1_000_000_000_000;

/** Fields that only some kinds take. */
export const fieldRules: Readonly<Partial<Record<keyof Fault, FieldRule>>> = {
  for: integer(0, MAX_TIME_US),
  call: integer(1, 1_000_000_000),
  edge: choice("before", "after"),
  keep: integer(-MAX_BYTES, MAX_BYTES),
  keepChunks: integer(0, MAX_BYTES),
  path: { type: "string" },
  disk: choice("same", "empty", "of"),
  of: { type: "string" },
  channel: { type: "string" },
  count: integer(1, 1_000_000),
  us: integer(0, MAX_TIME_US),
  bytesPerSecond: integer(1, MAX_BYTES),
  freeBytes: integer(0, MAX_BYTES),
  ops: { type: "choices", choices: ["read", "write", "sync"] },
  factor: integer(1, 1_000_000),
  position: integer(0, MAX_BYTES),
  offsetMs: integer(-1_000_000_000_000, 1_000_000_000_000),
  ppm: integer(-500_000, 500_000),
  stepMs: integer(-1_000_000_000_000, 1_000_000_000_000),
};

export const kindRules: Readonly<Record<FaultKind, KindRule>> = {
  kill: onNode(["for", "call", "edge"]),
  "power-loss": onNode(["for", "call", "edge", "keep", "keepChunks", "path"]),
  pause: onNode(["for"]),
  restart: onNode(["for", "disk", "of"]),
  stop: onNode(["for"]),
  block: onLink(["for"]),
  reset: onLink(["channel"]),
  "lose-request": onLink(["for", "channel", "count"]),
  "lose-response": onLink(["for", "channel", "count"]),
  delay: onLink(["for", "us", "channel"], ["us"]),
  bandwidth: onLink(["for", "bytesPerSecond"], ["bytesPerSecond"]),
  "disk-full": onNode(["for", "freeBytes"]),
  "disk-error": onNode(["for", "ops"]),
  "disk-slow": onNode(["for", "factor"], ["factor"]),
  "disk-stall": onNode(["for"]),
  "lost-sync": onNode(["for"]),
  "bit-rot": onNode(["path", "position"]),
  "clock-offset": onNode(["for", "offsetMs"], ["offsetMs"]),
  "clock-drift": onNode(["for", "ppm"], ["ppm"]),
  "clock-step": onNode(["stepMs"], ["stepMs"]),
};

function onNode(takes: readonly (keyof Fault)[], needs: readonly (keyof Fault)[] = []): KindRule {
  return { targets: "node", takes, needs };
}

function onLink(takes: readonly (keyof Fault)[], needs: readonly (keyof Fault)[] = []): KindRule {
  return { targets: "node or link", takes, needs };
}

function integer(least: number, most: number): FieldRule {
  return { type: "integer", least, most };
}

function choice(...choices: readonly string[]): FieldRule {
  return { type: "choice", choices };
}
