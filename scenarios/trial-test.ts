/**
 * A scenario as a test of any runner: many seeds, or one saved plan, until the first run that fails. What
 * it throws is one message with all that is needed to see that run again.
 */
import type { DeliveryPromise } from "../properties/apps/promised-effects.ts";
import { deliveryPromises } from "../properties/apps/promised-effects.ts";
import type { Plan, Profile, SettingValues } from "../properties/plan/plan.ts";
import { loadPlan, savePlan, withExpectation } from "../properties/plan/saved-plan.ts";
import { choiceAt, integerAt } from "../properties/plan/fields.ts";
import type { Verdict } from "../properties/verdict.ts";
import { InputError } from "../sim/input-error.ts";
import { planVocabulary } from "./plan-vocabulary.ts";
import type { Scenario } from "./scenario.ts";
import { isScenario } from "./scenario.ts";
import type { ShortScenario } from "./short-scenario.ts";
import { appScenario } from "./short-scenario.ts";
import { makePlan, runTrial } from "./trial.ts";

export interface TrialTestOptions {
  /** How many seeds; default 50. */
  readonly runs?: number;
  /** Default "1": the runs have the seeds 1/1, 1/2 and so on. */
  readonly seed?: string;
  readonly profile?: Profile;
  /** Instead of what the scenario promises, which is "at-least-once" unless it says otherwise. */
  readonly promise?: DeliveryPromise;
  /** Kafka's settings, wherever the name exists. */
  readonly settings?: SettingValues;
  /** Known bugs to build in. */
  readonly bugs?: readonly string[];
  /** In ms, for all runs; default 10 s for each, and a minute. */
  readonly timeout?: number;
}

const optionNames: readonly string[] = [
  "runs",
  "seed",
  "profile",
  "promise",
  "settings",
  "bugs",
  "timeout",
];

/** What a test needs to know of its runner. */
export interface TestContext {
  /** What the test is called. */
  readonly title: string;
  /** A saved plan to run instead of the seeds; null for these. */
  readonly replay: string | null;
  /** What runs this test again with a saved plan, as a line for a shell. */
  readonly replayCommand: (plan: string) => string;
}

/** A run has failed, or shown nothing. Its message is all there is to say: a stack would lead nowhere. */
export class TrialFailure extends Error {
  override readonly name = "TrialFailure";

  constructor(message: string) {
    super(message);
    this.stack = `${this.name}: ${message}`;
  }
}

export const DEFAULT_RUNS = 50;

/** Throws an InputError for what no test can be made of. */
export function scenarioOfTest(title: string, given: Scenario | ShortScenario): Scenario {
  return isScenario(given) ? given : appScenario(slugOf(title), given as ShortScenario);
}

/** Throws an InputError that names field and value. */
export function checkTestOptions(options: TrialTestOptions): void {
  for (const name of Object.keys(options)) {
    if (optionNames.includes(name)) continue;
    throw new InputError(`trial.test options: "${name}" is not one of ${optionNames.join(", ")}`);
  }
  if (options.runs !== undefined) integerAt(options.runs, "trial.test runs", 1, 1_000_000);
  if (options.promise !== undefined) {
    choiceAt(options.promise, "trial.test promise", deliveryPromises);
  }
}

/** Rejects with a TrialFailure for the first run that fails. */
export async function runTest(
  scenario: Scenario,
  options: TrialTestOptions,
  context: TestContext,
): Promise<void> {
  const { runs = DEFAULT_RUNS, seed = "1" } = options;
  const promise = options.promise ?? scenario.promise ?? "at-least-once";
  if (context.replay !== null) {
    const plan = loadPlan(context.replay, planVocabulary);
    // Another test of the same file is asked as well.
    if (plan.scenario !== scenario.name) return;
    const verdict = await runTrial(plan, scenario, { isolate: false, recheck: true, promise });
    refuseFailure(verdict, plan, `replay of ${context.replay}`, context);
    return;
  }
  let effects = 0;
  for (let run = 1; run <= runs; run += 1) {
    const plan = makePlan(scenario, `${seed}/${run}`, null, changesOf(options), planVocabulary);
    const recheck = run === 1;
    const verdict = await runTrial(plan, scenario, { isolate: false, recheck, promise });
    refuseFailure(verdict, plan, `run ${run} of ${runs}`, context);
    effects += verdict.checks["at-least-once"] ?? 0;
  }
  if (effects > 0 || !judgesEach(promise)) return;
  throw new TrialFailure(
    `"${context.title}" shows nothing: no record was acknowledged that a group of consumers had to ` +
      `work on, in ${runs} runs from seed ${seed}. Is there a group, and does somebody send?`,
  );
}

function judgesEach(promise: DeliveryPromise): boolean {
  return promise === "at-least-once" || promise === "exactly-once";
}

function changesOf({ settings = {}, profile, bugs = [] }: TrialTestOptions): {
  readonly settings: SettingValues;
  readonly profile: Profile | null;
  readonly bugs: readonly string[];
} {
  return { settings, profile: profile ?? null, bugs };
}

function refuseFailure(verdict: Verdict, plan: Plan, which: string, context: TestContext): void {
  if (verdict.verdict === "pass") return;
  const path = savePlan(withExpectation(plan, verdict));
  const reasons = [
    ...verdict.violations.map(({ invariant, at, message }) => {
      return `violation  ${invariant} at ${(at / 1_000_000).toFixed(3)} s: ${message}`;
    }),
    ...verdict.harness.map(({ check, message }) => `harness    ${check}: ${message}`),
  ];
  const lines = [
    `"${context.title}" fails in ${which}`,
    `seed       ${verdict.seed}`,
    ...reasons,
    `plan       ${path}`,
    `replay     ${context.replayCommand(path)}`,
  ];
  throw new TrialFailure(lines.join("\n"));
}

/** Part of the names of saved plans. */
function slugOf(title: string): string {
  const words = title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const slug = words.replace(/^-+|-+$/g, "").slice(0, 60);
  if (slug === "") throw new InputError(`trial.test: title "${title}" has no letter or digit`);
  return slug.replace(/-+$/, "");
}
