import type { PartitionName } from "../../core/ids.ts";
import { METADATA_TOPIC } from "../../core/ids.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import {
  brokerNames,
  consumer,
  controllerNames,
  producer,
} from "../../properties/generate/cluster-parts.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { shortQuorumTimeouts } from "../../properties/generate/quorum.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, NodeEvent, Observer } from "../../properties/observation.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "rolling-restart";
const BROKERS = 3;

/** From the decision for a new leader until it leads. */
const SOON_US = 2 * SECOND;

export const rollingRestart: Scenario = defineScenario({
  name: NAME,
  story:
    "All brokers and controllers are restarted one after the other, each in order. No write fails, a " +
    "broker leaves only when others lead its partitions, and it is in every ISR again before the " +
    "next one goes.",
  mustSee: mustSee("controlled-shutdown", "leader-change", "isr-expanded", "clean-restart"),
  plan(draw, { seed }) {
    const controllers = draw.pick([1, 3]);
    const topics = [{ name: STORY_TOPIC, partitions: 3, replicationFactor: BROKERS, settings: {} }];
    const groups = [brokerNames(BROKERS), controllerNames(controllers)];
    const faults: Fault[] = [];
    let at = draw.between(6000, 8000) * MS;
    for (const node of draw.shuffled(groups).flat()) {
      const id = `restart-${node}`;
      faults.push({ id, kind: "stop", target: { node }, at, for: draw.between(200, 3000) * MS });
      at += draw.between(9000, 11_000) * MS;
    }
    const everyUs = 80 * MS;
    return storyPlan({
      scenario: NAME,
      seed,
      brokers: BROKERS,
      controllers,
      topics,
      clients: [
        producer("p1"),
        producer("p2", { "max.in.flight.requests.per.connection": 1 }),
        consumer("r1", topics),
        { id: "a1", kind: "admin", settings: {} },
      ],
      settings: { "delivery.timeout.ms": 30000, ...shortQuorumTimeouts },
      latency: drawLatency(draw.fork("latency")),
      workload: ["p1", "p2"].flatMap((client) =>
        stream({
          prefix: `${client}-`,
          client,
          fromUs: SECOND,
          everyUs,
          count: Math.floor((at - SECOND) / everyUs),
        }),
      ),
      faults,
      healAt: at,
    });
  },
  invariants: (findings, plan) => [new Rolling(findings, plan)],
});

interface Decision {
  readonly at: number;
  readonly leader: number;
  readonly isrSize: number;
}

class Rolling implements Observer {
  readonly #findings: Findings;
  readonly #restarts: readonly Fault[];
  /** All decisions about each partition. */
  readonly #decisions: Map<PartitionName, Decision[]> = new Map();
  /** When a leader was decided that does not lead yet. */
  readonly #awaited: Map<PartitionName, number> = new Map();
  readonly #left: Set<string> = new Set();
  readonly #returned: Set<string> = new Set();
  #complaint: string | null = null;
  /** All replicas have been in the ISR. */
  #hasBegun = false;
  /**
   * Sent before that. A producer's first batch may be refused then for min.insync.replicas and its second
   * not: whom the broker does not know may begin with any sequence (ProducerAppendInfo.java), and the
   * first is out of order for good.
   */
  readonly #early: Set<string> = new Set();

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    this.#restarts = plan.faults;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "partition-decided": ({ partition, leader, previousLeader, isr }, { at }) => {
      const decision = { at, leader, isrSize: isr.length };
      const decisions = this.#decisions.get(partition);
      if (decisions === undefined) this.#decisions.set(partition, [decision]);
      else decisions.push(decision);
      if (leader === -1) this.#complain(`${partition} had no leader`, at);
      if (leader !== previousLeader) this.#awaited.set(partition, at);
    },
    "became-leader": ({ partition }, { at, nodeId }) => {
      if (this.#decisions.get(partition)?.at(-1)?.leader !== nodeId) return;
      const since = this.#awaited.get(partition) ?? at;
      this.#awaited.delete(partition);
      if (at - since > SOON_US) this.#complain(`${partition} waited long for its leader`, at);
    },
    "log-loaded": ({ partition, clean }, { at, node, incarnation }) => {
      if (incarnation === 1 || clean || partition.startsWith(METADATA_TOPIC)) return;
      this.#complain(`${node} left ${partition} without a clean end`, at);
    },
    "send-started": ({ sendId }) => {
      if (!this.#hasBegun) this.#hasBegun = this.#isComplete();
      if (!this.#hasBegun) this.#early.add(sendId);
    },
    "send-failed": ({ sendId, error }, { at }) => {
      if (this.#early.has(sendId)) return;
      this.#complain(`${sendId} failed with ${error}`, at);
    },
  };

  nodeEvent(event: NodeEvent, { node, nodeId, at }: Moment): void {
    if (event.kind === "booted" && this.#left.has(node)) this.#returned.add(node);
    if (event.kind !== "ended") return;
    this.#left.add(node);
    for (const [partition, decisions] of this.#decisions) {
      if (decisions.at(-1)?.leader === nodeId) {
        this.#complain(`${node} left while it led ${partition}`, at);
      }
    }
  }

  #isComplete(): boolean {
    if (this.#decisions.size === 0) return false;
    for (const decisions of this.#decisions.values()) {
      if (decisions.at(-1)?.isrSize !== BROKERS) return false;
    }
    return true;
  }

  /** The first complaint is the cause of the others, or near it. */
  #complain(what: string, at: number): void {
    this.#complaint ??= `${what} at ${at / SECOND} s`;
  }

  /** At the time of each restart, and at the end, every replica is in sync. */
  #judgeIsrs(end: number): void {
    for (const [partition, decisions] of this.#decisions) {
      for (const at of [...this.#restarts.map((fault) => fault.at ?? 0), end]) {
        const last = decisions.findLast((decision) => decision.at < at);
        if (last === undefined || last.isrSize === BROKERS) continue;
        this.#complain(`${partition} had ${last.isrSize} replicas in sync when the next left`, at);
      }
    }
  }

  atEnd(moment: Moment): void {
    this.#judgeIsrs(moment.at);
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    const { size } = this.#returned;
    claim(size > 0 && size === this.#restarts.length, `${size} nodes left and returned`);
    claim(this.#complaint === null, this.#complaint ?? "");
  }
}
