import type { Plan } from "../plan/plan.ts";
import type { Draw } from "./draw.ts";
import { drawChaosPlan } from "./chaos-plan.ts";
import { drawOrderEventsPlan } from "./order-events-plan.ts";
import { drawOrderEvents } from "./order-input.ts";
import { dense } from "./pace.ts";

/** Short runs with many faults: three brokers, a few hundred records, everything impatient. */
export function drawDensePlan(draw: Draw, seed: string): Plan {
  const size = draw.fork("size");
  const events = drawOrderEvents(draw.fork("events"), size.between(150, 350));
  const cluster = {
    brokers: 3,
    partitions: size.between(1, 3),
    replicationFactor: 3,
    minInsyncReplicas: 2,
  };
  const plan = drawOrderEventsPlan(draw, seed, events, cluster, dense);
  return { ...plan, scenario: "dense" };
}

/** The same pace in the profile chaos. */
export function drawDenseChaosPlan(draw: Draw, seed: string): Plan {
  const size = draw.fork("size");
  const events = drawOrderEvents(draw.fork("events"), size.between(150, 350));
  return { ...drawChaosPlan(draw, seed, events, dense), scenario: "dense" };
}
