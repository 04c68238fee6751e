import type { Generation, MemberId, Offset, PartitionName } from "../../core/ids.ts";
import { OFFSETS_TOPIC } from "../../core/ids.ts";
import { Errors } from "../../core/errors.ts";
import type { FactOf } from "../../core/facts.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import { consumer, producer } from "../../properties/generate/cluster-parts.ts";
import {
  drawCoordinatorSettings,
  drawMemberSettings,
  GROUP,
  join,
  member,
} from "../../properties/generate/group-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, NodeEvent, Observer } from "../../properties/observation.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { GroupEffects } from "./effects.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "zombie-member";
const ZOMBIE = "m1";
/** Far above any session. */
const MAX_POLL_MS = 15_000;
const HEAL_AT = 31 * SECOND;

const refusals: ReadonlySet<number> = new Set([
  Errors.UNKNOWN_MEMBER_ID,
  Errors.ILLEGAL_GENERATION,
  Errors.FENCED_INSTANCE_ID,
]);

export const zombieMember: Scenario = defineScenario({
  name: NAME,
  story:
    "A member sleeps for longer than its session and wakes up in the middle of its work, believing " +
    "that it still owns its partitions. Others have them: nothing that it commits counts, it is told " +
    "that it is no member any more, and it gives up what it had before it reads on.",
  mustSee: mustSee("member-fenced", "partitions-lost", "commit-refused", "group-rebalanced"),
  plan(draw, { seed }) {
    const topics = [
      { name: STORY_TOPIC, partitions: draw.between(2, 4), replicationFactor: 3, settings: {} },
    ];
    const drawn = drawMemberSettings(draw);
    const settings = {
      ...drawn,
      "max.poll.interval.ms": MAX_POLL_MS,
      "partition.assignment.strategy": draw.pick(["range", "sticky", "cooperative-sticky"]),
    };
    // Somebody else may come under its name while it sleeps.
    const isStatic = draw.chance(1, 3);
    const isReplaced = isStatic && draw.chance(1, 2);
    const own = isStatic ? { ...settings, "group.instance.id": "i1" } : settings;
    const sessionMs = drawn["session.timeout.ms"];
    const workUs = draw.between(1, 20) * MS;
    const at = draw.between(8000, 10_000) * MS;
    const sleepUs = draw.between(sessionMs + 1500, 11_000) * MS;
    const everyUs = draw.between(15, 30) * MS;
    const pause: Fault = { id: "sleep", kind: "pause", target: { node: ZOMBIE }, at, for: sleepUs };
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
        // Asynchronous commits may queue up at the coordinator, which hears of the sleeper by each of them.
        member(ZOMBIE, own, { workUs, commit: draw.pick(["sync", "before"]) }),
        member("m2", settings, { workUs }),
        ...(isReplaced ? [member("m3", own, { workUs, closed: true })] : []),
      ],
      workload: [
        ...stream({ fromUs: SECOND, everyUs, count: Math.floor((27 * SECOND) / everyUs) }),
        ...(isReplaced ? [join("m3", at + draw.between(500, sessionMs + 1000) * MS)] : []),
      ],
      faults: [pause],
      healAt: HEAL_AT,
    });
  },
  invariants: (findings) => [
    new Zombie(findings),
    new GroupEffects(findings, { scenario: NAME, group: GROUP }),
  ],
});

class Zombie implements Observer {
  readonly #findings: Findings;
  /** What the zombie was when it fell asleep. */
  #was: { readonly id: MemberId; readonly generation: Generation } | null = null;
  #joined: { readonly id: MemberId; readonly generation: Generation } | null = null;
  #slept = false;
  #isAwake = false;
  /** Members that are out of the group, each with where the logs of groups ended then. */
  readonly #removed: Map<MemberId, ReadonlyMap<PartitionName, Offset>> = new Map();
  readonly #ends: Map<PartitionName, Offset> = new Map();
  #told = -1;
  #losesNothing = true;
  #gaveUp = false;
  /** What it owns, as its listener knows it. */
  #owned: ReadonlySet<PartitionName> = new Set();
  #complaint: string | null = null;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "member-joined": ({ member: id, generation }, { node }) => {
      if (node === ZOMBIE) this.#joined = { id, generation };
    },
    "partitions-assigned": ({ owned }, { node }) => {
      if (node === ZOMBIE) this.#owned = new Set(owned);
    },
    "group-member-removed": ({ member: id }) => {
      this.#removed.set(id, new Map(this.#ends));
    },
    appended: ({ partition, as, batch }) => {
      if (as === "leader" && partition.startsWith(OFFSETS_TOPIC)) {
        this.#ends.set(partition, batch.nextOffset);
      }
    },
    "offsets-committed": (fact, { at }) => this.#judgeCommit(fact, at),
    "member-fenced": ({ error }, { node }) => {
      if (node !== ZOMBIE || !this.#isAwake || !refusals.has(error)) return;
      if (this.#told === -1) this.#losesNothing = this.#owned.size === 0;
      if (this.#told === -1) this.#told = error;
    },
    "partitions-revoked": ({ lost, owned, member: id }, { node, at }) => {
      if (node !== ZOMBIE) return;
      this.#owned = new Set(owned);
      if (!this.#isAwake || this.#gaveUp) return;
      this.#gaveUp = true;
      if (!lost) this.#complain(`${id} was told to revoke what it had lost`, at);
    },
    polled: ({ partition }, { node, at }) => {
      if (node !== ZOMBIE || this.#told === -1) return;
      if (!this.#gaveUp) this.#complain(`it read ${partition} after it was fenced`, at);
      else if (!this.#owned.has(partition)) this.#complain(`it read ${partition} of another`, at);
    },
  };

  /** An answer may come long after the commit got its place in the log. */
  #judgeCommit(fact: FactOf<"offsets-committed">, at: number): void {
    const { member: id, generation, offsets, partition, baseOffset } = fact;
    const ends = this.#removed.get(id);
    if (ends === undefined || baseOffset < (ends.get(partition) ?? 0)) return;
    this.#findings.checked(NAME);
    if (!offsets.some(({ error }) => error === Errors.NONE)) return;
    this.#complain(`${id} committed in generation ${generation}, after it was removed`, at);
  }

  nodeEvent(event: NodeEvent, { node }: Moment): void {
    if (node !== ZOMBIE) return;
    if (event.kind === "paused") {
      this.#slept = true;
      this.#was = this.#joined;
    }
    if (event.kind === "resumed") this.#isAwake = true;
  }

  #complain(what: string, at: number): void {
    this.#complaint ??= `${what} at ${at / SECOND} s`;
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#slept && this.#was !== null, "no member fell asleep");
    claim(this.#was !== null && this.#removed.has(this.#was.id), "the group kept the sleeper");
    claim(this.#told !== -1, "nobody told the sleeper that it was out");
    // Who is fenced for good ends, and is not asked to poll once more.
    const mustGiveUp = !this.#losesNothing && this.#told !== Errors.FENCED_INSTANCE_ID;
    claim(this.#gaveUp || !mustGiveUp, "it did not give up what it had lost");
    claim(this.#complaint === null, this.#complaint ?? "");
  }
}
