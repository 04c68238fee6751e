import type { Fault } from "../../sim/faults/fault.ts";
import { brokerNames } from "../../properties/generate/cluster-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, NodeEvent, Observer } from "../../properties/observation.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { report } from "./promises.ts";

const NAME = "disk-rot";
const PARTITION = `${STORY_TOPIC}-0`;
const BROKERS = 3;
const ROT_PATH = `data/${PARTITION}/00000000000000000000.log`;

export const diskRot: Scenario = defineScenario({
  name: NAME,
  story:
    "Bits rot in a broker's log and syncs of its disk are lost, then it is killed or loses power. " +
    "Checksums find the damage: no damaged byte is replicated, and no reader takes one for a record.",
  plan(draw, { seed }) {
    const node = draw.pick(brokerNames(BROKERS));
    const target = { node };
    const at = draw.between(7000, 9000) * MS;
    const faults: Fault[] = Array.from({ length: draw.between(1, 3) }, (_, index) => ({
      id: `rot-${index + 1}`,
      kind: "bit-rot",
      target,
      at: at + index * draw.between(100, 2000) * MS,
      path: ROT_PATH,
    }));
    if (draw.chance(1, 2)) {
      faults.push({ id: "syncs", kind: "lost-sync", target, at, for: 4 * SECOND });
    }
    faults.push({
      id: "down",
      kind: draw.pick(["kill", "power-loss"]),
      target,
      at: at + draw.between(4500, 6000) * MS,
      for: draw.between(500, 5000) * MS,
    });
    const healAt = at + 14 * SECOND;
    const everyUs = 50 * MS;
    return storyPlan({
      scenario: NAME,
      seed,
      profile: "chaos",
      settings: { "delivery.timeout.ms": 30000, "flush.messages": draw.pick([1, 10]) },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({ fromUs: SECOND, everyUs, count: Math.floor((healAt - SECOND) / everyUs) }),
      faults,
      healAt,
    });
  },
  invariants: (findings) => [new Rot(findings)],
});

/** Whether bits of the partition's log rotted. */
class Rot implements Observer {
  readonly #findings: Findings;
  #rotten = false;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  nodeEvent(event: NodeEvent): void {
    if (event.kind !== "disk-damaged" || event.how !== "bit-rot") return;
    if (event.path.includes(`/${PARTITION}/`)) this.#rotten = true;
  }

  atEnd(moment: Moment): void {
    report(this.#findings, NAME, this.#rotten, "no bit of a log rotted", moment);
  }
}
