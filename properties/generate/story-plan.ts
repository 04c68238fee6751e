/** A plan that tells one story: a small cluster, a stream of records, a few faults at known times. */
import type { Fault } from "../../sim/faults/fault.ts";
import type { LatencyOptions } from "../../sim/network/latency.ts";
import type {
  ClientPlan,
  NodePlan,
  Operation,
  Plan,
  Profile,
  SendOperation,
  SettingValues,
  TopicPlan,
} from "../plan/plan.ts";
import { DEFAULT_START_MS, PLAN_VERSION } from "../plan/plan.ts";
import { healDeadlineUs } from "../liveness/deadline.ts";
import { consumer, servers, noAutoCreation, producer, shortTimeouts } from "./cluster-parts.ts";

/** What a story says; the rest is as in most stories. */
export interface Story {
  readonly scenario: string;
  readonly seed: string;
  /** Default 3. */
  readonly brokers?: number;
  /** Default 1: c100. */
  readonly controllers?: number;
  /** Brokers that are added later, and when; the default topics do without them. */
  readonly added?: Readonly<Record<string, number>>;
  /** Default: one topic "orders" with one partition on all brokers (at most three). */
  readonly topics?: readonly TopicPlan[];
  /** Beside acks=all, timeouts of a tenth of Kafka's, and a majority as min.insync.replicas. */
  readonly settings?: SettingValues;
  /** Default: the producer p1, the consumer r1 of all topics, the admin client a1. */
  readonly clients?: readonly ClientPlan[];
  readonly latency?: LatencyOptions;
  readonly profile?: Profile;
  readonly workload: readonly Operation[];
  readonly faults?: readonly Fault[];
  readonly healAt: number;
  /** Default "viable". */
  readonly core?: Plan["heal"]["core"];
  readonly leave?: readonly string[];
}

export const STORY_TOPIC = "orders";

export function storyPlan(story: Story): Plan {
  const brokers = story.brokers ?? 3;
  const added = story.added ?? {};
  const nodes = servers({ brokers, controllers: story.controllers ?? 1 }).map((node): NodePlan => {
    const startAt = added[node.id];
    return startAt === undefined ? node : { ...node, startAt };
  });
  const replicationFactor = Math.min(3, brokers - Object.keys(added).length);
  const topics = story.topics ?? [
    { name: STORY_TOPIC, partitions: 1, replicationFactor, settings: {} },
  ];
  const settings: SettingValues = {
    acks: "all",
    "min.insync.replicas": Math.ceil((replicationFactor + 1) / 2),
    ...noAutoCreation,
    ...shortTimeouts,
    ...story.settings,
  };
  const clients = story.clients ?? [
    producer("p1"),
    consumer("r1", topics),
    { id: "a1", kind: "admin", settings: {} },
  ];
  const deadline = healDeadlineUs({ settings, clients, topology: { nodes } });
  return {
    version: PLAN_VERSION,
    scenario: story.scenario,
    seed: story.seed,
    profile: story.profile ?? "strict",
    bugs: [],
    startMs: DEFAULT_START_MS,
    settings,
    horizon: story.healAt + deadline,
    shuffleTies: false,
    topology: { nodes, latency: story.latency ?? { model: "uniform" } },
    topics,
    clients,
    workload: story.workload,
    faults: story.faults ?? [],
    heal: {
      at: story.healAt,
      core: story.core ?? "viable",
      ...(story.leave !== undefined && { leave: story.leave }),
      deadline,
    },
  };
}

export interface Stream {
  /** Prefix of the ids; default "w". */
  readonly prefix?: string;
  readonly client?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly fromUs: number;
  readonly everyUs: number;
  readonly count: number;
}

/** Records at a steady pace, keyed in turn by ten keys. */
export function stream(options: Stream): SendOperation[] {
  const { prefix = "w", client = "p1", topic = STORY_TOPIC, fromUs, everyUs, count } = options;
  return Array.from({ length: count }, (_, index) => ({
    id: `${prefix}${index + 1}`,
    at: fromUs + index * everyUs,
    client,
    op: "send",
    topic,
    ...(options.partition !== undefined && { partition: options.partition }),
    key: `key-${index % 10}`,
    value: `${prefix}${index + 1}`,
    timestamp: DEFAULT_START_MS + Math.floor((fromUs + index * everyUs) / 1000),
  }));
}
