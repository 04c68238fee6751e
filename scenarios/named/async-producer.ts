import { KafkaError } from "../../properties/apps/kafka-error.ts";
import type { App, AppMessage } from "../../properties/apps/app.ts";
import {
  brokerNames,
  consumer,
  controllerNames,
  producer,
} from "../../properties/generate/cluster-parts.ts";
import type { Draw } from "../../properties/generate/draw.ts";
import { spread } from "../../properties/generate/draw.ts";
import { drawFaults } from "../../properties/generate/faults.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { STORY_TOPIC, storyPlan } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, NodeEvent, Observer } from "../../properties/observation.ts";
import type { Plan, TopicPlan } from "../../properties/plan/plan.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";

const NAME = "async-producer";
const ORDERS = 120;
const HEAL_AT = 31 * SECOND;
const TOPIC: TopicPlan = { name: STORY_TOPIC, partitions: 3, replicationFactor: 3, settings: {} };

export const asyncProducer: Scenario = defineScenario({
  name: NAME,
  story:
    "Programs send one order after the other, with await, and again when Kafka says that it may help, " +
    "while brokers crash, links break, answers get lost and the programs themselves are killed. What " +
    "was acknowledged is read back, in the order in which it was.",
  mustSee: {
    situations: {
      "leader-change": 50,
      "isr-shrunk": 50,
      "duplicate-suppressed": 50,
      "order-placed-again": 50,
      "program-restarted": 50,
      truncation: 100,
    },
    invariantsFrom: 1000,
  },
  plan(draw, { seed }) {
    const plain = draw.chance(1, 8);
    const producers = Array.from({ length: draw.between(1, 3) }, (_, n) =>
      producer(`p${n + 1}`, plain && n === 0 ? { "enable.idempotence": false } : {}),
    );
    const clients = producers.map(({ id }) => id);
    const controllers = draw.pick([1, 3]);
    return storyPlan({
      scenario: NAME,
      seed,
      controllers,
      topics: [TOPIC],
      settings: {
        "linger.ms": draw.pick([0, 5]),
        "delivery.timeout.ms": draw.pick([3000, 15000]),
        "max.in.flight.requests.per.connection": draw.pick([1, 2, 5]),
      },
      clients: [...producers, consumer("r1", [TOPIC])],
      latency: drawLatency(draw.fork("latency")),
      workload: [],
      faults: [
        ...drawFaults(draw.fork("faults"), {
          brokers: brokerNames(3),
          controllers: controllerNames(controllers),
          clients: [...clients, "r1"],
          partitions: Array.from({ length: TOPIC.partitions }, (_, n) => `${TOPIC.name}-${n}`),
          sends: producers.length * ORDERS,
          fromUs: 2 * SECOND,
          untilUs: 30 * SECOND,
        }),
        ...drawCrashes(draw.fork("crashes"), clients),
      ],
      healAt: HEAL_AT,
    });
  },
  apps: (plan: Plan) =>
    Object.fromEntries(
      plan.clients.filter(({ kind }) => kind === "producer").map(({ id }) => [id, takeOrders]),
    ),
  invariants: (findings) => [new AckOrder(findings)],
});

/** The program under test. It starts from the beginning when its process does. */
async function takeOrders(app: App): Promise<void> {
  const { id, producer, random, sleep } = app;
  await producer.connect();
  for (let n = 1; n <= ORDERS; n += 1) {
    const customer = random.below("customer", 10);
    const lines = 1 + Math.floor(random.below("lines", 6) / 3);
    await place(app, messagesOf(`customer-${customer}`, `${id}, order ${n}`, lines));
    await sleep(random.below("pause", 200));
  }
  await producer.disconnect();
}

function messagesOf(key: string, order: string, lines: number): AppMessage[] {
  return Array.from({ length: lines }, (_, n) => ({ key, value: `${order}, line ${n + 1}` }));
}

/** Tries until it is acknowledged: an order may be there twice, but never be missing. */
async function place({ producer, sleep }: App, messages: readonly AppMessage[]): Promise<void> {
  for (;;) {
    try {
      await producer.send({ topic: STORY_TOPIC, messages });
      return;
    } catch (error) {
      if (!(error instanceof KafkaError) || !error.retriable) throw error;
      await sleep(300);
    }
  }
}

/** In two of three runs somebody kills programs. */
function drawCrashes(draw: Draw, clients: readonly string[]): Fault[] {
  return Array.from({ length: draw.pick([0, 1, 2]) }, (_, n) => ({
    id: `k${n + 1}`,
    kind: "kill",
    target: { node: draw.pick(clients) },
    at: draw.between(2 * SECOND, 25 * SECOND),
    for: spread(draw, 100 * MS, 4 * SECOND),
  }));
}

/** What one program was told. */
interface Told {
  /** Sends without a result. */
  open: number;
  /** The highest acknowledged offset of each partition. */
  readonly acked: Map<string, number>;
  /** The same as it was when the program last placed an order. */
  floor: ReadonlyMap<string, number>;
}

/**
 * A program that awaits each order before it places the next has its orders in that sequence in the log:
 * an acknowledged record lies behind all that were acknowledged before it was sent, in whatever session
 * of its producer, and even of its process. (Records of one order are under way together: a retry may
 * bring the acknowledgement of an earlier one after that of a later one.)
 */
export class AckOrder implements Observer {
  readonly #findings: Findings;
  readonly #programs: Map<string, Told> = new Map();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "send-started": (_fact, { node }) => {
      const told = this.#told(node);
      if (told.open === 0) told.floor = new Map(told.acked);
      told.open += 1;
    },
    "send-acked": ({ sendId, partition, offset }, { at, node }) => {
      const told = this.#told(node);
      told.open -= 1;
      // An old duplicate is acknowledged without its place.
      if (offset < 0) return;
      told.acked.set(partition, Math.max(offset, told.acked.get(partition) ?? -1));
      const floor = told.floor.get(partition);
      if (floor === undefined) return;
      this.#findings.checked(NAME);
      if (offset > floor) return;
      const message =
        `${sendId} was acknowledged at offset ${offset} of ${partition}, ` +
        `and ${node} had had ${floor} acknowledged before it sent that`;
      this.#findings.violation({ invariant: NAME, at, node, message, partition, offset });
    },
    "send-failed": (_fact, { node }) => {
      this.#told(node).open -= 1;
      this.#findings.situation("order-placed-again");
    },
  };

  nodeEvent(event: NodeEvent, { node, nodeId, incarnation }: Moment): void {
    if (event.kind === "ended") this.#told(node).open = 0;
    if (event.kind === "booted" && nodeId === -1 && incarnation > 1) {
      this.#findings.situation("program-restarted");
    }
  }

  #told(client: string): Told {
    let told = this.#programs.get(client);
    if (told === undefined) {
      told = { open: 0, acked: new Map(), floor: new Map() };
      this.#programs.set(client, told);
    }
    return told;
  }
}
