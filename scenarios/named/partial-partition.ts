import type { Fault, RoleTarget } from "../../sim/faults/fault.ts";
import { brokerNames, controllerNames } from "../../properties/generate/cluster-parts.ts";
import type { Draw } from "../../properties/generate/draw.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, Observer } from "../../properties/observation.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "partial-partition";
const PARTITION = `${STORY_TOPIC}-0`;
const SIZE = 5;
const ACTIVE: RoleTarget = { role: "active-controller" };

type End = string | RoleTarget;
type Pair = readonly [End, End];

/** Ids of faults that split the quorum begin with this. */
const QUORUM = "quorum";

export const partialPartition: Scenario = defineScenario({
  name: NAME,
  story:
    "Five controllers of which each sees a majority, but not the same one, or only one of them all " +
    "others; brokers in the same position, and one that sees some controllers only. The quorum goes " +
    "on deciding without endless elections, and nothing acknowledged is lost.",
  mustSee: mustSee("controller-change", "isr-shrunk", "broker-fenced"),
  plan(draw, { seed }) {
    const faults: Fault[] = [];
    const cut = (prefix: string, pairs: readonly Pair[], at: number, duration: number): void => {
      pairs.forEach((link, index) => {
        const id = `${prefix}-${index + 1}`;
        faults.push({ id, kind: "block", target: { link, both: true }, at, for: duration });
      });
    };
    let at = draw.between(6000, 8000) * MS;
    // In one of the two somebody loses sight of its leader, whoever leads.
    const splits = draw.shuffled([draw.pick(["ring", "leader"]), draw.pick(["bridge", "hub"])]);
    for (const [round, split] of splits.entries()) {
      const duration = draw.between(6000, 9000) * MS;
      cut(`${QUORUM}-${round + 1}`, splitQuorum(draw, split), at, duration);
      const later = at + draw.between(0, 3000) * MS;
      cut(`brokers-${round + 1}`, splitBrokers(draw), later, draw.between(4000, 8000) * MS);
      at += duration + draw.between(4000, 5000) * MS;
    }
    const healAt = at + 3 * SECOND;
    const everyUs = 60 * MS;
    return storyPlan({
      scenario: NAME,
      seed,
      brokers: SIZE,
      controllers: SIZE,
      topics: [{ name: STORY_TOPIC, partitions: 2, replicationFactor: 3, settings: {} }],
      settings: { "delivery.timeout.ms": 30000, ...shortQuorumTimeouts },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({ fromUs: SECOND, everyUs, count: Math.floor((healAt - SECOND) / everyUs) }),
      faults,
      healAt,
    });
  },
  invariants: (findings, plan) => [new GoesOn(findings, plan)],
});

function splitQuorum(draw: Draw, split: string): readonly Pair[] {
  const voters = draw.shuffled(controllerNames(SIZE));
  switch (split) {
    case "ring":
      return ring(voters);
    case "bridge":
      return bridge(voters);
    case "hub":
      return allPairs(voters.slice(1));
    default:
      // It keeps a majority; those that it loses see one, too.
      return voters.slice(0, 2).map((voter) => [ACTIVE, voter]);
  }
}

function splitBrokers(draw: Draw): readonly Pair[] {
  const brokers = draw.shuffled(brokerNames(SIZE));
  switch (draw.pick(["ring", "bridge", "few controllers", "other controllers"])) {
    case "ring":
      return ring(brokers);
    case "bridge":
      return bridge(brokers);
    case "few controllers": {
      const unseen = draw.shuffled(controllerNames(SIZE)).slice(0, draw.between(2, 4));
      return unseen.map((voter) => [{ role: "leader", of: PARTITION }, voter]);
    }
    default:
      return [[{ role: "leader", of: PARTITION }, ACTIVE]];
  }
}

/** Everybody sees the two neighbours only. */
function ring(nodes: readonly string[]): readonly Pair[] {
  return allPairs(nodes).filter(([one, other]) => {
    const distance = Math.abs(nodes.indexOf(one) - nodes.indexOf(other));
    return distance > 1 && distance < nodes.length - 1;
  });
}

/** The first sees everybody; two and two others see each other. */
function bridge([, ...sides]: readonly string[]): readonly Pair[] {
  const [left, right] = [sides.slice(0, 2), sides.slice(2)];
  return left.flatMap((one) => right.map((other) => [one, other] as const));
}

function allPairs(nodes: readonly string[]): (readonly [string, string])[] {
  return nodes.flatMap((one, index) =>
    nodes.slice(index + 1).map((other) => [one, other] as const),
  );
}

interface Window {
  readonly fromUs: number;
  readonly untilUs: number;
  /** A controller committed something in its last part. */
  goesOn: boolean;
  firstEpoch: number;
  lastEpoch: number;
}

/** A quorum that is split for this long and can elect has elected. */
const GRACE_US = 5 * SECOND;

/** More epochs than these in a window are elections without end. */
const MOST_EPOCHS = 8;

/** Whether the quorum decides while it is split, and how many elections that takes. */
class GoesOn implements Observer {
  readonly #findings: Findings;
  readonly #windows: Window[];
  #epoch = 0;
  #lostSight = false;

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    const first = plan.faults.filter(({ id }) => id.startsWith(QUORUM) && id.endsWith("-1"));
    this.#windows = first.map((fault) => ({
      fromUs: fault.at ?? 0,
      untilUs: (fault.at ?? 0) + (fault.for ?? 0),
      goesOn: false,
      firstEpoch: -1,
      lastEpoch: -1,
    }));
  }

  readonly on: NonNullable<Observer["on"]> = {
    "raft-state": ({ state, epoch }, { at }) => {
      this.#epoch = Math.max(this.#epoch, epoch);
      const window = this.#windowAt(at);
      if (window === undefined) return;
      if (state === "prospective") this.#lostSight = true;
      if (window.firstEpoch < 0) window.firstEpoch = this.#epoch;
      window.lastEpoch = this.#epoch;
    },
    "metadata-committed": (_fact, { at }) => {
      const window = this.#windowAt(at);
      if (window !== undefined && at > window.fromUs + GRACE_US) window.goesOn = true;
    },
  };

  #windowAt(at: number): Window | undefined {
    return this.#windows.find(({ fromUs, untilUs }) => at >= fromUs && at < untilUs);
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#lostSight, "no voter lost sight of its leader");
    for (const { fromUs, goesOn, firstEpoch, lastEpoch } of this.#windows) {
      const since = `after the split at ${fromUs / SECOND} s`;
      claim(goesOn, `the quorum decided nothing more ${since}`);
      const epochs = lastEpoch - firstEpoch;
      claim(epochs <= MOST_EPOCHS, `${epochs} epochs passed ${since}`);
    }
  }
}
