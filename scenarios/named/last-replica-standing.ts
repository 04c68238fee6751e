import type { NodeId } from "../../core/ids.ts";
import { NO_NODE } from "../../core/ids.ts";
import type { Fault, FaultKind } from "../../sim/faults/fault.ts";
import { brokerNames } from "../../properties/generate/cluster-parts.ts";
import type { Draw } from "../../properties/generate/draw.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, NodeEvent, Observer } from "../../properties/observation.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import { nodeIdOf } from "../../properties/plan/plan.ts";
import { effectiveSetting } from "../../properties/plan/settings.ts";
import type { Loss, Verdict } from "../../properties/verdict.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "last-replica-standing";
const PARTITION = `${STORY_TOPIC}-0`;
const BLACKOUT = "blackout";

/**
 * A member of the ISR may come back with less than was acknowledged, and leads all the same when it is
 * the last one: without eligible leader replicas (KIP-966) nobody else is in the ISR. In strict the loss
 * of power is refused, and the rest of the story is told.
 */
export const lastReplicaStanding: Scenario = defineScenario({
  name: NAME,
  story:
    "The ISR shrinks to one replica, which then loses power and leads again without what it had not " +
    "synced: acknowledged records are lost although others have them. Kafka's rules allow that, the " +
    "verdict blames flush.messages, and with flush.messages=1 the same plan loses nothing.",
  mustSee: mustSee("isr-shrunk", "broker-fenced", "leader-change"),
  plan(draw, { seed }) {
    const brokers = draw.pick([2, 3, 3]);
    const [survivor, ...others] = draw.shuffled(brokerNames(brokers)) as [string, ...string[]];
    const at = draw.between(9000, 11_000) * MS;
    const blackoutAt = at + draw.between(6000, 9000) * MS;
    const everyUs = 50 * MS;
    const healAt = blackoutAt + 14 * SECOND;
    return storyPlan({
      scenario: NAME,
      seed,
      profile: "chaos",
      brokers,
      controllers: draw.pick([1, 3]),
      settings: {
        "delivery.timeout.ms": 30000,
        // With 1 the survivor acknowledges alone; with 2 what is lost was on others, too.
        "min.insync.replicas": draw.pick([1, 2]),
        ...shortQuorumTimeouts,
      },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({ fromUs: SECOND, everyUs, count: Math.floor((healAt - SECOND) / everyUs) }),
      faults: [
        ...cleanRestart(draw.fork("restart"), survivor),
        ...others.map((node) => absence(draw, node, at, blackoutAt)),
        {
          id: BLACKOUT,
          kind: "power-loss",
          target: { node: survivor },
          at: blackoutAt,
          for: draw.between(100, 5000) * MS,
          keep: draw.pick([0, 0, draw.below(1000)]),
        },
      ],
      healAt,
    });
  },
  invariants: (findings, plan) => [new LastOne(findings, plan)],
  expects,
});

/** A broker that stops in good order syncs all it has: in some runs only later records are at stake. */
function cleanRestart(draw: Draw, survivor: string): Fault[] {
  if (draw.chance(1, 2)) return [];
  const at = draw.between(2000, 3000) * MS;
  return [{ id: "clean", kind: "stop", target: { node: survivor }, at, for: 300 * MS }];
}

/** Away for longer than its session, and back only after the survivor has lost power. */
function absence(draw: Draw, node: string, from: number, blackoutAt: number): Fault {
  const at = from + draw.below(1000) * MS;
  const kind = draw.pick<FaultKind>(["kill", "kill", "stop", "pause"]);
  const until = blackoutAt + draw.between(200, 8000) * MS;
  return { id: `gone-${node}`, kind, target: { node }, at, for: until - at };
}

function expects({ losses }: Verdict, plan: Plan): string | null {
  const committed = losses.filter(({ because }) => because.setting !== "acks");
  const setting = (name: string): unknown => effectiveSetting(plan, "topic", {}, name);
  if (plan.profile !== "chaos" || setting("flush.messages") === 1) {
    const [loss] = committed;
    return loss === undefined ? null : `nothing was at stake, and yet ${loss.explained}`;
  }
  const blamed = (loss: Loss): string | null => loss.because.setting;
  if (!committed.some((loss) => blamed(loss) === "flush.messages")) {
    return "no record was lost because of flush.messages";
  }
  const allowed = [
    "flush.messages",
    ...(setting("min.insync.replicas") === 1 ? ["min.insync.replicas"] : []),
  ];
  const odd = committed.find(
    (loss) => !allowed.includes(`${blamed(loss)}`) || !loss.because.faults.includes(BLACKOUT),
  );
  return odd === undefined ? null : `something else is blamed: ${odd.explained}`;
}

/** The ISR is the survivor alone when it loses power, and it is the next to lead. */
class LastOne implements Observer {
  readonly #findings: Findings;
  readonly #survivor: string;
  readonly #isChaos: boolean;
  readonly #mayAckAlone: boolean;
  /** As the controller decided last. */
  #isr: readonly number[] = [];
  #isrAtBlackout: readonly number[] | null = null;
  /** The first one elected since then. */
  #nextLeader: NodeId = NO_NODE;
  #ackedAlone = 0;

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    this.#isChaos = plan.profile === "chaos";
    const blackout = plan.faults.find(({ id }) => id === BLACKOUT)?.target;
    this.#survivor = blackout !== undefined && "node" in blackout ? blackout.node : "";
    this.#mayAckAlone = effectiveSetting(plan, "topic", {}, "min.insync.replicas") === 1;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "partition-decided": ({ partition, isr, leader, previousLeader }) => {
      if (partition !== PARTITION) return;
      this.#isr = [...isr];
      // Elected, not became-leader: a broker that wakes up may think for a moment that it leads.
      if (this.#isrAtBlackout === null || leader === previousLeader) return;
      if (this.#nextLeader === NO_NODE) this.#nextLeader = leader;
    },
    "ack-sent": ({ partition }, { node }) => {
      if (partition !== PARTITION || node !== this.#survivor) return;
      if (this.#isr.length === 1 && this.#isrAtBlackout === null) this.#ackedAlone += 1;
    },
  };

  nodeEvent(event: NodeEvent, { node }: Moment): void {
    if (node !== this.#survivor || event.kind !== "ended" || event.cause !== "power-loss") return;
    this.#isrAtBlackout = this.#isr;
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    const name = this.#survivor;
    claim(!this.#isChaos || this.#isrAtBlackout !== null, `${name} did not lose power`);
    if (this.#isrAtBlackout === null) return;
    const isr = this.#isrAtBlackout.join(", ");
    claim(isr === `${nodeIdOf(name)}`, `the ISR was [${isr}] when ${name} lost power`);
    const elected = this.#nextLeader;
    claim(elected === nodeIdOf(name), `broker ${elected} led after ${name} had lost power`);
    if (this.#mayAckAlone) claim(this.#ackedAlone > 0, `${name} acknowledged nothing alone`);
  }
}
