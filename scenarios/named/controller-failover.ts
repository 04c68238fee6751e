import type { Fault, LinkTarget, RoleTarget, Trigger } from "../../sim/faults/fault.ts";
import { controllerNames, producer, consumer } from "../../properties/generate/cluster-parts.ts";
import type { Draw } from "../../properties/generate/draw.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { drawQuorumSettings, shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, Observer } from "../../properties/observation.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "controller-failover";
const PARTITION = `${STORY_TOPIC}-0`;
const ACTIVE: RoleTarget = { role: "active-controller" };
const ROUNDS = 4;
/** An epoch may grow by more than one in a round; then the next round's moment passes unused. */
const HAND_OVERS = 3;

/**
 * Each round takes a partition's leader away, so that the controller has something to decide, and
 * takes the controller away while it decides.
 */
export const controllerFailover: Scenario = defineScenario({
  name: NAME,
  story:
    "Again and again the active controller is killed, paused, cut off or loses power while it decides " +
    "about a partition whose leader died. Another controller takes office each time, and nothing " +
    "acknowledged is lost.",
  mustSee: mustSee("controller-change", "leader-change", "broker-fenced"),
  plan(draw, { seed }) {
    const controllers = draw.pick([3, 3, 5]);
    const topics = [{ name: STORY_TOPIC, partitions: 2, replicationFactor: 3, settings: {} }];
    const faults: Fault[] = [];
    let at = draw.between(6000, 7000) * MS;
    let wasPaused = false;
    for (let round = 1; round <= ROUNDS; round += 1) {
      faults.push({
        id: `broker-${round}`,
        kind: draw.pick(["kill", "kill", "pause"]),
        target: { role: "leader", of: PARTITION },
        at,
        // The next controller gives it a whole session anew.
        for: draw.between(9000, 10_000) * MS,
      });
      const kind = draw.pick(["kill", "power-loss", "pause", "cut off", "cut from voters"]);
      // The last moment comes for sure: about when the leader's session ends.
      const time =
        round < ROUNDS
          ? { when: moment(draw, round, wasPaused) }
          : { at: at + draw.between(2500, 3500) * MS };
      faults.push(...blow(draw, { round, kind, time, controllers }));
      wasPaused ||= kind === "pause";
      at += draw.between(14_000, 16_000) * MS;
    }
    return storyPlan({
      scenario: NAME,
      seed,
      controllers,
      topics,
      clients: [producer("p1"), consumer("r1", topics), { id: "a1", kind: "admin", settings: {} }],
      settings: {
        "delivery.timeout.ms": 30000,
        ...shortQuorumTimeouts,
        ...drawQuorumSettings(draw.fork("quorum settings")),
      },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({
        fromUs: SECOND,
        everyUs: 60 * MS,
        count: Math.floor((at - SECOND) / (60 * MS)),
      }),
      faults,
      healAt: at,
    });
  },
  invariants: (findings) => [new Succession(findings)],
});

interface Blow {
  readonly round: number;
  readonly kind: string;
  readonly time: { readonly when: Trigger } | { readonly at: number };
  readonly controllers: number;
}

/** What becomes of the controller in one round: longer than the others need to elect. */
function blow(draw: Draw, { round, kind, time, controllers }: Blow): Fault[] {
  const common = { ...time, for: draw.between(4000, 6000) * MS };
  const id = `controller-${round}`;
  switch (kind) {
    case "kill":
    case "power-loss":
    case "pause":
      return [{ id, kind, target: ACTIVE, ...common }];
    case "cut off":
      return [{ id, kind: "block", target: ACTIVE, ...common }];
    default:
      // Brokers still reach it: it goes on deciding, and can commit nothing of it.
      return controllerNames(controllers).map((voter) => {
        const target: LinkTarget = { link: [ACTIVE, voter], both: true };
        return { id: `${id}-${voter}`, kind: "block", target, ...common };
      });
  }
}

/**
 * The leader epoch grows by one in each round, which makes these moments that round's: the decision
 * is written and not committed; it was just committed; the new leader asks for an ISR. A controller
 * that comes back from a pause decides, for nobody, about epochs of later rounds: then only what was
 * committed tells the round.
 */
function moment(draw: Draw, round: number, wasPaused: boolean): Trigger {
  const edge = draw.chance(1, 2) ? "before" : "after";
  const decided = wasPaused ? [] : ["decided", "decided", "decided"];
  switch (draw.pick([...decided, "committed", "asked"])) {
    case "decided":
      return {
        event: "partition-decided",
        where: { partition: PARTITION, leaderEpoch: round },
        edge,
      };
    case "committed":
      return { event: "became-leader", where: { partition: PARTITION, leaderEpoch: round }, edge };
    default:
      return {
        event: "alter-partition-handled",
        where: { partition: PARTITION, requestLeaderEpoch: round },
        edge,
      };
  }
}

/** Counts how often office passed from one controller to another. */
class Succession implements Observer {
  readonly #findings: Findings;
  #holder = "";
  #handOvers = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "controller-activated": (_fact, { node }) => {
      if (this.#holder !== "" && this.#holder !== node) this.#handOvers += 1;
      this.#holder = node;
    },
  };

  atEnd(moment: Moment): void {
    const complaint = `office passed on ${this.#handOvers} times, not ${HAND_OVERS}`;
    report(this.#findings, NAME, this.#handOvers >= HAND_OVERS, complaint, moment);
  }
}
