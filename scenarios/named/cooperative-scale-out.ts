import type { MemberId, PartitionName } from "../../core/ids.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import { brokerNames, consumer, producer } from "../../properties/generate/cluster-parts.ts";
import type { Draw } from "../../properties/generate/draw.ts";
import {
  drawCoordinatorSettings,
  drawMemberSettings,
  GROUP,
  join,
  member,
  memberNames,
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

const NAME = "cooperative-scale-out";
const HEAL_AT = 31 * SECOND;
/** Records come to every partition twenty times in that time. */
const SOON_US = 4 * SECOND;
const EVERY_US = 200 * MS;

export const cooperativeScaleOut: Scenario = defineScenario({
  name: NAME,
  story:
    "More members join a group whose strategy is cooperative-sticky. A partition that stays with its " +
    "owner is not revoked for that, and is read all the time.",
  mustSee: mustSee("group-rebalanced"),
  plan(draw, { seed }) {
    const members = memberNames(draw.between(2, 5));
    const partitions = draw.between(4, 8);
    const topics = [{ name: STORY_TOPIC, partitions, replicationFactor: 3, settings: {} }];
    const settings = {
      ...drawMemberSettings(draw),
      "partition.assignment.strategy": "cooperative-sticky",
    };
    return storyPlan({
      scenario: NAME,
      seed,
      topics,
      controllers: draw.pick([1, 3]),
      settings: { ...shortQuorumTimeouts, ...drawCoordinatorSettings(draw) },
      latency: drawLatency(draw.fork("latency")),
      clients: [
        producer("p1"),
        consumer("r1", topics),
        ...members.map((id, index) => member(id, settings, { closed: index > 0 })),
      ],
      workload: [
        ...members.slice(1).map((id, index) => {
          const at = draw.between(6000, 8000) + index * draw.between(100, 5000);
          return join(id, at * MS);
        }),
        ...topics.flatMap(({ name }) =>
          Array.from({ length: partitions }, (_, partition) =>
            stream({
              prefix: `w${partition}-`,
              topic: name,
              partition,
              fromUs: SECOND + partition * MS,
              everyUs: EVERY_US,
              count: Math.floor((29 * SECOND) / EVERY_US),
            }),
          ).flat(),
        ),
      ],
      faults: draw.chance(1, 2) ? faults(draw.fork("faults")) : [],
      healAt: HEAL_AT,
    });
  },
  invariants: (findings, plan) => [
    new Kept(findings, plan),
    new GroupEffects(findings, { scenario: NAME, group: GROUP }),
  ],
});

/** What no member notices, or nearly. */
function faults(draw: Draw): Fault[] {
  return Array.from({ length: draw.between(1, 3) }, (_, index): Fault => {
    const at = draw.between(6, 26) * SECOND;
    const forUs = draw.between(200, 1500) * MS;
    const id = `f${index + 1}`;
    const node = draw.pick(brokerNames(3));
    if (draw.chance(1, 2)) return { id, kind: "pause", target: { node }, at, for: forUs };
    return { id, kind: "block", target: { link: [draw.pick(["m1", "m2"]), node] }, at, for: forUs };
  });
}

/** Partitions that have one owner before and after a rebalance. */
class Kept implements Observer {
  readonly #findings: Findings;
  readonly #isUndisturbed: boolean;
  readonly #owned: Map<MemberId, ReadonlySet<PartitionName>> = new Map();
  /** Of the latest assignment that was made. */
  #kept: Map<PartitionName, MemberId> = new Map();
  readonly #polledAt: Map<PartitionName, number> = new Map();
  /** A member was fenced: then it loses what it has, whatever is assigned. */
  #fenced = false;
  #complaint: string | null = null;
  #keptAtGrowth = 0;

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    this.#isUndisturbed = plan.faults.length === 0;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "assignment-made": ({ assigned }, { at }) => {
      this.#kept = new Map();
      for (const { member: id, partitions } of assigned) {
        const owned = this.#owned.get(id);
        for (const partition of partitions) {
          if (owned?.has(partition) !== true) continue;
          this.#kept.set(partition, id);
          this.#keptAtGrowth += 1;
          this.#polledAt.set(partition, at);
        }
      }
    },
    "partitions-assigned": ({ member: id, owned }) => {
      this.#owned.set(id, new Set(owned));
    },
    "partitions-revoked": ({ member: id, partitions, owned }, { at }) => {
      this.#owned.set(id, new Set(owned));
      this.#findings.checked(NAME, partitions.length);
      for (const partition of partitions) {
        if (this.#kept.get(partition) !== id) continue;
        this.#complain(`${partition} was revoked from ${id}, which keeps it`, at);
      }
    },
    "member-left": ({ member: id }) => {
      for (const [partition, owner] of this.#kept) if (owner === id) this.#kept.delete(partition);
    },
    "member-fenced": () => {
      this.#fenced = true;
    },
    polled: ({ partition }, { at, node }) => {
      if (!node.startsWith("m")) return;
      this.#judgeGap(partition, at);
      this.#polledAt.set(partition, at);
    },
  };

  #judgeGap(partition: PartitionName, at: number): void {
    if (!this.#isUndisturbed || !this.#kept.has(partition)) return;
    const since = this.#polledAt.get(partition) ?? at;
    if (at - since > SOON_US) this.#complain(`${partition} was not read for long`, at);
  }

  #complain(what: string, at: number): void {
    this.#complaint ??= `${what} at ${at / SECOND} s`;
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#fenced || this.#complaint === null, this.#complaint ?? "");
    claim(this.#fenced || this.#keptAtGrowth > 0, "nobody kept anything");
  }
}
