/**
 * Tests the guarantee oracle by its own word: a plan loses records, the verdict names the settings that
 * would have kept them; with these corrected, the same faults must lose nothing. What a correction
 * brings to light may need another one: up to three rounds.
 */
import { SeededStream } from "../../sim/random.ts";
import { drawChaosPlan } from "../generate/chaos-plan.ts";
import { drawOrderEvents } from "../generate/order-input.ts";
import { correctedPlan, cures } from "../misuses/corrected-plan.ts";
import type { Plan } from "../plan/plan.ts";
import { run } from "../run.ts";
import type { Loss, Verdict } from "../verdict.ts";

const ROUNDS = 3;

/** The chaos plan of a seed, with fewer records than the command sends. */
export function drawPatient(seed: string): Plan {
  const draw = new SeededStream(`oracle/${seed}`);
  const size = draw.fork("events");
  const plan = drawChaosPlan(draw, seed, drawOrderEvents(size, size.between(100, 500)));
  return { ...plan, scenario: "oracle" };
}

/** A plan that was run, and run again with what its verdict named. */
export interface Treatment {
  readonly seed: string;
  /** Settings that the first verdict named. */
  readonly named: readonly string[];
  readonly rounds: number;
  readonly cured: boolean;
  readonly ackedBefore: number;
  readonly ackedAfter: number;
  /** What is wrong with it still, for people. */
  readonly left: string | null;
}

/** Null when the run loses nothing, or something that no setting would have kept, or breaks a promise. */
export function treat(plan: Plan): Treatment | null {
  const first = run(plan);
  const named = settingsOf(first.losses);
  if (first.verdict !== "pass" || named === null || named.length === 0) return null;
  let patient = plan;
  let settings: readonly string[] = named;
  let verdict: Verdict = first;
  let rounds = 0;
  while (rounds < ROUNDS && settings.length > 0) {
    rounds += 1;
    for (const setting of settings) patient = correctedPlan(patient, cures[setting]!);
    verdict = run(patient);
    const next = settingsOf(verdict.losses);
    // Something that no setting would have kept: this treatment has failed.
    if (next === null) break;
    settings = next;
  }
  const cured = verdict.verdict === "pass" && verdict.losses.length === 0;
  const left = verdict.losses[0]?.explained ?? verdict.violations[0]?.message ?? null;
  return {
    seed: plan.seed,
    named,
    rounds,
    cured,
    ackedBefore: first.records.acked,
    ackedAfter: verdict.records.acked,
    left: cured ? null : left,
  };
}

/** The settings that these losses name; null when one names none. */
function settingsOf(losses: readonly Loss[]): string[] | null {
  const names = new Set<string>();
  for (const { because } of losses) {
    if (because.setting === null || cures[because.setting] === undefined) return null;
    names.add(because.setting);
  }
  return [...names].sort();
}

/** How the treatments came out whose first verdict named a setting; of all, with null. */
export interface Success {
  readonly setting: string | null;
  readonly plans: number;
  readonly cured: number;
}

export function successes(treatments: readonly Treatment[]): Success[] {
  const count = (setting: string | null): Success => {
    const of = treatments.filter(({ named }) => setting === null || named.includes(setting));
    return { setting, plans: of.length, cured: of.filter(({ cured }) => cured).length };
  };
  return [count(null), ...Object.keys(cures).map(count)];
}
