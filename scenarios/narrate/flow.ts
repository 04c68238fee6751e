/** A flow: the steps of a story, each derived from what happened in a run, and demanded of it. */
import type { Findings, Moment } from "../../properties/observation.ts";
import type { FrameObserver } from "../../properties/observe.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import type { Step } from "./step.ts";
import { NoEvidence } from "./step.ts";
import { Trace } from "./trace.ts";

export interface Flow {
  /** Of the scenario that it belongs to. */
  readonly name: string;
  readonly steps: number;
  /** Yields each step that it finds; throws NoEvidence where the next is missing. */
  tell(trace: Trace): Iterable<Step>;
}

export interface Narration {
  readonly flow: Flow;
  readonly steps: readonly Step[];
  /** Null when all steps are there. Steps behind a missing one are not looked for. */
  readonly missing: { readonly step: number; readonly complaint: string } | null;
}

export function narrationOf(flow: Flow, trace: Trace): Narration {
  const steps: Step[] = [];
  try {
    for (const step of flow.tell(trace)) steps.push(step);
  } catch (error) {
    if (!(error instanceof NoEvidence)) throw error;
    return { flow, steps, missing: { step: steps.length + 1, complaint: error.message } };
  }
  if (steps.length !== flow.steps) {
    throw new Error(`${flow.name} tells ${steps.length} of its ${flow.steps} steps`);
  }
  return { flow, steps, missing: null };
}

export function flowInvariant(flow: Flow, step: number): string {
  return `flow:${flow.name}:${step}`;
}

/** The steps as invariants of a scenario: judged at the end, when the whole story has happened. */
export class FlowObserver implements FrameObserver {
  readonly #flow: Flow;
  readonly #trace: Trace;
  readonly #findings: Findings;
  readonly on: NonNullable<FrameObserver["on"]>;

  constructor(flow: Flow, findings: Findings, plan: Plan) {
    this.#flow = flow;
    this.#findings = findings;
    this.#trace = new Trace(plan);
    this.on = this.#trace.on;
  }

  frameDelivered(connection: number, frame: unknown, moment: Moment, from: string): void {
    this.#trace.frameDelivered(connection, frame, moment, from);
  }

  atEnd({ at, node }: Moment): void {
    const { steps, missing } = narrationOf(this.#flow, this.#trace);
    for (const index of steps.keys()) {
      this.#findings.checked(flowInvariant(this.#flow, index + 1));
    }
    if (missing === null) return;
    const invariant = flowInvariant(this.#flow, missing.step);
    this.#findings.checked(invariant);
    const message = `a step of the story is missing: ${missing.complaint}`;
    this.#findings.violation({ invariant, at, node, message });
  }
}
