import type { Fault } from "../../sim/faults/fault.ts";
import { brokerNames } from "../../properties/generate/cluster-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, NodeEvent, Observer } from "../../properties/observation.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "last-replica-standing";
const BROKERS = 3;
const PARTITION = `${STORY_TOPIC}-0`;

/**
 * With min.insync.replicas=2 and no flush:
 *   1. records are acknowledged by [A, B, C]   2. B and C die, the ISR shrinks to [A]
 *   3. A loses power and with it what it never synced   4. A returns as the last member of the ISR and
 *   leads   5. B and C return, who have the records, and cut their logs to match A's
 */
export const lastReplicaStanding: Scenario = defineScenario({
  name: NAME,
  story:
    "The ISR shrinks to one replica, which loses power and what it never synced, and leads again: " +
    "the others cut off acknowledged records to match it. Kafka allows this loss, and the verdict " +
    "names the setting that would have prevented it, flush.messages.",
  mustSee: mustSee("isr-of-one", "truncation", "leader-change"),
  plan(draw, { seed }) {
    const at = draw.between(6000, 8000) * MS;
    const powerLossAt = at + draw.between(5500, 7000) * MS;
    const backAt = powerLossAt + draw.between(7000, 9000) * MS;
    const [, ...others] = draw.shuffled(brokerNames(BROKERS));
    const healAt = backAt + 6 * SECOND;
    const everyUs = 50 * MS;
    return storyPlan({
      scenario: NAME,
      seed,
      profile: "chaos",
      settings: { "delivery.timeout.ms": 30000 },
      latency: drawLatency(draw.fork("latency")),
      workload: stream({ fromUs: SECOND, everyUs, count: Math.floor((healAt - SECOND) / everyUs) }),
      faults: [
        ...others.map((node): Fault => ({
          id: `down-${node}`,
          kind: "kill",
          target: { node },
          at,
          for: backAt - at,
        })),
        {
          id: "power-loss",
          kind: "power-loss",
          target: { role: "last-isr-member", of: PARTITION },
          at: powerLossAt,
          for: draw.between(500, 2000) * MS,
          keep: draw.pick([0, 0, 500, 3000]),
        },
      ],
      healAt,
    });
  },
  invariants: (findings) => [new LastReplica(findings)],
});

/** Whether the last member of the ISR came back as the leader with less than was acknowledged. */
class LastReplica implements Observer {
  readonly #findings: Findings;
  #acknowledgedEnd = 0;
  #lastMember = -1;
  #lostPower = false;
  #cut = -1;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "ack-sent": ({ partition, lastOffset, acks }) => {
      if (partition !== PARTITION || acks !== -1 || this.#lostPower) return;
      this.#acknowledgedEnd = Math.max(this.#acknowledgedEnd, lastOffset + 1);
    },
    "partition-decided": ({ partition, isr }) => {
      if (partition === PARTITION && !this.#lostPower) {
        this.#lastMember = isr.length === 1 ? isr[0]! : -1;
      }
    },
    "became-leader": ({ partition, endOffset }, { nodeId }) => {
      if (partition !== PARTITION || !this.#lostPower || nodeId !== this.#lastMember) return;
      if (this.#cut < 0) this.#cut = this.#acknowledgedEnd - endOffset;
    },
  };

  nodeEvent(event: NodeEvent, { nodeId }: Moment): void {
    if (event.kind !== "ended" || event.cause !== "power-loss") return;
    if (nodeId === this.#lastMember) this.#lostPower = true;
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#lostPower, "the last member of the ISR did not lose power");
    claim(this.#cut > 0, "the last member of the ISR led with everything that was acknowledged");
  }
}
