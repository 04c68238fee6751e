import type { Fault, FaultKind, Target } from "../../sim/faults/fault.ts";
import type { PartitionName } from "../../core/ids.ts";
import {
  brokerNames,
  consumer,
  controllerNames,
  producer,
} from "../../properties/generate/cluster-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, Observer } from "../../properties/observation.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "zombie-leader";
const BROKERS = 3;
const ZOMBIE = "b1";
const PARTITION = `${STORY_TOPIC}-0`;

export const zombieLeader: Scenario = defineScenario({
  name: NAME,
  story:
    "A leader is paused, or cut off from the controllers only, for longer than its session: another " +
    "leads, while clients that do not know it still send to the old one, which takes their records. " +
    "None of these is acknowledged with acks=all, and the old leader cuts them off when it follows.",
  mustSee: mustSee("leader-change", "truncation", "broker-fenced"),
  plan(draw, { seed }) {
    const controllers = draw.pick([1, 3]);
    const at = draw.between(6000, 8000) * MS;
    const asleep = draw.chance(1, 2) ? draw.between(3500, 8000) * MS : 0;
    // A leader that slept learns late, too, that it is one no more.
    const deaf = Math.max(asleep + draw.between(1000, 3000) * MS, draw.between(6000, 9000) * MS);
    const topics = [
      {
        name: STORY_TOPIC,
        partitions: 1,
        replicationFactor: BROKERS,
        settings: {},
        assignment: [[ZOMBIE, ...draw.shuffled(brokerNames(BROKERS).slice(1))]],
      },
    ];
    const faults: Fault[] = [];
    const strike = (kind: FaultKind, target: Target, duration: number): void => {
      faults.push({ id: `f${faults.length + 1}`, kind, target, at, for: duration });
    };
    if (asleep > 0) strike("pause", { node: ZOMBIE }, asleep);
    for (const voter of controllerNames(controllers)) {
      strike("block", { link: [ZOMBIE, voter], both: true }, deaf);
    }
    // These hear of the cluster from nobody but the old leader.
    for (const client of ["p2", "p3", "r2"]) {
      for (const broker of brokerNames(BROKERS).slice(1)) {
        strike("block", { link: [client, broker], both: true }, deaf);
      }
    }
    const everyUs = 50 * MS;
    const healAt = at + deaf + 8 * SECOND;
    const count = Math.floor((healAt - SECOND) / everyUs);
    return storyPlan({
      scenario: NAME,
      seed,
      controllers,
      topics,
      clients: [
        producer("p1"),
        producer("p2"),
        producer("p3"),
        consumer("r1", topics),
        consumer("r2", topics),
        { id: "a1", kind: "admin", settings: {} },
      ],
      settings: { "delivery.timeout.ms": 30000, ...shortQuorumTimeouts },
      latency: drawLatency(draw.fork("latency")),
      workload: [
        // Whoever was up first may lead until then.
        {
          id: "prefer",
          at: 5 * SECOND,
          client: "a1",
          op: "elect-leaders",
          electionType: "preferred",
          topic: STORY_TOPIC,
          partitions: [0],
        },
        ...stream({ fromUs: SECOND, everyUs, count }),
        ...stream({ prefix: "v", client: "p2", fromUs: SECOND + 7 * MS, everyUs, count }),
        // What p2 has under way keeps its connection waiting; p3 begins when another leads.
        ...stream({ prefix: "u", client: "p3", fromUs: SECOND, everyUs, count: 10 }),
        ...stream({ prefix: "x", client: "p3", fromUs: at + 4 * SECOND, everyUs, count: 60 }),
      ],
      faults,
      healAt,
    });
  },
  invariants: (findings) => [new Zombies(findings)],
});

/** Watches what a leader does after another has begun to lead in a later epoch. */
class Zombies implements Observer {
  readonly #findings: Findings;
  /** Latest epoch in which anybody acts as leader. */
  #epoch = -1;
  /** Node and epoch of each leader that took records when it was deposed, and the first of them. */
  readonly #accepted: Map<string, number> = new Map();
  readonly #cut: Set<string> = new Set();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "became-leader": ({ partition, leaderEpoch }) => {
      if (partition === PARTITION) this.#epoch = Math.max(this.#epoch, leaderEpoch);
    },
    appended: ({ partition, as, leaderEpoch, batch }, { node }) => {
      if (partition !== PARTITION || as !== "leader" || leaderEpoch >= this.#epoch) return;
      const reign = `${node} in epoch ${leaderEpoch}`;
      if (!this.#accepted.has(reign)) this.#accepted.set(reign, batch.baseOffset);
    },
    "ack-sent": ({ partition, acks, appendEpoch, lastOffset }, moment) => {
      if (partition !== PARTITION || acks !== -1) return;
      const reign = `${moment.node} in epoch ${appendEpoch}`;
      const first = this.#accepted.get(reign);
      if (first === undefined || lastOffset < first) return;
      this.#complain(partition, lastOffset, moment);
    },
    truncated: ({ partition, toOffset }, { node }) => {
      if (partition !== PARTITION) return;
      for (const [reign, first] of this.#accepted) {
        if (reign.startsWith(`${node} `) && toOffset <= first) this.#cut.add(reign);
      }
    },
  };

  #complain(partition: PartitionName, offset: number, moment: Moment): void {
    this.#findings.violation({
      invariant: NAME,
      at: moment.at,
      node: moment.node,
      partition,
      offset,
      message: `${moment.node} acknowledged offset ${offset}, which it took when another led`,
    });
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    const uncut = [...this.#accepted.keys()].filter((reign) => !this.#cut.has(reign));
    claim(this.#accepted.size > 0, "no deposed leader took a record");
    claim(uncut.length === 0, `${uncut.join(", ")} did not cut off what it took when deposed`);
  }
}
