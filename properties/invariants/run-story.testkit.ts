/** Tells a story of facts to checkers and returns what they found; for the tests of the invariants. */
import type { Fact } from "../../core/facts.ts";
import { codecs } from "../cluster/codecs.ts";
import type { LossJudge } from "../ghost/commitments.ts";
import type { DurableFiles } from "../ghost/durable-files.ts";
import { Ghost } from "../ghost/ghost.ts";
import { History } from "../history/history.ts";
import type { Findings, Violation } from "../observation.ts";
import { Dispatcher } from "../observe.ts";
import type { CheckContext } from "./check.ts";
import { createObservers } from "./registry.ts";
import type { Step } from "./story.testkit.ts";
import { diskPath, START_MS } from "./story.testkit.ts";

export interface Found {
  readonly violations: readonly Violation[];
  readonly checks: Readonly<Record<string, number>>;
  readonly situations: ReadonlySet<string>;
  readonly ghost: Ghost;
  readonly history: History;
}

/**
 * Runs the checks `only`, without the black box; or all, and the black box at the end. Without a judge
 * nothing may be lost.
 */
export function runStory(
  steps: readonly Step[],
  only?: readonly string[],
  judge?: LossJudge,
): Found {
  const disks = new Map<string, Uint8Array>();
  const others = new Map<string, readonly string[]>();
  const violations: Violation[] = [];
  const checks: Record<string, number> = {};
  const situations = new Set<string>();
  const findings: Findings = {
    violation: (violation) => violations.push(violation),
    checked: (id, n = 1) => {
      checks[id] = (checks[id] ?? 0) + n;
    },
    situation: (name) => situations.add(name),
  };
  const files = filesOf(disks, others);
  const ghost = new Ghost({ files, defaultMinIsr: 2, ...(judge && { judge }) });
  const history = new History();
  const context: CheckContext = {
    ghost,
    history,
    findings,
    files: ghost.files,
    codecs,
    producers: new Map([
      ["p1", { acks: -1, idempotent: true, maxInFlight: 5 }],
      ["p2", { acks: -1, idempotent: false, maxInFlight: 1 }],
    ]),
    consumers: new Map([["r1", { autoOffsetReset: "earliest" }]]),
    startMs: START_MS,
    producerIdExpirationMs: 86_400_000,
  };
  const { observers, reportChecks } = createObservers({
    context,
    ...(only === undefined ? {} : { only }),
    blackBox:
      only === undefined ? { producers: context.producers, readBack: new Set(["t-0"]) } : null,
  });
  const dispatcher = new Dispatcher(observers);
  const incarnations = new Map<string, number>();
  let seq = 0;
  for (const step of steps) {
    if (step.disk !== undefined) disks.set(step.node, joined(step.disk.map((b) => b.bytes())));
    if (step.files !== undefined) others.set(step.node, step.files);
    if (step.event?.kind === "booted") {
      incarnations.set(step.node, (incarnations.get(step.node) ?? 1) + 1);
    }
    seq += 1;
    const isClient = /^[pr]/.test(step.node);
    const moment = {
      at: seq * 1000,
      seq,
      node: step.node,
      nodeId: isClient ? -1 : Number(step.node.slice(1)),
      incarnation: incarnations.get(step.node) ?? 1,
    };
    if (step.event !== undefined) dispatcher.nodeEvent(step.event, moment);
    if (step.fact !== undefined) dispatcher.fact(step.fact, moment);
    if (step.frame !== undefined) {
      dispatcher.frameDelivered(step.frame.connection, step.frame.content, moment, "");
    }
  }
  dispatcher.atEnd({ at: seq * 1000, seq, node: "", nodeId: -1, incarnation: 1 });
  reportChecks();
  return { violations, checks, situations, ghost, history };
}

/** The ids of all violations, each once, sorted. */
export function firedBy(steps: readonly Step[], only?: readonly string[]): string[] {
  return [...new Set(runStory(steps, only).violations.map(({ invariant }) => invariant))].sort();
}

/** The same story with another fact in the place of that step. */
export function falsified(
  steps: readonly Step[],
  name: string,
  change: { readonly [field: string]: unknown },
): Step[] {
  const index = indexOf(steps, name);
  const step = steps[index] as Step;
  const fact = { ...step.fact, ...change } as Fact;
  return steps.with(index, { ...step, fact });
}

/** The story with more steps after that one. */
export function inserted(steps: readonly Step[], after: string, more: readonly Step[]): Step[] {
  return steps.toSpliced(indexOf(steps, after) + 1, 0, ...more);
}

export function without(steps: readonly Step[], ...names: readonly string[]): Step[] {
  for (const name of names) indexOf(steps, name);
  return steps.filter(({ name }) => !names.includes(name));
}

function indexOf(steps: readonly Step[], name: string): number {
  const index = steps.findIndex((step) => step.name === name);
  if (index === -1) throw new Error(`the story has no step ${name}`);
  return index;
}

function filesOf(
  disks: ReadonlyMap<string, Uint8Array>,
  others: ReadonlyMap<string, readonly string[]>,
): DurableFiles {
  return {
    list: (node) => [...(disks.has(node) ? [diskPath] : []), ...(others.get(node) ?? [])],
    read: (node, path) => (path === diskPath ? (disks.get(node) ?? null) : null),
    damage: () => [],
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
