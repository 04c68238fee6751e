/** Values of command-line options: checked, and named in the complaint when they are no good. */
import { availableParallelism } from "node:os";
import { randomBytes } from "node:crypto";
import type { SettingValue } from "../core/settings/definition.ts";
import type { Profile } from "../properties/plan/plan.ts";
import { profiles } from "../properties/plan/plan.ts";
import { parseAssignment } from "../properties/plan/settings.ts";
import { wrongValue } from "../properties/plan/wrong-value.ts";
import type { PlanVocabulary } from "../properties/plan/parse-plan.ts";

const MAX_RUNS = 1_000_000;
const MAX_JOBS = 256;

export function parseRuns(text: string): number {
  return positiveInteger("--runs", text, MAX_RUNS);
}

export function parseJobs(text: string): number {
  return positiveInteger("--jobs", text, MAX_JOBS);
}

export function defaultJobs(): number {
  return Math.min(availableParallelism(), MAX_JOBS);
}

/** Seeds are strings and stay strings: "007" is not "7". */
export function parseSeed(text: string): string {
  if (!/^[\x21-\x7e]{1,150}$/.test(text)) {
    throw wrongValue("--seed", text, "is not 1 to 150 visible ASCII characters");
  }
  return text;
}

/** For a run of which nobody said the seed; it is printed. */
export function freshSeed(): string {
  return String(randomBytes(4).readUInt32BE());
}

export function parseProfile(text: string): Profile {
  const profile = profiles.find((known) => known === text);
  if (profile !== undefined) return profile;
  throw wrongValue("--profile", text, `is unknown: there are ${profiles.join(", ")}`);
}

export function parseBugs(ids: readonly string[], vocabulary: PlanVocabulary): string[] {
  for (const id of ids) {
    if (vocabulary.bugs.includes(id)) continue;
    throw wrongValue("--bug", id, `is not one of ${vocabulary.bugs.join(", ")}`);
  }
  return [...new Set(ids)];
}

export function parseSettings(
  assignments: readonly string[],
): Readonly<Record<string, SettingValue>> {
  return Object.fromEntries(assignments.map((assignment) => parseAssignment(assignment)));
}

function positiveInteger(option: string, text: string, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) throw wrongValue(option, text, `is not 1 to ${max}`);
  return value;
}
