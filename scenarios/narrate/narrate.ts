/** Runs a plan once more, to tell what happened in it. */
import type { Plan } from "../../properties/plan/plan.ts";
import { run } from "../../properties/run.ts";
import type { Flow, Narration } from "./flow.ts";
import { narrationOf } from "./flow.ts";
import { Trace } from "./trace.ts";

/**
 * Goes as far as that run went: a violation that ended it breaks the story off there. `traceHash` is
 * that of the run whose verdict is told; a story of another run would be no proof of anything.
 */
export function narrate(plan: Plan, flow: Flow, traceHash: string): Narration {
  const trace = new Trace(plan);
  const again = run(plan, { observers: () => [trace] });
  if (again.traceHash !== traceHash) {
    throw new Error(`the run that is told has trace ${again.traceHash}, not ${traceHash}`);
  }
  return narrationOf(flow, trace);
}
