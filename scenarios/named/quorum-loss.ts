import type { Fault } from "../../sim/faults/fault.ts";
import { controllerNames } from "../../properties/generate/cluster-parts.ts";
import type { Draw } from "../../properties/generate/draw.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { drawQuorumSettings, shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, Observer } from "../../properties/observation.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "quorum-loss";
const PARTITION = `${STORY_TOPIC}-0`;
const BROKER = "broker";

/** What was under way when the quorum was lost is through after this long. */
const GRACE_US = 2 * SECOND;

export const quorumLoss: Scenario = defineScenario({
  name: NAME,
  story:
    "A majority of the controllers is down, asleep or cut off for a while. Leaders go on taking and " +
    "serving records with the ISR they have; elections and ISR changes wait, and happen when the " +
    "majority is back.",
  mustSee: mustSee("controller-change", "leader-change"),
  plan(draw, { seed }) {
    const controllers = draw.pick([3, 3, 5]);
    const at = draw.between(6000, 8000) * MS;
    const outage = draw.between(9000, 13_000) * MS;
    const everyUs = 50 * MS;
    const healAt = at + outage + 10 * SECOND;
    return storyPlan({
      scenario: NAME,
      seed,
      controllers,
      topics: [{ name: STORY_TOPIC, partitions: 2, replicationFactor: 3, settings: {} }],
      settings: {
        "delivery.timeout.ms": 40000,
        ...shortQuorumTimeouts,
        ...drawQuorumSettings(draw.fork("quorum settings")),
      },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({ fromUs: SECOND, everyUs, count: Math.floor((healAt - SECOND) / everyUs) }),
      faults: [
        ...loss(draw.fork("loss"), controllers).map((fault) => ({ ...fault, at, for: outage })),
        ...brokerTrouble(draw.fork("broker"), at + 6 * SECOND),
      ],
      healAt,
    });
  },
  invariants: (findings, plan) => [new Outage(findings, plan)],
});

function loss(draw: Draw, controllers: number): Omit<Fault, "at" | "for">[] {
  const voters = draw.shuffled(controllerNames(controllers));
  const majority = voters.slice(0, Math.floor(controllers / 2) + 1);
  const kind = draw.pick(["kill", "power-loss", "pause", "block", "scatter"] as const);
  if (kind !== "scatter") {
    return majority.map((node) => ({ id: `quorum-${node}`, kind, target: { node } }));
  }
  // Everybody is up and seen by all brokers, and no voter sees another.
  return voters.flatMap((one, index) =>
    voters.slice(index + 1).map((other) => ({
      id: `quorum-${one}-${other}`,
      kind: "block",
      target: { link: [one, other], both: true },
    })),
  );
}

/** In the middle of it a broker dies, in most runs: nobody can decide what follows from that. */
function brokerTrouble(draw: Draw, at: number): Fault[] {
  if (draw.chance(1, 4)) return [];
  const role = draw.pick(["leader", "isr-follower"]);
  const target = { role, of: PARTITION };
  return [{ id: BROKER, kind: "kill", target, at, for: draw.between(500, 9000) * MS }];
}

class Outage implements Observer {
  readonly #findings: Findings;
  readonly #fromUs: number;
  readonly #untilUs: number;
  /** Until then all brokers are well. */
  readonly #wellUntilUs: number;
  readonly #hasTrouble: boolean;
  #acked = 0;
  #polled = 0;
  #decided: string | null = null;
  #committedAfter = false;
  #resolvedAfter = false;

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    const [first] = plan.faults;
    const trouble = plan.faults.find(({ id }) => id === BROKER);
    this.#fromUs = (first?.at ?? 0) + GRACE_US;
    this.#untilUs = (first?.at ?? 0) + (first?.for ?? 0);
    this.#wellUntilUs = trouble?.at ?? this.#untilUs;
    this.#hasTrouble = trouble !== undefined;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "ack-sent": (_fact, { at }) => {
      if (at >= this.#fromUs && at < this.#wellUntilUs) this.#acked += 1;
    },
    polled: ({ records }, { at }) => {
      if (at >= this.#fromUs && at < this.#wellUntilUs) this.#polled += records.length;
    },
    "metadata-committed": (_fact, { at }) => {
      this.#decidedAt(at, "metadata was committed");
      if (at >= this.#untilUs) this.#committedAfter = true;
    },
    "became-leader": ({ partition, leaderEpoch }, { at, incarnation, node }) => {
      // A process that starts acts on what it knew before.
      if (incarnation > 1 && at < this.#untilUs) return;
      this.#decidedAt(at, `${node} began to lead ${partition} in epoch ${leaderEpoch}`);
    },
    "isr-committed": ({ partition }, { at }) => {
      this.#decidedAt(at, `the ISR of ${partition} changed`);
    },
    "partition-decided": (_fact, { at }) => {
      if (at >= this.#untilUs) this.#resolvedAfter = true;
    },
  };

  #decidedAt(at: number, what: string): void {
    if (at < this.#fromUs || at >= this.#untilUs) return;
    this.#decided ??= `${what} at ${at / SECOND} s`;
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#acked > 0, "no record was acknowledged without the quorum");
    claim(this.#polled > 0, "no record could be read without the quorum");
    claim(this.#decided === null, `there was a quorum: ${this.#decided}`);
    claim(this.#committedAfter, "no controller decided anything after the return");
    if (this.#hasTrouble) claim(this.#resolvedAfter, "what had to wait was never decided");
  }
}
