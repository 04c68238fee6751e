/**
 * A scenario in a few lines: topics, programs, and what they promise. The rest is as in most: three brokers
 * and a controller; timeouts of a tenth of Kafka's, those of consumer groups too; producers that wait for
 * all replicas and do not give up; faults drawn from the seed, which strike cluster and programs until a
 * healthy end.
 */
import type { AppMain, Apps } from "../properties/apps/app.ts";
import type { DeliveryPromise } from "../properties/apps/promised-effects.ts";
import { brokerNames, controllerNames } from "../properties/generate/cluster-parts.ts";
import type { Draw } from "../properties/generate/draw.ts";
import { spread } from "../properties/generate/draw.ts";
import { drawFaults } from "../properties/generate/faults.ts";
import { drawLatency } from "../properties/generate/latency.ts";
import { storyPlan } from "../properties/generate/story-plan.ts";
import { MS, SECOND } from "../properties/generate/time.ts";
import type {
  ClientPlan,
  Operation,
  Plan,
  Profile,
  SettingValues,
  TopicPlan,
} from "../properties/plan/plan.ts";
import { InputError } from "../sim/input-error.ts";
import type { Fault } from "../sim/faults/fault.ts";
import type { Scenario } from "./scenario.ts";
import { defineScenario } from "./scenario.ts";

export interface ShortScenario {
  readonly story?: string;
  /** Default 3. */
  readonly brokers?: number;
  /** Default 1. */
  readonly controllers?: number;
  /** By name: how many partitions, or more; three replicas, as far as there are brokers. */
  readonly topics: Readonly<Record<string, number | Omit<TopicPlan, "name">>>;
  /** By id: a program, a program with settings of its own, or a client as a plan has it. */
  readonly clients: Readonly<Record<string, AppMain | ShortClient | ClientData>>;
  /** What clients that are data do. */
  readonly workload?: readonly Operation[];
  /** Of brokers, topics and clients, wherever the name exists. */
  readonly settings?: SettingValues;
  /** Default "strict". */
  readonly profile?: Profile;
  /** Instead of drawn ones. */
  readonly faults?: readonly Fault[] | ((draw: Draw) => readonly Fault[]);
  /** When everything is well again, in seconds; default 20. No fault is drawn for later. */
  readonly healAfter?: number;
  /** Default "at-least-once". */
  readonly promise?: DeliveryPromise;
  readonly invariants?: Scenario["invariants"];
}

export interface ShortClient {
  readonly app: AppMain;
  readonly settings: SettingValues;
}

type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never;
export type ClientData = DistributiveOmit<ClientPlan, "id">;

const fields: readonly string[] = [
  "story",
  "brokers",
  "controllers",
  "topics",
  "clients",
  "workload",
  "settings",
  "profile",
  "faults",
  "healAfter",
  "promise",
  "invariants",
];

/** A tenth of Kafka's, so that a group gets over a crash within the run. */
const groupTimes: SettingValues = {
  "group.initial.rebalance.delay.ms": 300,
  "group.min.session.timeout.ms": 600,
  "session.timeout.ms": 3000,
  "heartbeat.interval.ms": 300,
  "max.poll.interval.ms": 6000,
  "fetch.max.wait.ms": 500,
  "offsets.topic.num.partitions": 2,
};

/** Whoever sends waits until the cluster is well again. */
const patience: SettingValues = { "delivery.timeout.ms": 120_000 };

/** Roughly, for drawing how often an event occurs before a fault strikes. */
const SENDS = 200;

/** `name` is like "my-scenario". Throws an InputError that names field and value. */
export function appScenario(name: string, given: ShortScenario): Scenario {
  for (const field of Object.keys(given)) {
    if (fields.includes(field)) continue;
    throw new InputError(`scenario ${name}: "${field}" is not one of ${fields.join(", ")}`);
  }
  const { promise = "at-least-once", invariants } = given;
  const scenario: Scenario = {
    name,
    story: given.story ?? `Programs: ${Object.keys(given.clients).join(", ")}.`,
    promise,
    plan: (draw, { seed }) => planOf(name, given, draw, seed),
    apps: appsOf(given),
  };
  return defineScenario(invariants === undefined ? scenario : { ...scenario, invariants });
}

function planOf(name: string, given: ShortScenario, draw: Draw, seed: string): Plan {
  const { brokers = 3, controllers = 1, healAfter = 20, profile = "strict" } = given;
  const topics = topicsOf(given, brokers);
  const clients = clientsOf(given);
  return storyPlan({
    scenario: name,
    seed,
    brokers,
    controllers,
    topics,
    clients,
    settings: { ...groupTimes, ...patience, ...given.settings },
    profile,
    latency: drawLatency(draw.fork("latency")),
    workload: given.workload ?? [],
    faults: faultsOf(given, draw, topics, clients),
    healAt: healAfter * SECOND,
  });
}

function topicsOf({ topics }: ShortScenario, brokers: number): TopicPlan[] {
  const replicationFactor = Math.min(3, brokers);
  return Object.entries(topics).map(([name, topic]) => {
    if (typeof topic !== "number") return { name, ...topic };
    return { name, partitions: topic, replicationFactor, settings: {} };
  });
}

function clientsOf({ clients }: ShortScenario): ClientPlan[] {
  return Object.entries(clients).map(([id, client]): ClientPlan => {
    if (typeof client === "function") return { id, kind: "app", settings: {} };
    if ("app" in client && typeof client.app === "function") {
      return { id, kind: "app", settings: (client as ShortClient).settings };
    }
    return { id, ...(client as ClientData) } as ClientPlan;
  });
}

function appsOf({ clients }: ShortScenario): Apps {
  const apps: Record<string, AppMain> = {};
  for (const [id, client] of Object.entries(clients)) {
    if (typeof client === "function") apps[id] = client;
    else if ("app" in client && typeof client.app === "function") apps[id] = client.app;
  }
  return apps;
}

function faultsOf(
  given: ShortScenario,
  draw: Draw,
  topics: readonly TopicPlan[],
  clients: readonly ClientPlan[],
): readonly Fault[] {
  const { faults, brokers = 3, controllers = 1, healAfter = 20 } = given;
  if (faults !== undefined) return typeof faults === "function" ? faults(draw) : faults;
  const ids = clients.map(({ id }) => id);
  const space = {
    brokers: brokerNames(brokers),
    controllers: controllerNames(controllers),
    clients: ids,
    partitions: topics.flatMap(({ name, partitions }) =>
      Array.from({ length: partitions }, (_, n) => `${name}-${n}`),
    ),
    sends: SENDS,
    fromUs: 1 * SECOND,
    untilUs: (healAfter - 1) * SECOND,
    longestUs: 4 * SECOND,
    many: [4, 10] as const,
  };
  const crashes = draw.fork("crashes");
  return [
    ...drawFaults(draw.fork("faults"), space),
    ...Array.from({ length: crashes.between(0, 3) }, (_, n): Fault => {
      const target = { node: crashes.pick(ids) };
      const at = crashes.between(space.fromUs, space.untilUs);
      return {
        id: `k${n + 1}`,
        kind: "kill",
        target,
        at,
        for: spread(crashes, 100 * MS, 4 * SECOND),
      };
    }),
  ];
}
