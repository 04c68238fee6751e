import { appClients } from "../properties/apps/app-host.ts";
import type { AppMain, Apps } from "../properties/apps/app.ts";
import type { DeliveryPromise } from "../properties/apps/promised-effects.ts";
import type { Draw } from "../properties/generate/draw.ts";
import type { InputEvent } from "../properties/generate/input-event.ts";
import type { Findings, Observer } from "../properties/observation.ts";
import type { Plan, Profile } from "../properties/plan/plan.ts";
import { wrongValue } from "../properties/plan/wrong-value.ts";
import type { Flow } from "./narrate/flow.ts";
import type { Verdict } from "../properties/verdict.ts";

/** A named family of plans: who is in the cluster, what the clients do, what goes wrong. */
export interface Scenario {
  /** Lower case words joined by "-"; part of the names of saved plans. */
  readonly name: string;
  /** What happens and what must hold, in a sentence or two. */
  readonly story: string;
  /** A plan for one seed. It draws from `draw` only, so that one seed means one plan. */
  plan(draw: Draw, options: PlanOptions): Plan;
  /** It sends the events of an input; without `--input`, those that come with the program. */
  readonly takesInput?: boolean;
  /**
   * Asynchronous code, by the id of the app of the plan (or producer) that it drives. The plan's workload
   * has nothing for these.
   */
  readonly apps?: Apps | ((plan: Plan) => Apps);
  /** What groups of consumers promise about the effects of records; absent: nothing. */
  readonly promise?: DeliveryPromise;
  /** What this scenario promises beside the invariants; made anew for each run. */
  invariants?(findings: Findings, plan: Plan): readonly Observer[];
  /** The steps that it is told in; `--narrate` refuses a scenario without. */
  readonly flow?: Flow;
  /**
   * What it promises of a verdict that passes, e.g. that something is lost, and by which setting. Null
   * when that holds, else a complaint, which fails the run.
   */
  expects?(verdict: Verdict, plan: Plan): string | null;
  /** What many runs of it must have seen before "no violation" is worth anything. */
  readonly mustSee?: MustSee;
}

export interface PlanOptions {
  readonly seed: string;
  /** Null for a scenario that takes none. */
  readonly input: readonly InputEvent[] | null;
  /** What the command line asks for; null: the scenario's own. */
  readonly profile: Profile | null;
}

export interface MustSee {
  /** Names of situations, each with the number of runs from which it is expected. */
  readonly situations: Readonly<Record<string, number>>;
  /** From this number of runs on each invariant of the registry must have been evaluated. */
  readonly invariantsFrom: number;
}

const SHAPE = /^[a-z0-9][a-z0-9-]{0,63}$/;
const scenarios: WeakSet<object> = new WeakSet();

/** Checks the name; what it returns is what the command line recognises as a scenario. */
export function defineScenario(scenario: Scenario): Scenario {
  if (!SHAPE.test(scenario.name)) {
    throw new TypeError(`scenario name ${JSON.stringify(scenario.name)} is not like "my-scenario"`);
  }
  scenarios.add(scenario);
  return scenario;
}

export function isScenario(value: unknown): value is Scenario {
  return typeof value === "object" && value !== null && scenarios.has(value);
}

/** The asynchronous code of a scenario for a plan of its own; empty for one that has none. */
export function appsOf(scenario: Scenario, plan: Plan): Apps {
  const { apps = {} } = scenario;
  return typeof apps === "function" ? apps(plan) : apps;
}

/**
 * The code for the clients that a plan leaves to it. Throws an InputError when nobody here has it: a
 * plan is data, and does not bring it.
 */
export function appsOfPlan(plan: Plan, scenario: Scenario | null): Apps {
  const clients = appClients(plan);
  if (clients.length === 0) return {};
  const apps = scenario === null ? {} : appsOf(scenario, plan);
  const found: Record<string, AppMain> = {};
  for (const client of clients) {
    const main = Object.hasOwn(apps, client) ? apps[client] : undefined;
    if (main === undefined) {
      const lack = scenario === null ? "is not known here" : `has no code for ${client}`;
      const remedy = "the plan needs its async code: name its module with --import";
      throw wrongValue("scenario", plan.scenario, `${lack}, and ${remedy}`);
    }
    found[client] = main;
  }
  return found;
}
