import type { Offset, PartitionName } from "../../core/ids.ts";
import { consumer, producer } from "../../properties/generate/cluster-parts.ts";
import {
  drawCoordinatorSettings,
  drawMemberSettings,
  GROUP,
  member,
} from "../../properties/generate/group-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, Observer } from "../../properties/observation.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { GroupEffects } from "./effects.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "slow-consumer";
const HEAL_AT = 31 * SECOND;
/** By then all have joined and seen the topic. */
const SETTLED = 5 * SECOND;

export const slowConsumer: Scenario = defineScenario({
  name: NAME,
  story:
    "A group works more slowly than records come. As long as the work on one poll takes less than " +
    "max.poll.interval.ms only its lag grows: no rebalance, nothing twice, nothing left out. Above " +
    "that a member leaves by itself, and what it has not committed is worked on again.",
  mustSee: mustSee("member-too-slow"),
  plan(draw, { seed }) {
    const topics = [
      { name: STORY_TOPIC, partitions: draw.between(1, 3), replicationFactor: 3, settings: {} },
    ];
    const maxPollMs = draw.pick([2000, 3000, 4000, 6000]);
    const records = draw.between(10, 40);
    // Of all records that one poll returns, in hundredths of the interval.
    const share = draw.chance(1, 2) ? draw.between(30, 80) : draw.between(125, 200);
    const workUs = Math.floor((maxPollMs * MS * share) / 100 / records);
    const settings = {
      ...drawMemberSettings(draw),
      "max.poll.interval.ms": maxPollMs,
      "max.poll.records": records,
    };
    const members = ["m1", "m2"].slice(0, Math.min(draw.between(1, 2), topics[0]!.partitions));
    // Twice as many as all of them can work on.
    const everyUs = Math.floor(workUs / members.length / 2);
    return storyPlan({
      scenario: NAME,
      seed,
      topics,
      settings: { ...shortQuorumTimeouts, ...drawCoordinatorSettings(draw) },
      latency: drawLatency(draw.fork("latency")),
      clients: [
        producer("p1"),
        consumer("r1", topics),
        ...members.map((id) => member(id, settings, { workUs })),
      ],
      workload: stream({ fromUs: SECOND, everyUs, count: Math.floor((28 * SECOND) / everyUs) }),
      healAt: HEAL_AT,
    });
  },
  invariants: (findings, plan) => {
    const isSlow = takesTooLong(plan);
    return [
      new Slow(findings, isSlow),
      new GroupEffects(findings, { scenario: NAME, group: GROUP, once: !isSlow }),
    ];
  },
});

/** The work on as many records as one poll may return takes longer than the next poll may wait. */
function takesTooLong(plan: Plan): boolean {
  const one = plan.clients.find((client) => client.kind === "member");
  const records = Number(one?.settings["max.poll.records"]);
  const intervalUs = Number(one?.settings["max.poll.interval.ms"]) * MS;
  return (one?.workUs ?? 0) * records > intervalUs;
}

class Slow implements Observer {
  readonly #findings: Findings;
  readonly #isTooSlow: boolean;
  readonly #ends: Map<PartitionName, Offset> = new Map();
  #worked = 0;
  #left = 0;
  #rebalances = 0;
  #lag = 0;

  constructor(findings: Findings, isTooSlow: boolean) {
    this.#findings = findings;
    this.#isTooSlow = isTooSlow;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "generation-started": (_fact, { at }) => {
      if (at > SETTLED) this.#rebalances += 1;
    },
    "member-left": ({ why }) => {
      if (why === "poll-interval") this.#left += 1;
    },
    "send-acked": ({ partition, offset }) => {
      this.#ends.set(partition, Math.max(offset + 1, this.#ends.get(partition) ?? 0));
    },
    "effect-put": (_fact, { at }) => {
      this.#worked += 1;
      if (at > HEAL_AT - 3 * SECOND) return;
      const written = [...this.#ends.values()].reduce((sum, end) => sum + end, 0);
      this.#lag = written - this.#worked;
    },
  };

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    if (this.#isTooSlow) {
      claim(this.#left > 0, "no member left for want of polls");
    } else {
      claim(this.#left === 0, `members left ${this.#left} times for want of polls`);
      claim(this.#rebalances === 0, `${this.#rebalances} rebalances`);
      claim(this.#lag > 20, `the lag was ${this.#lag} records`);
    }
  }
}
