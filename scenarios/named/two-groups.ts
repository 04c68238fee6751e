import type { GroupId, Offset, PartitionName } from "../../core/ids.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import { consumer, producer } from "../../properties/generate/cluster-parts.ts";
import {
  drawCoordinatorSettings,
  drawMemberSettings,
  join,
  leave,
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

const NAME = "two-groups";
/** Members of the first group stay; those of the second come late, go and crash. */
const STEADY = "billing";
const RESTLESS = "shipping";
const HEAL_AT = 31 * SECOND;

export const twoGroups: Scenario = defineScenario({
  name: NAME,
  story:
    "Two groups read the same topic, each at its own pace and from its own position. While members of " +
    "one come late, leave and crash, the other notices nothing.",
  mustSee: mustSee("group-rebalanced", "member-expired"),
  plan(draw, { seed }) {
    const topics = [
      { name: STORY_TOPIC, partitions: draw.between(2, 4), replicationFactor: 3, settings: {} },
    ];
    const settingsOf = (group: GroupId): Record<string, string | number | boolean> => ({
      ...drawMemberSettings(draw),
      "group.id": group,
      "partition.assignment.strategy": draw.pick(["range", "roundrobin", "cooperative-sticky"]),
    });
    const [steady, restless] = [settingsOf(STEADY), settingsOf(RESTLESS)];
    const everyUs = draw.between(20, 50) * MS;
    const faults = Array.from({ length: draw.between(1, 3) }, (_, index): Fault => {
      const target = { node: draw.pick(["n1", "n2"]) };
      const at = (8 + index * 6) * SECOND + draw.between(0, 2000) * MS;
      return { id: `crash-${index}`, kind: "kill", target, at, for: draw.between(200, 8000) * MS };
    });
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
        ...["m1", "m2"].map((id) => member(id, steady, { workUs: draw.between(0, 3) * MS })),
        ...["n1", "n2"].map((id) => {
          return member(id, restless, { workUs: draw.between(0, 8) * MS, closed: id === "n1" });
        }),
      ],
      workload: [
        ...stream({ fromUs: SECOND, everyUs, count: Math.floor((27 * SECOND) / everyUs) }),
        join("n1", draw.between(5000, 10_000) * MS),
        ...leave("n2", draw.between(11_000, 20_000) * MS, draw.between(500, 4000) * MS),
      ],
      faults,
      healAt: HEAL_AT,
    });
  },
  invariants: (findings, plan) => [
    new Independent(findings, plan),
    new GroupEffects(findings, { scenario: NAME, group: STEADY, once: true }),
    new GroupEffects(findings, { scenario: NAME, group: RESTLESS }),
  ],
});

class Independent implements Observer {
  readonly #findings: Findings;
  readonly #groupOf: ReadonlyMap<string, GroupId>;
  /** By group: what it committed last. */
  readonly #committed: Map<GroupId, Map<PartitionName, Offset>> = new Map();
  #disturbed: string | null = null;
  #restarts = 0;

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    const members = plan.clients.filter(({ kind }) => kind === "member");
    this.#groupOf = new Map(members.map(({ id, settings }) => [id, String(settings["group.id"])]));
  }

  readonly on: NonNullable<Observer["on"]> = {
    "offsets-committed": ({ group, offsets }) => {
      let own = this.#committed.get(group);
      if (own === undefined) this.#committed.set(group, (own = new Map()));
      for (const { partition, offset, error } of offsets) {
        if (error === 0) own.set(partition, offset);
      }
    },
    "position-set": ({ partition, offset, why }, moment) => {
      const group = this.#groupOf.get(moment.node);
      if (group === undefined || why !== "committed") return;
      const committed = this.#committed.get(group)?.get(partition) ?? 0;
      const begins = `${moment.node} of ${group} begins ${partition} at ${offset}`;
      const held = offset >= committed;
      report(this.#findings, NAME, held, `${begins}, but ${committed} was committed`, moment);
    },
    "generation-started": ({ group, generation }, { at }) => {
      if (group === RESTLESS) this.#restarts += 1;
      // It has seen the topic by then.
      if (group !== STEADY || at < 5 * SECOND) return;
      this.#disturbed ??= `${group} began generation ${generation} at ${at / SECOND} s`;
    },
  };

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#disturbed === null, this.#disturbed ?? "");
    claim(this.#restarts > 2, `${RESTLESS} began only ${this.#restarts} generations`);
    claim(this.#committed.size === 2, `only ${this.#committed.size} groups committed`);
  }
}
