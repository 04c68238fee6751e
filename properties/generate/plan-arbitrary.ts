import fc from "fast-check";
import { SeededStream } from "../../sim/random.ts";
import type { Plan } from "../plan/plan.ts";
import type { Draw } from "./draw.ts";
import { drawOrderEventsPlan } from "./order-events-plan.ts";
import { drawOrderEvents } from "./order-input.ts";

/**
 * Plans for fast-check: it draws a seed, and the generator that `trial run` uses does the rest.
 * Clusters and topics of several sizes, settings, clients, workload, faults and latencies all differ.
 * There is no shrinking: a seed tells nothing about how simple its plan is.
 */
export function planArbitrary(): fc.Arbitrary<Plan> {
  const seeds = fc.noShrink(fc.noBias(fc.nat({ max: 0x7fffffff })));
  return seeds.map((seed) => drawPlan(String(seed)));
}

/** The plan that {@link planArbitrary} makes of a seed. */
export function drawPlan(seed: string): Plan {
  const draw = new SeededStream(`plan/${seed}`);
  const size = draw.fork("size");
  const events = drawOrderEvents(draw.fork("events"), size.between(50, 400));
  const replicationFactor = size.pick([2, 3, 3]);
  const plan = drawOrderEventsPlan(draw, seed, events, {
    brokers: size.between(3, 5),
    partitions: size.between(1, 6),
    replicationFactor,
    minInsyncReplicas: size.between(1, replicationFactor),
  });
  return { ...plan, scenario: "property" };
}
