import type { SettingValue } from "../../core/settings/definition.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import { brokerNames, controllerNames, shortTimeouts } from "../generate/cluster-parts.ts";
import { SECOND } from "../generate/time.ts";
import { healDeadlineUs } from "../liveness/deadline.ts";
import type {
  ClientPlan,
  NodePlan,
  NodeRole,
  Operation,
  Plan,
  Profile,
  SettingValues,
} from "../plan/plan.ts";
import { DEFAULT_START_MS, PLAN_VERSION } from "../plan/plan.ts";

export { SECOND };
export const TOPIC = "story";
/** The only partition of most schedules. */
export const PARTITION = "story-0";

/** What a schedule says beyond the usual cluster: brokers b1, b2, b3, controller c100, one partition. */
export interface Schedule {
  /** Replicas of the partition, the preferred leader first. */
  readonly replicas: readonly string[];
  readonly settings?: SettingValues;
  readonly clients?: readonly ClientPlan[];
  readonly workload: readonly Operation[];
  readonly faults: readonly Fault[];
  /** Everything is healed then; default 30 s. */
  readonly healAt?: number;
  readonly brokers?: number;
  /** Voters c100, c101 ...; default 1. */
  readonly controllers?: number;
  /** Settings of single nodes, by name. */
  readonly nodeSettings?: Readonly<Record<string, SettingValues>>;
  /** Default "strict". */
  readonly profile?: Profile;
  /** Who is well after the heal; default "all". */
  readonly core?: Plan["heal"]["core"];
  readonly leave?: readonly string[];
  /** The consumer r1 is down until the heal, so that it reads only what is left. */
  readonly readsAfterwards?: boolean;
}

/** Before the first record. */
const READER_DOWN_AT = 2 * SECOND;

const scheduleSettings: SettingValues = {
  ...shortTimeouts,
  "delivery.timeout.ms": 20000,
  "linger.ms": 0,
  "min.insync.replicas": 2,
};

/** A plan that tells one story: fixed latency, explicit operations and faults, healed at the end. */
export function schedule(name: string, story: Schedule): Plan {
  const node = (id: string, role: NodeRole): NodePlan => ({
    id,
    roles: [role],
    rack: null,
    settings: story.nodeSettings?.[id] ?? {},
  });
  const brokers = brokerNames(story.brokers ?? 3).map((id) => node(id, "broker"));
  const controllers = controllerNames(story.controllers ?? 1).map((id) => node(id, "controller"));
  const healAt = story.healAt ?? 30 * SECOND;
  const settings = { ...scheduleSettings, ...story.settings };
  const clients = story.clients ?? [producer("p1"), consumer("r1")];
  const nodes = [...controllers, ...brokers];
  const deadline = healDeadlineUs({ settings, clients, topology: { nodes } });
  return {
    version: PLAN_VERSION,
    scenario: name,
    seed: "1",
    profile: story.profile ?? "strict",
    bugs: [],
    startMs: DEFAULT_START_MS,
    settings,
    horizon: healAt + deadline,
    shuffleTies: false,
    topology: {
      nodes,
      latency: { model: "constant", baseUs: 1000 },
    },
    topics: [
      {
        name: TOPIC,
        partitions: 1,
        replicationFactor: story.replicas.length,
        settings: {},
        assignment: [story.replicas],
      },
    ],
    clients,
    workload: story.workload,
    faults: [
      ...(story.readsAfterwards === true
        ? [{ id: "reader", kind: "kill", target: { node: "r1" }, at: READER_DOWN_AT } as const]
        : []),
      ...story.faults,
    ],
    heal: {
      at: healAt,
      core: story.core ?? "all",
      ...(story.leave !== undefined && { leave: story.leave }),
      deadline,
    },
  };
}

export function producer(id: string, settings: SettingValues = {}): ClientPlan {
  return { id, kind: "producer", settings: { acks: "all", ...settings } };
}

export function consumer(id: string, settings: Record<string, SettingValue> = {}): ClientPlan {
  return {
    id,
    kind: "consumer",
    settings: { "auto.offset.reset": "earliest", ...settings },
    assign: [[TOPIC, 0]],
  };
}

/** `count` sends of one client from `at` on, `apartUs` microseconds apart; ids are `prefix`1, 2 ... */
export function sends(
  prefix: string,
  at: number,
  count: number = 1,
  client: string = "p1",
  apartUs: number = 10_000,
): Operation[] {
  const operations: Operation[] = [];
  for (let n = 1; n <= count; n += 1) {
    operations.push({
      id: `${prefix}${n}`,
      at: at + (n - 1) * apartUs,
      client,
      op: "send",
      topic: TOPIC,
      partition: 0,
      key: "k",
      value: `${prefix}${n}`,
      timestamp: DEFAULT_START_MS + Math.floor(at / 1000) + n,
    });
  }
  return operations;
}
