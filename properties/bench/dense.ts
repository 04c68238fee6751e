/** Short plans full of faults: what a campaign spends its time on, so fixed costs of a run count here. */
import type { Fault } from "../../sim/faults/fault.ts";
import { SeededStream } from "../../sim/random.ts";
import { consumer, producer } from "../generate/cluster-parts.ts";
import { drawFaults } from "../generate/faults.ts";
import { storyPlan, stream, STORY_TOPIC } from "../generate/story-plan.ts";
import { MS, SECOND } from "../generate/time.ts";
import { readPlan } from "../plan/parse-plan.ts";
import type { Plan } from "../plan/plan.ts";

/** What the benchmark can time: plans by seed, drawing and reading included. */
export type PlanOfSeed = (seed: string) => Plan;

const SENDS_FROM = 2 * SECOND;
const HEAL_AT = 12 * SECOND;

/** Three brokers, three controllers, 300 records in ten seconds, twenty to forty faults. */
export const densePlan: PlanOfSeed = (seed) => {
  const draw = new SeededStream(`dense/${seed}`);
  const topics = [{ name: STORY_TOPIC, partitions: 3, replicationFactor: 3, settings: {} }];
  const count = 150;
  const everyUs = Math.floor((HEAL_AT - SENDS_FROM) / count);
  const plan = storyPlan({
    scenario: "dense",
    seed,
    controllers: 3,
    topics,
    clients: [
      producer("p1"),
      producer("p2"),
      consumer("r1", topics),
      { id: "a1", kind: "admin", settings: {} },
    ],
    settings: { "linger.ms": 5 },
    workload: [
      ...stream({ prefix: "v", client: "p1", fromUs: SENDS_FROM, everyUs, count }),
      ...stream({ prefix: "w", client: "p2", fromUs: SENDS_FROM + MS, everyUs, count }),
    ],
    faults: manyFaults(draw, count),
    healAt: HEAL_AT,
  });
  return readPlan({ ...plan }, { bugs: [] });
};

/** Two drawings of the usual faults, one after the other. */
function manyFaults(draw: SeededStream, sends: number): Fault[] {
  const halves = [0, 1].map((half) =>
    drawFaults(draw.fork(`faults ${half}`), {
      brokers: ["b1", "b2", "b3"],
      clients: ["p1", "p2", "r1"],
      partitions: [0, 1, 2].map((index) => `${STORY_TOPIC}-${index}`),
      sends,
      fromUs: SENDS_FROM,
      untilUs: HEAL_AT - SECOND,
    }).map((fault) => ({ ...fault, id: `${fault.id}-${half}` })),
  );
  return halves.flat();
}
