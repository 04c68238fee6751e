import type { Offset, PartitionName } from "../../core/ids.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import { consumer, producer } from "../../properties/generate/cluster-parts.ts";
import type { Draw } from "../../properties/generate/draw.ts";
import {
  drawCoordinatorSettings,
  drawMemberSettings,
  GROUP,
  homeOf,
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

const NAME = "coordinator-failover";
const FROM = 6 * SECOND;
const HEAL_AT = 31 * SECOND;

export const coordinatorFailover: Scenario = defineScenario({
  name: NAME,
  story:
    "The coordinator of a group is killed, loses power and sleeps for longer than its session. Another " +
    "takes over with all that was committed, and each member goes on from there.",
  mustSee: mustSee("coordinator-changed", "leader-change", "broker-fenced"),
  plan(draw, { seed }) {
    const members = memberNames(draw.between(1, 3));
    const topics = [
      { name: STORY_TOPIC, partitions: draw.between(2, 4), replicationFactor: 3, settings: {} },
    ];
    const coordinators = drawCoordinatorSettings(draw);
    const settings = {
      ...drawMemberSettings(draw),
      "partition.assignment.strategy": draw.pick(["range", "cooperative-sticky"]),
    };
    const isStatic = draw.chance(1, 4);
    const everyUs = draw.between(20, 50) * MS;
    return storyPlan({
      scenario: NAME,
      seed,
      controllers: draw.pick([1, 3]),
      topics,
      settings: { "delivery.timeout.ms": 30000, ...shortQuorumTimeouts, ...coordinators },
      latency: drawLatency(draw.fork("latency")),
      clients: [
        producer("p1"),
        consumer("r1", topics),
        ...members.map((id) =>
          member(id, isStatic ? { ...settings, "group.instance.id": `i-${id}` } : settings, {
            commit: draw.pick(["sync", "sync", "before"]),
          }),
        ),
      ],
      workload: stream({ fromUs: SECOND, everyUs, count: Math.floor((28 * SECOND) / everyUs) }),
      faults: ends(draw.fork("ends"), homeOf(GROUP, coordinators)),
      healAt: HEAL_AT,
      core: "all",
    });
  },
  invariants: (findings, plan) => [
    new Failover(findings, plan),
    new GoesOn(findings),
    new GroupEffects(findings, { scenario: NAME, group: GROUP }),
  ],
});

/** Each is over before the next. */
function ends(draw: Draw, home: PartitionName): Fault[] {
  const target = { role: "leader", of: home };
  return draw.shuffled(["kill", "power-loss", "pause"] as const).map((kind, index) => {
    const at = FROM + index * 8 * SECOND + draw.between(0, 2000) * MS;
    // Who comes back within its session is the leader again.
    const forUs = kind === "pause" ? draw.between(4000, 6000) : draw.between(500, 5000);
    return { id: kind, kind, target, at, for: forUs * MS };
  });
}

class Failover implements Observer {
  readonly #findings: Findings;
  readonly #home: PartitionName;
  #loads = 0;
  #ended = 0;
  #paused = 0;
  /** The epoch of the coordinator that commits now. */
  #epoch = -1;
  #epochs = 0;

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    this.#home = homeOf(GROUP, plan.settings);
  }

  readonly on: NonNullable<Observer["on"]> = {
    "coordinator-loaded": ({ partition }) => {
      if (partition === this.#home) this.#loads += 1;
    },
    "offsets-committed": ({ group, leaderEpoch, offsets }) => {
      if (group !== GROUP || leaderEpoch <= this.#epoch) return;
      if (!offsets.some(({ error }) => error === 0)) return;
      this.#epoch = leaderEpoch;
      this.#epochs += 1;
    },
  };

  nodeEvent({ kind }: { readonly kind: string }, { nodeId }: Moment): void {
    if (nodeId === -1) return;
    if (kind === "ended") this.#ended += 1;
    if (kind === "paused") this.#paused += 1;
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#ended >= 2, `only ${this.#ended} coordinators ended`);
    claim(this.#paused > 0, "no coordinator slept");
    claim(this.#loads > 2, `coordinators took over only ${this.#loads} times`);
    claim(this.#epochs > 2, `only ${this.#epochs} coordinators took commits`);
  }
}

/** A member begins where the group's last commit that was answered says, or later. */
class GoesOn implements Observer {
  readonly #findings: Findings;
  readonly #committed: Map<PartitionName, Offset> = new Map();
  readonly #members: ReadonlySet<string> = new Set(memberNames(3));

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "offsets-committed": ({ group, offsets }) => {
      if (group !== GROUP) return;
      for (const { partition, offset, error } of offsets) {
        if (error === 0) this.#committed.set(partition, offset);
      }
    },
    "position-set": ({ partition, offset, why }, moment) => {
      if (!this.#members.has(moment.node) || why === "truncation") return;
      const committed = this.#committed.get(partition);
      if (committed === undefined) return;
      const held = why === "committed" && offset >= committed;
      const begins = `${moment.node} begins ${partition} at ${offset} (${why})`;
      report(this.#findings, NAME, held, `${begins}, but ${committed} was committed`, moment);
    },
  };
}
