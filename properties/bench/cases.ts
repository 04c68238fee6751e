/** The plans that the benchmark runs. They are fixed: only the program differs between two reports. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SeededStream } from "../../sim/random.ts";
import { consumer, producer } from "../generate/cluster-parts.ts";
import type { InputEvent } from "../generate/input-event.ts";
import { drawOrderEventsPlan } from "../generate/order-events-plan.ts";
import { storyPlan, stream } from "../generate/story-plan.ts";
import { SECOND } from "../generate/time.ts";
import { readPlan } from "../plan/parse-plan.ts";
import type { Plan } from "../plan/plan.ts";

/** From dist/properties/bench/. */
const SHIPPED = "../../../scenarios/data/order-events.ndjson";

export function shippedEvents(): InputEvent[] {
  const path = fileURLToPath(new URL(SHIPPED, import.meta.url));
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as InputEvent);
}

/** The flagship, drawn and read as `trial` does it. */
export function orderEvents(events: readonly InputEvent[], seed: string): Plan {
  const draw = new SeededStream(`order-events/${seed}`);
  return readPlan({ ...drawOrderEventsPlan(draw, seed, events) }, { bugs: [] });
}

/** Twice the flagship's half minute: 10,000 records, and its faults moved apart to fill the time. */
export function longTrial(events: readonly InputEvent[], seed: string): Plan {
  const many = Array.from({ length: 10_000 }, (_, index) => events[index % events.length]!);
  const plan = orderEvents(many, seed);
  const later = (at: number): number => SECOND + (at - SECOND) * 2;
  const heal = { ...plan.heal, at: later(plan.heal.at), deadline: plan.heal.deadline };
  return {
    ...plan,
    workload: plan.workload.map((operation) => ({ ...operation, at: later(operation.at) })),
    faults: plan.faults.map((fault) =>
      fault.at === undefined ? fault : { ...fault, at: later(fault.at) },
    ),
    heal,
    horizon: heal.at + heal.deadline,
  };
}

export interface CalmShape {
  readonly brokers?: number;
  readonly partitions?: number;
  readonly records?: number;
}

/** No faults: two producers at a steady pace, one consumer of everything. */
export function calm({ brokers = 3, partitions = 3, records = 2000 }: CalmShape = {}): Plan {
  const topics = [{ name: "orders", partitions, replicationFactor: 3, settings: {} }];
  const everyUs = 2000;
  const count = records / 2;
  return storyPlan({
    scenario: "calm",
    seed: "bench",
    profile: "calm",
    brokers,
    topics,
    settings: { "linger.ms": 5 },
    clients: [producer("p1"), producer("p2"), consumer("r1", topics)],
    workload: [
      ...stream({ prefix: "v", client: "p1", fromUs: 2 * SECOND, everyUs, count }),
      ...stream({ prefix: "w", client: "p2", fromUs: 2 * SECOND + 1000, everyUs, count }),
    ],
    healAt: 2 * SECOND + count * everyUs,
  });
}
