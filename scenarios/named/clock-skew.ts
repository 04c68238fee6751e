import { Errors } from "../../core/errors.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import {
  brokerNames,
  consumer,
  controllerNames,
  producer,
} from "../../properties/generate/cluster-parts.ts";
import type { Draw } from "../../properties/generate/draw.ts";
import { spread } from "../../properties/generate/draw.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, Observer } from "../../properties/observation.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "clock-skew";
const BROKERS = 3;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const FROM = 6 * SECOND;
const HEAL_AT = 23 * SECOND;

/** Its records bear the leader's time: what consumers see of it tells how far the clocks are off. */
const STAMPED = "stamped";
const CRASH = "crash";
const LATE_CLOCK = "late-clock";

export const clockSkew: Scenario = defineScenario({
  name: NAME,
  story:
    "Wall clocks of brokers, controllers and clients are minutes off, jump and drift. Sessions, " +
    "elections and replication do not care. A leader whose clock is over an hour late refuses new " +
    "records with INVALID_TIMESTAMP; nothing acknowledged is lost.",
  plan(draw, { seed }) {
    const controllers = draw.pick([1, 3]);
    const topics = [
      { name: STORY_TOPIC, partitions: 1, replicationFactor: BROKERS, settings: {} },
      {
        name: STAMPED,
        partitions: 1,
        replicationFactor: BROKERS,
        settings: { "message.timestamp.type": "LogAppendTime" },
      },
    ];
    const everyUs = 60 * MS;
    const count = Math.floor((HEAL_AT - SECOND) / everyUs);
    return storyPlan({
      scenario: NAME,
      seed,
      brokers: BROKERS,
      controllers,
      topics,
      clients: [
        producer("p1"),
        producer("p2"),
        consumer("r1", topics),
        { id: "a1", kind: "admin", settings: {} },
      ],
      settings: { "delivery.timeout.ms": 30000, ...shortQuorumTimeouts },
      latency: drawLatency(draw.fork("latency")),
      workload: [
        ...stream({ fromUs: SECOND, everyUs, count }),
        ...stream({ prefix: "v", client: "p2", topic: STAMPED, fromUs: SECOND, everyUs, count }),
      ],
      faults: [
        // This one is sure to be seen.
        {
          id: "f0",
          kind: "clock-step",
          target: { role: "leader", of: `${STAMPED}-0` },
          at: FROM,
          stepMs: sign(draw) * draw.between(1, 5) * MINUTE_MS,
        },
        ...skews(draw.fork("skews"), controllers),
        ...extremes(draw.fork("extremes")),
      ],
      healAt: HEAL_AT,
    });
  },
  invariants: (findings, plan) => [new Clocks(findings, plan)],
});

/** Of everybody, by some minutes, some for a while and some for good. */
function skews(draw: Draw, controllers: number): Fault[] {
  const nodes = [...brokerNames(BROKERS), ...controllerNames(controllers), "p1", "p2", "r1"];
  return Array.from({ length: draw.between(6, 12) }, (_, index): Fault => {
    const common = {
      id: `f${index + 1}`,
      target: { node: draw.pick(nodes) },
      at: draw.between(FROM, HEAL_AT - 2 * SECOND),
    };
    const by = sign(draw) * spread(draw, 1, 5 * MINUTE_MS);
    const lasting = { for: draw.between(500, 10_000) * MS };
    switch (draw.pick(["clock-offset", "clock-step", "clock-drift"])) {
      case "clock-offset":
        return { ...common, ...lasting, kind: "clock-offset", offsetMs: by };
      case "clock-step":
        return { ...common, kind: "clock-step", stepMs: by };
      default:
        return {
          ...common,
          ...lasting,
          kind: "clock-drift",
          ppm: sign(draw) * spread(draw, 100, 50_000),
        };
    }
  });
}

/** In some runs a leader's clock is late by more than an hour; in some the leader dies of that all. */
function extremes(draw: Draw): Fault[] {
  const target = { role: "leader", of: `${STORY_TOPIC}-0` };
  const faults: Fault[] = [];
  if (draw.chance(1, 2)) {
    faults.push({
      id: LATE_CLOCK,
      kind: "clock-offset",
      target,
      at: draw.between(8000, 11_000) * MS,
      for: draw.between(3000, 5000) * MS,
      offsetMs: -(HOUR_MS + draw.between(60, 120) * MINUTE_MS),
    });
  }
  if (draw.chance(1, 2)) {
    const at = draw.between(11_000, 17_000) * MS;
    faults.push({ id: CRASH, kind: "kill", target, at, for: draw.between(500, 5000) * MS });
  }
  return faults;
}

function sign(draw: Draw): number {
  return draw.chance(1, 2) ? 1 : -1;
}

/** Whether the clocks were off, what came of it, and what did not. */
class Clocks implements Observer {
  readonly #findings: Findings;
  readonly #startMs: number;
  readonly #has: (fault: string) => boolean;
  /** Furthest that a leader's stamp was from the true time. */
  #furthestMs = 0;
  #refused = 0;
  #calm: string | null = null;

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    this.#startMs = plan.startMs;
    this.#has = (fault) => plan.faults.some(({ id }) => id === fault);
  }

  readonly on: NonNullable<Observer["on"]> = {
    appended: ({ partition, as, batch }, { at }) => {
      if (as !== "leader" || partition !== `${STAMPED}-0`) return;
      const nowMs = this.#startMs + Math.floor(at / 1000);
      const offMs = Math.abs(batch.body.maxTimestamp - nowMs);
      if (offMs > this.#furthestMs) this.#furthestMs = offMs;
    },
    "produce-refused": ({ error }) => {
      if (error === Errors.INVALID_TIMESTAMP) this.#refused += 1;
    },
    "broker-fenced": ({ broker }, { at }) => {
      this.#disturbed(at, `broker ${broker} was fenced`);
    },
    "isr-proposed": ({ partition, change }, { at }) => {
      if (change === "shrink") this.#disturbed(at, `${partition} shrank its ISR`);
    },
    "controller-activated": ({ epoch }, { at }) => {
      this.#disturbed(at, `a controller took office in epoch ${epoch}`);
    },
  };

  #disturbed(at: number, what: string): void {
    if (at >= FROM) this.#calm ??= `${what} at ${at / SECOND} s`;
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(this.#furthestMs >= MINUTE_MS / 2, "no leader's clock was off");
    const late = this.#has(LATE_CLOCK);
    claim(late === this.#refused > 0, `${this.#refused} records were refused for their time`);
    // Timeouts run on clocks that do not jump: nobody takes anybody for dead.
    if (!this.#has(CRASH)) claim(this.#calm === null, `clocks alone did this: ${this.#calm}`);
  }
}
