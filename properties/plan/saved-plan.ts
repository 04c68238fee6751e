/** Saved plans: what a failing run leaves behind, and how it is named, written and read again. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { canonicalJson } from "../../sim/canonical-json.ts";
import { parsePlan } from "./parse-plan.ts";
import type { PlanVocabulary } from "./parse-plan.ts";
import type { Plan } from "./plan.ts";
import { readText } from "./read-text.ts";
import type { Verdict } from "../verdict.ts";

export const SAVED_PLANS = ".trial";

/** 12 hexadecimal digits of what decides the run; what was seen of it (`expect`) does not count. */
export function planHash(plan: Plan): string {
  const { expect: _seen, ...deciding } = plan;
  return createHash("sha256").update(canonicalJson(deciding)).digest("hex").slice(0, 12);
}

/** The plan with what this run of it showed. */
export function withExpectation(plan: Plan, verdict: Verdict): Plan {
  if (verdict.verdict === "unproven") return plan;
  const first = verdict.violations[0];
  const seen = first === undefined ? {} : { invariant: first.invariant, at: first.at };
  return { ...plan, expect: { verdict: verdict.verdict, ...seen, traceHash: verdict.traceHash } };
}

export function planPath(plan: Plan): string {
  return join(SAVED_PLANS, `${plan.scenario}-${planHash(plan)}.json`);
}

/** Writes the plan and returns its path, relative to the working directory. */
export function savePlan(plan: Plan): string {
  const path = planPath(plan);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, formatPlan(plan));
  return path;
}

/** Throws an {@link InputError}. */
export function loadPlan(path: string, vocabulary: PlanVocabulary): Plan {
  return parsePlan(readText(path, "plan"), path, vocabulary);
}

/** One line that runs a saved plan again. */
export function replayCommand(path: string, importedModule: string | null): string {
  const imports = importedModule === null ? "" : ` --import ${quoted(importedModule)}`;
  return `npx trial replay ${quoted(path)}${imports}`;
}

/** As one word of a shell. */
export function quoted(word: string): string {
  return /^[\w./@:+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

const LISTS = new Set(["nodes", "topics", "clients", "workload", "faults"]);

/** JSON with a line for each field, and for each element of the long lists: to be read and diffed. */
export function formatPlan(plan: Plan): string {
  return `${formatFields(plan, "")}\n`;
}

function formatFields(value: object, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(value).map(([name, field]: [string, unknown]) => {
    return `${inner}${JSON.stringify(name)}: ${formatField(name, field, inner)}`;
  });
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

function formatField(name: string, field: unknown, indent: string): string {
  if (name === "topology") return formatFields(field as object, indent);
  if (!LISTS.has(name) || !Array.isArray(field) || field.length === 0) return JSON.stringify(field);
  const lines = field.map((element: unknown) => `${indent}  ${JSON.stringify(element)}`);
  return `[\n${lines.join(",\n")}\n${indent}]`;
}
