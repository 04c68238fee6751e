/** From a scenario and a seed to a plan, and from a plan to a verdict that the harness stands by. */
import type { SettingValue } from "../core/settings/definition.ts";
import type { DeliveryPromise } from "../properties/apps/promised-effects.ts";
import { withApps } from "../properties/apps/app-host.ts";
import type { Findings, Violation } from "../properties/observation.ts";
import type { InputEvent } from "../properties/generate/input-event.ts";
import { withPartners } from "../properties/known-bugs/infect.ts";
import { readPlan } from "../properties/plan/parse-plan.ts";
import type { PlanVocabulary } from "../properties/plan/parse-plan.ts";
import type { Plan, Profile } from "../properties/plan/plan.ts";
import { run, runAsync } from "../properties/run.ts";
import type { RunOptions } from "../properties/run.ts";
import type { HarnessFailure, Verdict } from "../properties/verdict.ts";
import type { TraceEvent } from "../sim/kernel.ts";
import { SeededStream } from "../sim/random.ts";
import { appsOf, appsOfPlan } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";

/** What the command line may change about a scenario's plans. */
export interface PlanChanges {
  readonly settings: Readonly<Record<string, SettingValue>>;
  /** Null: as the scenario has it. */
  readonly profile: Profile | null;
  readonly bugs: readonly string[];
}

export const NO_CHANGES: PlanChanges = { settings: {}, profile: null, bugs: [] };

/** The plan of one seed. Throws an InputError when the changes do not suit it. */
export function makePlan(
  scenario: Scenario,
  seed: string,
  input: readonly InputEvent[] | null,
  changes: PlanChanges,
  vocabulary: PlanVocabulary,
): Plan {
  const draw = new SeededStream(`${scenario.name}/${seed}`);
  const drawn = scenario.plan(draw, { seed, input, profile: changes.profile });
  const profile = changes.profile ?? drawn.profile;
  const plan = readPlan(
    {
      ...drawn,
      seed,
      scenario: scenario.name,
      profile,
      bugs: withPartners([...drawn.bugs, ...changes.bugs]),
      settings: { ...drawn.settings, ...changes.settings },
      faults: profile === "calm" ? [] : drawn.faults,
    },
    vocabulary,
  );
  return scenario.apps === undefined ? plan : withApps(plan, appsOf(scenario, plan));
}

export interface TrialOptions {
  /** Clone each frame at delivery, check and re-hash all bytes; must not change the trace. */
  readonly isolate: boolean;
  /** Run twice and compare, whatever the verdict. A failing run is always run again. */
  readonly recheck: boolean;
  /** Instead of the scenario's own. */
  readonly promise?: DeliveryPromise;
  /** Trace hash of an earlier run of this plan: a failing run that has it needs no confirmation. */
  readonly knownHash?: string;
}

/**
 * Runs a plan; what the harness finds wrong with itself goes into the verdict. Rejects with an
 * InputError when the plan needs async code that the scenario does not have.
 */
export async function runTrial(
  plan: Plan,
  scenario: Scenario | null,
  options: TrialOptions,
): Promise<Verdict> {
  const apps = appsOfPlan(plan, scenario);
  const isAsync = Object.keys(apps).length > 0;
  const promise = options.promise ?? scenario?.promise;
  const common: RunOptions = {
    isolate: options.isolate,
    ...(promise !== undefined && { promise }),
    ...(scenario?.invariants && {
      observers: (findings: Findings) => scenario.invariants!(findings, plan),
    }),
  };
  const perform: Perform = async (others) => {
    const all = { ...common, ...others };
    const verdict = isAsync ? await runAsync(plan, { ...all, apps }) : run(plan, all);
    return asExpected(verdict, scenario, plan);
  };
  const verdict = await perform({});
  if (options.knownHash === verdict.traceHash) return verdict;
  const harness: HarnessFailure[] = [];
  if (options.recheck || verdict.verdict === "fail") {
    const again = await perform({});
    const field = comparedFields.find((name) => verdict[name] !== again[name]);
    if (field !== undefined) harness.push(await differentRuns(field, verdict, again, perform));
  }
  if (verdict.verdict === "fail") {
    // Only a run that goes on to its end lets the layers of checkers be compared (X5).
    harness.push(...(await perform({ toEnd: true })).harness);
  }
  if (harness.length === 0) return verdict;
  return { ...verdict, verdict: "unproven", harness: [...verdict.harness, ...harness] };
}

/** The verdict; a failure when all invariants held and yet it is not what the scenario promises. */
function asExpected(verdict: Verdict, scenario: Scenario | null, plan: Plan): Verdict {
  if (verdict.verdict !== "pass" || scenario?.expects === undefined) return verdict;
  const checks = { ...verdict.checks };
  checks[scenario.name] = (checks[scenario.name] ?? 0) + 1;
  const complaint = scenario.expects(verdict, plan);
  if (complaint === null) return { ...verdict, checks };
  const violation: Violation = {
    invariant: scenario.name,
    at: verdict.virtualMs * 1000,
    node: "",
    message: `the story did not happen as told: ${complaint}`,
  };
  return { ...verdict, checks, verdict: "fail", violations: [violation] };
}

const comparedFields = ["traceHash", "verdict", "events", "frames", "virtualMs"] as const;

/** Runs the plan with further options. */
type Perform = (others: RunOptions) => Promise<Verdict>;

/** Runs twice more, with tracing, to name the first event in which runs of one plan differ. */
async function differentRuns(
  field: (typeof comparedFields)[number],
  one: Verdict,
  other: Verdict,
  perform: Perform,
): Promise<HarnessFailure> {
  const traced = async (): Promise<TraceEvent[]> => {
    const events: TraceEvent[] = [];
    await perform({ onEvent: (event) => events.push(event) });
    return events;
  };
  const [first, second] = [await traced(), await traced()];
  const index = first.findIndex(
    (event, at) => JSON.stringify(event) !== JSON.stringify(second[at]),
  );
  const message = `two runs of one plan differ: ${field} ${one[field]} and ${other[field]}`;
  const event = first[index];
  if (event === undefined) return { check: "X1", at: 0, message };
  const { atUs, node, kind, label } = event;
  const where = `first at event ${index + 1}, ${node} ${kind} ${label}`;
  return { check: "X1", at: atUs, message: `${message}; ${where}` };
}

/** How a replayed plan compares with what was expected of it. */
export type Comparison = "SAME" | "SAME-INVARIANT" | "DIFFERENT" | "FIXED";

/** Null for a plan that expects nothing. Fields that the expectation leaves out are not compared. */
export function compare(plan: Plan, verdict: Verdict): Comparison | null {
  const { expect } = plan;
  if (expect === undefined) return null;
  const sameHash = expect.traceHash === undefined || expect.traceHash === verdict.traceHash;
  if (expect.verdict === "pass") {
    return verdict.verdict === "pass" && sameHash ? "SAME" : "DIFFERENT";
  }
  const first = verdict.violations[0];
  if (first === undefined) return "FIXED";
  if (expect.invariant !== undefined && expect.invariant !== first.invariant) return "DIFFERENT";
  const sameTime = expect.at === undefined || expect.at === first.at;
  return sameHash && sameTime ? "SAME" : "SAME-INVARIANT";
}
