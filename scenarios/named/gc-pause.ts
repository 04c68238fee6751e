import type { Fault, Target } from "../../sim/faults/fault.ts";
import { brokerNames, controllerNames } from "../../properties/generate/cluster-parts.ts";
import type { Draw } from "../../properties/generate/draw.ts";
import { spread } from "../../properties/generate/draw.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, NodeEvent, Observer } from "../../properties/observation.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "gc-pause";
const PARTITION = `${STORY_TOPIC}-0`;
const BROKERS = 3;
const FROM = 6 * SECOND;
const UNTIL = 26 * SECOND;

/** Fewer pauses than these are no story; each node is paused once at a time. */
const LEAST_PAUSES = 3;

export const gcPause: Scenario = defineScenario({
  name: NAME,
  story:
    "Leaders, followers, controllers and clients stop for a while and go on as if nothing had been: " +
    "from a twentieth of a second to many times every timeout, also several at once. Whoever was " +
    "given up finds that out, and nothing acknowledged is lost, doubled or reordered.",
  mustSee: mustSee("broker-fenced", "leader-change", "isr-shrunk", "controller-change"),
  plan(draw, { seed }) {
    const controllers = draw.pick([1, 3]);
    const everyUs = 50 * MS;
    const healAt = UNTIL + 4 * SECOND;
    return storyPlan({
      scenario: NAME,
      seed,
      brokers: BROKERS,
      controllers,
      topics: [{ name: STORY_TOPIC, partitions: 2, replicationFactor: BROKERS, settings: {} }],
      settings: { "delivery.timeout.ms": 30000, ...shortQuorumTimeouts },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({ fromUs: SECOND, everyUs, count: Math.floor((healAt - SECOND) / everyUs) }),
      faults: [
        // One that outlasts every session by far, while nobody else sleeps.
        {
          id: "long",
          kind: "pause",
          target: { role: "leader", of: PARTITION },
          at: FROM,
          for: draw.between(4500, 6000) * MS,
        },
        ...pauses(draw.fork("pauses"), controllers),
      ],
      healAt,
      // Somebody whose pause has no end never wakes up.
      core: "all",
    });
  },
  invariants: (findings, plan) => [new Sleepers(findings, plan)],
});

function pauses(draw: Draw, controllers: number): Fault[] {
  return Array.from({ length: draw.between(9, 16) }, (_, index): Fault => {
    const at = draw.between(FROM + 6 * SECOND, UNTIL);
    const duration = spread(draw, 50 * MS, 14 * SECOND);
    return {
      id: `f${index + 1}`,
      kind: "pause",
      target: sleeper(draw, controllers),
      at,
      for: duration,
    };
  });
}

function sleeper(draw: Draw, controllers: number): Target {
  const of = `${STORY_TOPIC}-${draw.below(2)}`;
  switch (draw.pick(["leader", "leader", "follower", "active", "client", "anybody"])) {
    case "leader":
      return { role: draw.pick(["leader", "presumed-leader"]), of };
    case "follower":
      return { role: "isr-follower", of };
    case "active":
      return { role: "active-controller" };
    case "client":
      return { node: draw.pick(["p1", "r1"]) };
    default:
      return { node: draw.pick([...brokerNames(BROKERS), ...controllerNames(controllers)]) };
  }
}

class Sleepers implements Observer {
  readonly #findings: Findings;
  readonly #longUs: number;
  #paused = 0;
  #resumed = 0;
  #longNode = -1;
  #givenUp = false;
  #learned = false;

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    this.#longUs = plan.faults[0]?.at ?? 0;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "became-leader": ({ partition, leaderEpoch }, { nodeId, at }) => {
      if (partition !== PARTITION || at < this.#longUs) return;
      if (nodeId !== this.#longNode && leaderEpoch > 0) this.#givenUp = true;
    },
    "became-follower": ({ partition }, { nodeId }) => {
      if (partition === PARTITION && nodeId === this.#longNode) this.#learned = true;
    },
  };

  nodeEvent(event: NodeEvent, { nodeId }: Moment): void {
    if (event.kind === "paused") {
      if (this.#paused === 0) this.#longNode = nodeId;
      this.#paused += 1;
    }
    if (event.kind === "resumed") this.#resumed += 1;
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#paused >= LEAST_PAUSES, `only ${this.#paused} pauses`);
    claim(this.#resumed === this.#paused, "somebody never woke up");
    claim(this.#givenUp, "nobody led in the place of a leader that slept too long");
    claim(this.#learned, "a leader that slept too long never learned that another leads");
  }
}
