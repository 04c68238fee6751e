/** The plan of a primer: three brokers, one producer, a group of three, and nothing that goes wrong. */
import type { LatencyOptions } from "../../sim/network/latency.ts";
import { producer } from "../../properties/generate/cluster-parts.ts";
import type { Draw } from "../../properties/generate/draw.ts";
import { storyPlan } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type {
  MemberPlan,
  Operation,
  Plan,
  SendOperation,
  SettingValues,
} from "../../properties/plan/plan.ts";
import { DEFAULT_START_MS } from "../../properties/plan/plan.ts";

export const TOPIC = "orders";
export const PRODUCER = "p1";
const GROUP = "shipping";
const MEMBERS = ["m1", "m2", "m3"];

/** Leaders first: those of partitions 0, 1 and 2 are b1, b3 and b2. */
const ASSIGNMENT = [
  ["b1", "b2", "b3"],
  ["b3", "b1", "b2"],
  ["b2", "b3", "b1"],
];

/** A record that the plan sends. */
export interface Written {
  readonly atUs: number;
  readonly key: string | null;
  readonly value: string;
}

export interface FlowStory {
  readonly scenario: string;
  readonly seed: string;
  readonly draw: Draw;
  readonly sends: readonly Written[];
  readonly producerSettings: SettingValues;
  /** When the members are told to join. */
  readonly joinUs: number;
  /** How long the work on a record takes. */
  readonly workUs: number;
}

export function flowPlan(story: FlowStory): Plan {
  const { scenario, seed, draw, joinUs } = story;
  const sends = story.sends.map(sendOperation);
  const joins = MEMBERS.map((client): Operation => {
    const at = joinUs + draw.between(0, 20) * MS;
    return { id: `${client}-joins`, at, client, op: "open-consumer" };
  });
  const lastUs = Math.max(joinUs, ...story.sends.map(({ atUs }) => atUs));
  return storyPlan({
    scenario,
    seed,
    profile: "calm",
    topics: [
      { name: TOPIC, partitions: 3, replicationFactor: 3, settings: {}, assignment: ASSIGNMENT },
    ],
    settings: {
      "group.initial.rebalance.delay.ms": 500,
      "offsets.topic.num.partitions": 1,
    },
    clients: [
      producer(PRODUCER, story.producerSettings),
      ...MEMBERS.map((id) => member(id, story.workUs)),
    ],
    latency: calmLatency(draw.fork("latency")),
    workload: [...sends, ...joins],
    healAt: lastUs + 4 * SECOND,
    core: "all",
  });
}

function member(id: string, workUs: number): MemberPlan {
  return {
    id,
    kind: "member",
    settings: {
      "group.id": GROUP,
      "auto.offset.reset": "earliest",
      "enable.auto.commit": false,
      "partition.assignment.strategy": "range",
    },
    subscribe: { topics: [TOPIC] },
    workUs,
    commit: "sync",
    handOff: false,
    closed: true,
  };
}

function sendOperation({ atUs, key, value }: Written, index: number): SendOperation {
  return {
    id: `w${index + 1}`,
    at: atUs,
    client: PRODUCER,
    op: "send",
    topic: TOPIC,
    key,
    value,
    timestamp: DEFAULT_START_MS + Math.floor(atUs / 1000),
  };
}

/** Networks of a few milliseconds: what a primer says overlaps must not be torn apart by a slow link. */
function calmLatency(draw: Draw): LatencyOptions {
  if (draw.chance(1, 4)) return { model: "constant", baseUs: draw.between(200, 1500) };
  return {
    model: "uniform",
    baseUs: draw.between(100, 500),
    spreadUs: draw.between(200, 2000),
    jitterUs: draw.between(200, 2000),
  };
}
