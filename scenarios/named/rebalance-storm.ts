import type { Fault } from "../../sim/faults/fault.ts";
import { producer, consumer } from "../../properties/generate/cluster-parts.ts";
import type { Draw } from "../../properties/generate/draw.ts";
import {
  drawCoordinatorSettings,
  drawMemberSettings,
  GROUP,
  join,
  leave,
  member,
  memberNames,
  stall,
} from "../../properties/generate/group-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, Observer } from "../../properties/observation.ts";
import type { Operation } from "../../properties/plan/plan.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { GroupEffects } from "./effects.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "rebalance-storm";
const FROM = 5 * SECOND;
const UNTIL = 28 * SECOND;
const HEAL_AT = 31 * SECOND;
/** Fewer rebalances than these are no storm. */
const LEAST_GENERATIONS = 4;

export const rebalanceStorm: Scenario = defineScenario({
  name: NAME,
  story:
    "Members of a group join, leave, stop polling for too long and crash, one after the other and at " +
    "the same time, while records flow. Each partition has one owner at a time, and no record is " +
    "left out.",
  mustSee: mustSee("group-rebalanced", "member-too-slow", "member-expired", "partitions-lost"),
  plan(draw, { seed }) {
    const members = memberNames(draw.between(3, 5));
    const topics = [
      { name: STORY_TOPIC, partitions: draw.between(3, 6), replicationFactor: 3, settings: {} },
    ];
    const maxPollMs = draw.pick([2000, 3000, 4000]);
    const settings = {
      ...drawMemberSettings(draw),
      "max.poll.interval.ms": maxPollMs,
      "partition.assignment.strategy": draw.pick([
        "range",
        "roundrobin",
        "sticky",
        "cooperative-sticky",
        "range,cooperative-sticky",
      ]),
    };
    const statics = draw.chance(1, 3) ? draw.between(1, members.length) : 0;
    const everyUs = draw.between(20, 50) * MS;
    const workUs = draw.pick([0, 500, 2000]);
    return storyPlan({
      scenario: NAME,
      seed,
      controllers: draw.pick([1, 3]),
      topics,
      settings: { ...shortQuorumTimeouts, ...drawCoordinatorSettings(draw) },
      latency: drawLatency(draw.fork("latency")),
      clients: [
        producer("p1"),
        consumer("r1", topics),
        ...members.map((id, index) =>
          member(id, index < statics ? { ...settings, "group.instance.id": `i-${id}` } : settings, {
            workUs,
            closed: index > 0 && draw.chance(1, 3),
          }),
        ),
      ],
      workload: [
        ...stream({ fromUs: SECOND, everyUs, count: Math.floor((UNTIL - SECOND) / everyUs) }),
        ...operations(draw.fork("operations"), members, maxPollMs),
      ],
      faults: crashes(draw.fork("crashes"), members),
      healAt: HEAL_AT,
    });
  },
  invariants: (findings) => [
    new Storm(findings),
    new GroupEffects(findings, { scenario: NAME, group: GROUP }),
  ],
});

function operations(draw: Draw, members: readonly string[], maxPollMs: number): Operation[] {
  const joins = members.map((client) => join(client, draw.between(FROM, FROM + 5 * SECOND)));
  const others = Array.from({ length: draw.between(5, 10) }, (_, index): Operation[] => {
    const client = draw.pick(members);
    // Two at one time would have one id. The first is a stall, which every storm has.
    const at = draw.between(FROM, UNTIL - 6 * SECOND) + index;
    if (index > 0 && draw.chance(1, 2)) return leave(client, at, draw.between(100, 5000) * MS);
    const longest = draw.chance(1, 4) ? maxPollMs : 2 * maxPollMs;
    return stall(client, at, draw.between(maxPollMs / 2, longest) * MS);
  });
  return [...joins, ...others.flat()];
}

/** Some are back before anybody notices. */
function crashes(draw: Draw, members: readonly string[]): Fault[] {
  return Array.from({ length: draw.between(2, 5) }, (_, index): Fault => {
    const target = { node: draw.pick(members) };
    const at = draw.between(FROM, UNTIL);
    return { id: `crash-${index}`, kind: "kill", target, at, for: draw.between(100, 8000) * MS };
  });
}

class Storm implements Observer {
  readonly #findings: Findings;
  #generations = 0;
  #crashes = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "generation-started": () => {
      this.#generations += 1;
    },
  };

  nodeEvent(event: { readonly kind: string }, { node }: Moment): void {
    if (event.kind === "ended" && node.startsWith("m")) this.#crashes += 1;
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#crashes > 0, "no member crashed");
    const enough = this.#generations >= LEAST_GENERATIONS;
    claim(enough, `only ${this.#generations} generations`);
  }
}
