import { Errors } from "../../core/errors.ts";
import type { Findings, Observer } from "../../properties/observation.ts";
import { brokerNames } from "../../properties/generate/cluster-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { report } from "./promises.ts";

const NAME = "two-of-three-down";
const PARTITION = `${STORY_TOPIC}-0`;
const BROKERS = 3;

export const twoOfThreeDown: Scenario = defineScenario({
  name: NAME,
  story:
    "Two of three brokers are killed one after the other. The survivor keeps every acknowledged " +
    "record, serves what is below its high watermark and refuses new ones with " +
    "NOT_ENOUGH_REPLICAS, until one comes back and writing resumes.",
  plan(draw, { seed }) {
    const [first, second] = draw.shuffled(brokerNames(BROKERS)) as [string, string, string];
    const firstAt = draw.between(3000, 5000) * MS;
    const secondAt = firstAt + draw.between(200, 6000) * MS;
    const backAt = secondAt + 10 * SECOND;
    const back = draw.pick([first, second]);
    const healAt = backAt + 8 * SECOND;
    const everyUs = 40 * MS;
    return storyPlan({
      scenario: NAME,
      seed,
      settings: { "delivery.timeout.ms": 60000, "max.block.ms": 60000 },
      latency: drawLatency(draw.fork("latency")),
      workload: [
        ...stream({ fromUs: SECOND, everyUs, count: Math.floor((healAt - SECOND) / everyUs) }),
        {
          id: "reread",
          at: secondAt + 6 * SECOND,
          client: "r1",
          op: "seek",
          topic: STORY_TOPIC,
          partition: 0,
          offset: "beginning",
        },
      ],
      faults: [
        { id: "f1", kind: "kill", target: { node: first }, at: firstAt },
        { id: "f2", kind: "kill", target: { node: second }, at: secondAt },
        { id: "f3", kind: "restart", target: { node: back }, at: backAt, disk: "same" },
      ],
      healAt,
    });
  },
  invariants: (findings) => [new Outage(findings)],
});

/** Watches what the survivor does while the other two brokers are down, and what comes after. */
class Outage implements Observer {
  readonly #findings: Findings;
  readonly #down: Set<string> = new Set();
  /** High watermark that each broker has. */
  readonly #highWatermarks: Map<string, number> = new Map();
  #phase: "before" | "during" | "after" = "before";
  #survivor = "";
  #refused = false;
  #soughtBack = false;
  #readBack = false;
  #resumed = false;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "became-leader": (fact, { node }) => {
      if (fact.partition === PARTITION) this.#highWatermarks.set(node, fact.highWatermark);
    },
    "high-watermark": (fact, { node }) => {
      if (fact.partition === PARTITION) this.#highWatermarks.set(node, fact.highWatermark);
    },
    "produce-refused": (fact, { node }) => {
      if (this.#phase !== "during" || node !== this.#survivor) return;
      if (fact.error === Errors.NOT_ENOUGH_REPLICAS) this.#refused = true;
    },
    "ack-sent": (fact) => {
      if (this.#phase === "after" && fact.partition === PARTITION) this.#resumed = true;
    },
    "position-set": (fact) => {
      if (this.#phase === "during" && fact.why === "seek") this.#soughtBack = true;
    },
    polled: (fact) => {
      if (this.#phase !== "during" || !this.#soughtBack) return;
      const readable = this.#highWatermarks.get(this.#survivor) ?? 0;
      if (fact.nextPosition >= readable) this.#readBack = true;
    },
  };

  nodeEvent(event: { readonly kind: string }, { node }: { readonly node: string }): void {
    if (!brokerNames(BROKERS).includes(node)) return;
    if (event.kind === "ended") this.#down.add(node);
    if (event.kind === "booted") this.#down.delete(node);
    if (this.#phase === "before" && this.#down.size === 2) {
      this.#phase = "during";
      this.#survivor = brokerNames(BROKERS).find((name) => !this.#down.has(name)) ?? "";
    } else if (this.#phase === "during" && this.#down.size < 2) {
      this.#phase = "after";
    }
  }

  atEnd(moment: Parameters<NonNullable<Observer["atEnd"]>>[0]): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#phase === "after", "two brokers were never down at once");
    claim(this.#refused, "the survivor never answered NOT_ENOUGH_REPLICAS");
    claim(this.#readBack, "what is below the survivor's high watermark could not be read");
    claim(this.#resumed, "writing did not resume");
  }
}
