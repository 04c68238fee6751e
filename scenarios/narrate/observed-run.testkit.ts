/** A run as observers saw it, so that a narrator can be shown it again, without this or with that. */
import type { Fact } from "../../core/facts.ts";
import type { Request, Response } from "../../core/protocol/message.ts";
import type { Findings, Moment, Violation } from "../../properties/observation.ts";
import type { FrameObserver } from "../../properties/observe.ts";
import { Dispatcher } from "../../properties/observe.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import type { RunOptions } from "../../properties/run.ts";
import { run } from "../../properties/run.ts";
import type { Verdict } from "../../properties/verdict.ts";
import { keyedOrderFlow } from "../named/keyed-order-flow.ts";
import { roundRobinFlow } from "../named/round-robin-flow.ts";
import { stickyFlow } from "../named/sticky-flow.ts";
import { planVocabulary } from "../plan-vocabulary.ts";
import type { Scenario } from "../scenario.ts";
import { makePlan, NO_CHANGES } from "../trial.ts";
import { FlowObserver } from "./flow.ts";
import type { Flow, Narration } from "./flow.ts";
import { narrationOf } from "./flow.ts";
import { Trace } from "./trace.ts";

export const flowScenarios: readonly Scenario[] = [keyedOrderFlow, roundRobinFlow, stickyFlow];

export interface SeenFact {
  readonly moment: Moment;
  readonly fact: Fact;
}

export interface SeenFrame {
  readonly moment: Moment;
  readonly frame: Request | Response;
  readonly connection: number;
  readonly from: string;
}

export type Seen = SeenFact | SeenFrame;

export function planOf(scenario: Scenario, seed: string): Plan {
  return makePlan(scenario, seed, null, NO_CHANGES, planVocabulary);
}

export function flowOf({ flow }: Scenario): Flow {
  if (flow === undefined) throw new Error("a scenario without a flow");
  return flow;
}

/** The verdict of a plan by all invariants and those of the scenario. */
export function judge(scenario: Scenario, plan: Plan, options: RunOptions = {}): Verdict {
  return run(plan, { ...options, observers: (findings) => scenario.invariants!(findings, plan) });
}

export function observe(plan: Plan): Seen[] {
  const seen: Seen[] = [];
  const frames: FrameObserver = {
    frameDelivered: (connection, frame, moment, from) => {
      const copy = { moment: { ...moment }, frame: frame as Request | Response, connection, from };
      seen.push(copy);
    },
  };
  run(plan, {
    observers: () => [frames],
    onFact: (fact, moment) => seen.push({ moment: { ...moment }, fact }),
  });
  return seen;
}

export function tellAgain(flow: Flow, plan: Plan, seen: readonly Seen[]): Narration {
  const trace = new Trace(plan);
  show(trace, seen);
  return narrationOf(flow, trace);
}

/** What the flow's invariants say of it. */
export function violationsOf(flow: Flow, plan: Plan, seen: readonly Seen[]): Violation[] {
  const violations: Violation[] = [];
  const findings: Findings = {
    violation: (violation) => violations.push(violation),
    checked: () => undefined,
    situation: () => undefined,
  };
  const observer = new FlowObserver(flow, findings, plan);
  show(observer, seen);
  observer.atEnd(seen.at(-1)!.moment);
  return violations;
}

function show(observer: FrameObserver, seen: readonly Seen[]): void {
  const dispatcher = new Dispatcher([observer]);
  for (const one of seen) {
    if ("fact" in one) dispatcher.fact(one.fact, one.moment);
    else dispatcher.frameDelivered(one.connection, one.frame, one.moment, one.from);
  }
}
