import type { Fault, RoleTarget } from "../../sim/faults/fault.ts";
import { brokerNames, controllerNames } from "../../properties/generate/cluster-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, Observer } from "../../properties/observation.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "one-way-partition";
const PARTITION = `${STORY_TOPIC}-0`;
const BROKERS = 3;
const CONTROLLERS = 3;

type End = string | RoleTarget;
type Link = readonly [from: End, to: End];

const LEADER: RoleTarget = { role: "leader", of: PARTITION };
const ACTIVE: RoleTarget = { role: "active-controller" };
const brokers: readonly End[] = brokerNames(BROKERS);
const voters: readonly End[] = controllerNames(CONTROLLERS);
const clients: readonly End[] = ["p1", "r1"];

const to = (from: End, ends: readonly End[]): readonly Link[] => ends.map((end) => [from, end]);
const from = (ends: readonly End[], end: End): readonly Link[] => ends.map((one) => [one, end]);

/** Which direction is cut, and what has to come of it. */
interface OneWay {
  readonly name: string;
  readonly links: readonly Link[];
  readonly consequence: Consequence;
}

type Consequence = "ISR change" | "fencing" | "retry" | "election of a controller";

const ways: readonly OneWay[] = [
  {
    name: "followers-do-not-hear-leader",
    links: to(LEADER, brokers),
    consequence: "ISR change",
  },
  {
    name: "leader-does-not-hear-followers",
    links: from(brokers, LEADER),
    consequence: "ISR change",
  },
  {
    name: "follower-does-not-hear-leader",
    links: [[LEADER, { role: "isr-follower", of: PARTITION }]],
    consequence: "ISR change",
  },
  {
    name: "leader-does-not-hear-follower",
    links: [[{ role: "isr-follower", of: PARTITION }, LEADER]],
    consequence: "ISR change",
  },
  {
    name: "controllers-do-not-hear-leader",
    links: to(LEADER, voters),
    consequence: "fencing",
  },
  {
    name: "leader-does-not-hear-controllers",
    links: from(voters, LEADER),
    consequence: "fencing",
  },
  {
    name: "leader-does-not-hear-clients",
    links: from(clients, LEADER),
    consequence: "retry",
  },
  {
    name: "clients-do-not-hear-leader",
    links: to(LEADER, clients),
    consequence: "retry",
  },
  {
    name: "voters-do-not-hear-controller",
    links: to(ACTIVE, voters),
    consequence: "election of a controller",
  },
  {
    name: "controller-does-not-hear-voters",
    links: from(voters, ACTIVE),
    consequence: "election of a controller",
  },
];

export const oneWayPartition: Scenario = defineScenario({
  name: NAME,
  story:
    "Links are cut in one direction only: a leader hears and is not heard, a broker is heard by the " +
    "controller and hears nothing of it, answers get lost and requests do not. Whoever cannot do " +
    "its part is replaced, and nothing acknowledged is lost or doubled.",
  mustSee: mustSee("isr-shrunk", "leader-change", "broker-fenced", "controller-change"),
  plan(draw, { seed }) {
    const faults: Fault[] = [];
    let at = draw.between(6000, 8000) * MS;
    for (const { name, links } of draw.shuffled(ways).slice(0, 2)) {
      const duration = draw.between(5500, 8000) * MS;
      links.forEach((link, index) => {
        const id = `${name}-${index + 1}`;
        faults.push({ id, kind: "block", target: { link }, at, for: duration });
      });
      // The second begins after the first has healed, or in the middle of it.
      at += draw.chance(2, 3)
        ? duration + draw.between(4000, 6000) * MS
        : draw.between(2000, 5000) * MS;
    }
    const healAt = at + 9 * SECOND;
    const everyUs = 50 * MS;
    return storyPlan({
      scenario: NAME,
      seed,
      brokers: BROKERS,
      controllers: CONTROLLERS,
      settings: { "delivery.timeout.ms": 30000, ...shortQuorumTimeouts },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({ fromUs: SECOND, everyUs, count: Math.floor((healAt - SECOND) / everyUs) }),
      faults,
      healAt,
    });
  },
  invariants: (findings, plan) => [new Consequences(findings, plan)],
});

/** One cut, and whether its consequence came while it stood or soon after. */
interface Cut {
  readonly way: OneWay;
  readonly fromUs: number;
  untilUs: number;
  held: boolean;
}

/** Long enough for an answer to what the cut did at its end. */
const AFTERMATH_US = SECOND;

/** Sees to it that each cut has its consequence. A second that overlaps the first may
 * hide behind it, and put off what the first leads to. */
class Consequences implements Observer {
  readonly #findings: Findings;
  readonly #cuts: Cut[] = [];

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    for (const fault of plan.faults.filter(({ id }) => id.endsWith("-1"))) {
      const way = ways.find(({ name }) => fault.id === `${name}-1`);
      const fromUs = fault.at ?? 0;
      const untilUs = fromUs + (fault.for ?? 0) + AFTERMATH_US;
      if (way === undefined) continue;
      const first = this.#cuts[0];
      if (first === undefined || fromUs >= first.untilUs) {
        this.#cuts.push({ way, fromUs, untilUs, held: false });
      } else {
        first.untilUs = Math.max(first.untilUs, untilUs);
      }
    }
  }

  readonly on: NonNullable<Observer["on"]> = {
    "partition-decided": ({ leader, previousLeader, isr, previousIsr }, moment) => {
      if (leader !== previousLeader || isr.length < previousIsr.length) {
        this.#saw("ISR change", moment);
      }
    },
    "broker-fenced": (_fact, moment) => this.#saw("fencing", moment),
    "batch-sent": ({ attempt }, moment) => {
      if (attempt > 1) this.#saw("retry", moment);
    },
    "controller-activated": (_fact, moment) => this.#saw("election of a controller", moment),
  };

  #saw(consequence: Consequence, { at }: Moment): void {
    for (const cut of this.#cuts) {
      if (cut.way.consequence !== consequence) continue;
      if (at >= cut.fromUs && at < cut.untilUs) cut.held = true;
    }
  }

  atEnd(moment: Moment): void {
    report(this.#findings, NAME, this.#cuts.length > 0, "nothing was cut", moment);
    for (const { way, held } of this.#cuts) {
      const complaint = `${way.name} led to no ${way.consequence}`;
      report(this.#findings, NAME, held, complaint, moment);
    }
  }
}
