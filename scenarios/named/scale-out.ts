import type { Offset, PartitionName } from "../../core/ids.ts";
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
import type { Findings, Moment, Observer } from "../../properties/observation.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { GroupEffects } from "./effects.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "scale-out";
const HEAL_AT = 31 * SECOND;
const PARTITIONS = 2;

export const scaleOut: Scenario = defineScenario({
  name: NAME,
  story:
    "Brokers are added to a running cluster, a topic gets partitions on them, and members join to read " +
    "those. Nothing is left out, and in each partition the records of a key are worked on in the order " +
    "in which they were sent; but the growth sends keys elsewhere, and a key's new records may be " +
    "worked on before its old ones.",
  mustSee: mustSee("group-rebalanced", "reordered-over-growth"),
  plan(draw, { seed }) {
    const added = draw.pick([["b4"], ["b4", "b5"]]);
    const brokers = 3 + added.length;
    const topics = [
      { name: STORY_TOPIC, partitions: PARTITIONS, replicationFactor: 2, settings: {} },
    ];
    const grownTo = draw.between(PARTITIONS + 1, PARTITIONS + 3);
    const settings = {
      ...drawMemberSettings(draw),
      // A member hears of new partitions by its metadata.
      "metadata.max.age.ms": draw.pick([500, 1000, 2000]),
      "max.poll.records": draw.pick([50, 500]),
      "partition.assignment.strategy": draw.pick(["range", "sticky", "cooperative-sticky"]),
    };
    const joinedUs = draw.between(7000, 9000) * MS;
    const grownUs = joinedUs + draw.between(3000, 5000) * MS;
    const everyUs = draw.between(10, 25) * MS;
    // The old partitions have a backlog when the topic grows.
    const workUs = Math.floor((everyUs * draw.between(8, 12)) / 10);
    return storyPlan({
      scenario: NAME,
      seed,
      brokers,
      controllers: draw.pick([1, 3]),
      added: Object.fromEntries(added.map((id) => [id, joinedUs])),
      topics,
      settings: {
        ...shortQuorumTimeouts,
        ...drawCoordinatorSettings(draw),
        "metadata.max.age.ms": 1000,
        "min.insync.replicas": 1,
      },
      latency: drawLatency(draw.fork("latency")),
      clients: [
        producer("p1"),
        consumer("r1", [{ name: STORY_TOPIC, partitions: grownTo }]),
        member("m1", settings, { workUs }),
        member("m2", settings, { workUs, closed: true }),
        { id: "a1", kind: "admin", settings: {} },
      ],
      workload: [
        ...stream({ fromUs: SECOND, everyUs, count: Math.floor((25 * SECOND) / everyUs) }),
        {
          id: "grow",
          at: grownUs,
          client: "a1",
          op: "create-partitions",
          topic: STORY_TOPIC,
          count: grownTo,
          assignment: Array.from({ length: grownTo - PARTITIONS }, (_, index) => {
            return [added[index % added.length]!, `b${1 + (index % 3)}`];
          }),
        },
        join("m2", grownUs + draw.between(-2000, 3000) * MS),
      ],
      healAt: HEAL_AT,
    });
  },
  invariants: (findings, plan) => [
    new KeyedOrder(findings, plan),
    new GroupEffects(findings, { scenario: NAME, group: GROUP }),
  ],
});

interface Sent {
  readonly key: string;
  /** Place among all records that the plan sends. */
  readonly index: number;
}

class KeyedOrder implements Observer {
  readonly #findings: Findings;
  readonly #sends: Map<string, Sent> = new Map();
  readonly #records: Map<PartitionName, Map<Offset, Sent>> = new Map();
  readonly #done: Set<number> = new Set();
  /** By key and partition, and by key alone: the last record that was worked on for the first time. */
  readonly #last: Map<string, number> = new Map();
  #complaint: string | null = null;
  #newWorked = 0;

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    for (const [index, operation] of plan.workload.entries()) {
      if (operation.op !== "send") continue;
      this.#sends.set(operation.id, { key: operation.key ?? "", index });
    }
  }

  readonly on: NonNullable<Observer["on"]> = {
    "send-acked": ({ sendId, partition, offset }) => {
      const sent = this.#sends.get(sendId);
      if (sent === undefined) return;
      let records = this.#records.get(partition);
      if (records === undefined) this.#records.set(partition, (records = new Map()));
      records.set(offset, sent);
    },
    "effect-put": ({ partition, offset }, { at }) => {
      const sent = this.#records.get(partition)?.get(offset);
      // It may be read before its producer knows that it is there.
      if (sent === undefined || this.#done.has(sent.index)) return;
      this.#done.add(sent.index);
      this.#findings.checked(NAME);
      if (Number(partition.slice(partition.lastIndexOf("-") + 1)) >= PARTITIONS)
        this.#newWorked += 1;
      if (this.#comesAfter(`${sent.key} ${partition}`, sent.index)) {
        const which = `${sent.key} in ${partition}@${offset}`;
        this.#complaint ??= `${which} was worked on after a later one at ${at / SECOND} s`;
      } else if (this.#comesAfter(sent.key, sent.index)) {
        this.#findings.situation("reordered-over-growth");
      }
    },
  };

  /** Whether one that was sent later was worked on before. */
  #comesAfter(whose: string, index: number): boolean {
    const last = this.#last.get(whose) ?? -1;
    this.#last.set(whose, Math.max(last, index));
    return last > index;
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#complaint === null, this.#complaint ?? "");
    claim(this.#newWorked > 0, "nobody worked on a new partition");
  }
}
