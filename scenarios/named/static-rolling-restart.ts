import type { Generation, InstanceId } from "../../core/ids.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import { consumer, producer } from "../../properties/generate/cluster-parts.ts";
import {
  drawCoordinatorSettings,
  drawMemberSettings,
  GROUP,
  member,
  memberNames,
} from "../../properties/generate/group-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, NodeEvent, Observer } from "../../properties/observation.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { GroupEffects } from "./effects.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "static-rolling-restart";
const FROM = 8 * SECOND;
const HEAL_AT = 31 * SECOND;
/** Between two restarts; each member is back before the next goes. */
const APART = 5 * SECOND;

export const staticRollingRestart: Scenario = defineScenario({
  name: NAME,
  story:
    "Members with a group.instance.id are restarted one after the other, in order or by a crash, and " +
    "each is back within its session. No partition changes hands: from the first time that the group " +
    "is stable with all of them no new generation begins. Now and then one stays away for too long, " +
    "and its partitions go to others.",
  mustSee: mustSee("member-returned"),
  plan(draw, { seed }) {
    const members = memberNames(draw.between(2, 4));
    const topics = [
      { name: STORY_TOPIC, partitions: draw.between(3, 5), replicationFactor: 3, settings: {} },
    ];
    const settings = {
      ...drawMemberSettings(draw),
      "heartbeat.interval.ms": 500,
      "partition.assignment.strategy": draw.pick(["range", "sticky", "cooperative-sticky"]),
    };
    const sessionMs = settings["session.timeout.ms"];
    const late = draw.chance(1, 5) ? draw.pick(members) : null;
    const everyUs = draw.between(20, 50) * MS;
    const faults = draw.shuffled(members).map((node, index): Fault => {
      const kind = draw.pick(["stop", "kill"] as const);
      const at = FROM + index * APART + draw.between(0, 1000) * MS;
      const awayMs =
        node === late
          ? draw.between(sessionMs + 500, sessionMs + 2000)
          : draw.between(50, sessionMs - 2000);
      return { id: `restart-${node}`, kind, target: { node }, at, for: awayMs * MS };
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
        ...members.map((id) => member(id, { ...settings, "group.instance.id": `i-${id}` })),
      ],
      workload: stream({ fromUs: SECOND, everyUs, count: Math.floor((28 * SECOND) / everyUs) }),
      faults,
      healAt: HEAL_AT,
    });
  },
  invariants: (findings, plan) => [
    new StaticMembers(findings, plan),
    new GroupEffects(findings, { scenario: NAME, group: GROUP }),
  ],
});

/** A generation begins only for a reason that the trace has. */
class StaticMembers implements Observer {
  readonly #findings: Findings;
  readonly #members: number;
  readonly #sessionUs: number;
  readonly #heartbeatUs: number;
  readonly #leftAt: Map<string, number> = new Map();
  #state: string = "Empty";
  #inGroup: ReadonlySet<InstanceId> = new Set();
  /** The generation in which the group was stable with all members when restarts began. */
  #settled: Generation | null = null;
  /** Why a generation may begin; null as long as there is no reason. */
  #cause: string | null = null;
  #returned = 0;

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    const members = plan.clients.filter(({ kind }) => kind === "member");
    this.#members = members.length;
    this.#sessionUs = Number(members[0]?.settings["session.timeout.ms"]) * MS;
    this.#heartbeatUs = Number(members[0]?.settings["heartbeat.interval.ms"]) * MS;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "group-state": ({ to, generation }, { at }) => {
      this.#state = to;
      const isComplete = this.#inGroup.size === this.#members;
      if (to === "Stable" && isComplete && at < FROM) this.#settled = generation;
    },
    "group-member-added": ({ instance, replaces, client }, { at }) => {
      if (instance === null) this.#cause ??= `${client} has no group.instance.id`;
      else this.#inGroup = new Set([...this.#inGroup, instance]);
      if (replaces === null) this.#cause ??= `${client} was not in the group`;
      else this.#returned += 1;
      if (this.#state !== "Stable") this.#cause ??= `${client} came while it was ${this.#state}`;
      this.#judgeAbsence(client, at);
      this.#leftAt.delete(client);
    },
    "generation-started": ({ generation, protocol }, moment) => {
      for (const client of this.#leftAt.keys()) this.#judgeAbsence(client, moment.at);
      // The topic may be made while they join, and cooperative members join twice.
      if (moment.at < FROM) {
        this.#cause = null;
        return;
      }
      this.#findings.checked(NAME);
      if (this.#cause !== null) return;
      const message = `generation ${generation} (${protocol}) began for no reason, after ${this.#settled}`;
      const { at, node } = moment;
      this.#findings.violation({ invariant: NAME, at, node, message });
    },
    "partition-decided": ({ why }, { at }) => {
      if (why === "created" && at > FROM) this.#cause ??= "a topic grew";
    },
  };

  /** Its last heartbeat was before it went. */
  #judgeAbsence(client: string, at: number): void {
    const leftAt = this.#leftAt.get(client);
    if (leftAt === undefined) return;
    const isLate = at - leftAt + 2 * this.#heartbeatUs >= this.#sessionUs;
    if (isLate) this.#cause ??= `${client} was away for too long`;
  }

  nodeEvent(event: NodeEvent, { node, at }: Moment): void {
    if (event.kind === "ended" && node.startsWith("m")) this.#leftAt.set(node, at);
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#settled !== null, "the group was never stable with all members");
    claim(this.#returned > 0, "no member took its place again");
  }
}
