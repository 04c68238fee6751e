/**
 * Plans of the flagship: order events through a replicated topic while nodes, links, disks and clocks
 * fail. Which faults, how many and how dense differs from run to run, since faults can hide each
 * other's effects.
 */
import type {
  ClientPlan,
  ConsumerPlan,
  Operation,
  Plan,
  ProducerPlan,
  TopicPlan,
} from "../plan/plan.ts";
import { DEFAULT_START_MS, PLAN_VERSION } from "../plan/plan.ts";
import { healDeadlineUs } from "../liveness/deadline.ts";
import type { SettingValue } from "../../core/settings/definition.ts";
import { brokerNames, consumer, servers, noAutoCreation, producer } from "./cluster-parts.ts";
import { drawFaults } from "./faults.ts";
import type { Draw } from "./draw.ts";
import { subset, weighted } from "./draw.ts";
import type { InputEvent } from "./input-event.ts";
import { drawLatency } from "./latency.ts";
import type { Pace } from "./pace.ts";
import { brisk, patient } from "./pace.ts";
import { drawQuorumSettings, drawServers } from "./quorum.ts";
import { sendOperations } from "./send-operations.ts";
import { SECOND } from "./time.ts";

const TOPIC = "order-events";

/** Size of the cluster and of its topic. */
export interface ClusterShape {
  readonly brokers: number;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
}

/** The flagship's: any one broker can go without stopping the stream. */
const FLAGSHIP: ClusterShape = {
  brokers: 3,
  partitions: 3,
  replicationFactor: 3,
  minInsyncReplicas: 2,
};

export function drawOrderEventsPlan(
  draw: Draw,
  seed: string,
  events: readonly InputEvent[],
  size: ClusterShape = FLAGSHIP,
  ownPace: Pace | null = null,
): Plan {
  const shape = draw.fork("shape");
  const nodes = servers(drawServers(draw.fork("quorum"), size.brokers));
  const controllers = nodes.filter(({ roles }) => roles.includes("controller"));
  const topic = drawTopic(draw.fork("topic"), size);
  const producers = drawProducers(draw.fork("producers"), shape.between(2, 4));
  const consumers = drawConsumers(draw.fork("consumers"), topic);
  const pace = ownPace ?? (shape.chance(1, 10) ? patient : brisk);
  const sends = sendOperations(draw.fork("sends"), events, {
    topic: TOPIC,
    producers,
    fromUs: pace.sendsFromUs,
    untilUs: pace.sendsUntilUs,
  });
  const settings = {
    "min.insync.replicas": size.minInsyncReplicas,
    acks: "all",
    ...noAutoCreation,
    ...pace.timeouts,
    ...drawQuorumSettings(draw.fork("quorum settings")),
    ...drawSettings(draw.fork("settings")),
    ...timestampLimit(events),
  };
  const clients: ClientPlan[] = [
    ...producers,
    ...consumers,
    { id: "a1", kind: "admin", settings: {} },
  ];
  const deadline = healDeadlineUs({ settings, clients, topology: { nodes } });
  return {
    version: PLAN_VERSION,
    scenario: TOPIC,
    seed,
    profile: "strict",
    bugs: [],
    startMs: events[0]?.timestamp ?? DEFAULT_START_MS,
    settings,
    horizon: pace.healAtUs + deadline,
    shuffleTies: shape.chance(1, 4),
    topology: { nodes, latency: drawLatency(draw.fork("latency")) },
    topics: [topic],
    clients,
    workload: [...sends, ...drawOtherOperations(draw.fork("operations"), topic, consumers, pace)],
    faults: drawFaults(draw.fork("faults"), {
      brokers: brokerNames(size.brokers),
      controllers: controllers.map(({ id }) => id),
      clients: [...producers, ...consumers].map(({ id }) => id),
      partitions: Array.from({ length: topic.partitions }, (_, index) => `${TOPIC}-${index}`),
      sends: events.length,
      fromUs: pace.faultsFromUs,
      untilUs: pace.faultsUntilUs,
      longestUs: pace.longestFaultUs,
      many: pace.manyFaults,
    }),
    heal: { at: pace.healAtUs, core: "viable", deadline },
  };
}

/** Each partition on drawn brokers, the first of them its preferred leader. */
function drawTopic(draw: Draw, size: ClusterShape): TopicPlan {
  const { brokers, partitions, replicationFactor } = size;
  return {
    name: TOPIC,
    partitions,
    replicationFactor,
    settings: {},
    assignment: Array.from({ length: partitions }, () =>
      draw.shuffled(brokerNames(brokers)).slice(0, replicationFactor),
    ),
  };
}

/** Now and then one of them does without idempotence: less is promised of it. */
function drawProducers(draw: Draw, count: number): ProducerPlan[] {
  const plain = draw.chance(1, 12) ? draw.below(count) : -1;
  return Array.from({ length: count }, (_, index) =>
    producer(`p${index + 1}`, index === plain ? { "enable.idempotence": false } : {}),
  );
}

/** The first reads everything from the beginning; others may read less. */
function drawConsumers(draw: Draw, topic: TopicPlan): ConsumerPlan[] {
  const count = weighted(draw, [
    [1, 5],
    [2, 3],
    [3, 2],
  ]);
  return Array.from({ length: count }, (_, index) => {
    const settings: Record<string, SettingValue> = {};
    if (draw.chance(1, 3)) settings["max.poll.records"] = draw.between(1, 50);
    if (draw.chance(1, 4)) settings["fetch.min.bytes"] = draw.between(100, 5000);
    const plan = consumer(`r${index + 1}`, [topic], settings);
    if (index === 0) return plan;
    const assign = subset(draw, plan.assign, draw.between(1, plan.assign.length));
    return draw.chance(1, 3) ? { ...plan, assign, startAt: "end" } : { ...plan, assign };
  });
}

/** Settings that bring rare paths within reach of a short run. */
function drawSettings(draw: Draw): Record<string, SettingValue> {
  const settings: Record<string, SettingValue> = {
    "linger.ms": draw.pick([0, 5, 5, 20]),
    "segment.bytes": draw.pick([4096, 32768, 1073741824]),
    "max.in.flight.requests.per.connection": draw.pick([1, 2, 3, 5]),
  };
  if (draw.chance(1, 3)) settings["batch.size"] = draw.between(200, 2000);
  if (draw.chance(1, 6)) settings["compression.type"] = "gzip";
  if (draw.chance(1, 4)) settings["replica.fetch.max.bytes"] = draw.between(1, 4096);
  if (draw.chance(1, 3)) settings["leader.imbalance.check.interval.seconds"] = draw.between(3, 10);
  if (draw.chance(1, 3)) settings["replica.high.watermark.checkpoint.interval.ms"] = 500;
  if (draw.chance(1, 3)) settings["log.flush.offset.checkpoint.interval.ms"] = 2000;
  if (draw.chance(1, 8)) settings["flush.messages"] = draw.between(1, 20);
  return settings;
}

/** A broker refuses a record stamped over an hour ahead of its clock; input may span more. */
function timestampLimit(events: readonly InputEvent[]): Record<string, SettingValue> {
  const first = events[0]?.timestamp ?? 0;
  const ahead = events.reduce((most, { timestamp }) => Math.max(most, timestamp - first), 0);
  const MINUTE_MS = 60_000;
  if (ahead <= 50 * MINUTE_MS) return {};
  return { "message.timestamp.after.max.ms": ahead + 60 * MINUTE_MS };
}

/** Leadership changes without any restart, readers that go back, readers that stop for a while. */
function drawOtherOperations(
  draw: Draw,
  topic: TopicPlan,
  consumers: readonly ConsumerPlan[],
  { faultsFromUs, sendsUntilUs }: Pace,
): Operation[] {
  const operations: Operation[] = [];
  const id = (): string => `x${operations.length + 1}`;
  const when = (): number => draw.between(faultsFromUs, sendsUntilUs);
  const everyPartition = Array.from({ length: topic.partitions }, (_, index) => index);
  for (let n = draw.pick([0, 0, 1, 2, 3]); n > 0; n -= 1) {
    operations.push({
      id: id(),
      at: when(),
      client: "a1",
      op: "elect-leaders",
      electionType: "preferred",
      topic: topic.name,
      partitions: everyPartition,
    });
  }
  for (const { id: client, assign } of consumers) {
    if (draw.chance(1, 4)) {
      const [name, partition] = draw.pick(assign);
      const offset = "beginning";
      operations.push({ id: id(), at: when(), client, op: "seek", topic: name, partition, offset });
    }
    if (draw.chance(1, 5)) {
      const at = when();
      operations.push({ id: id(), at, client, op: "pause-polling" });
      const until = Math.min(at + draw.between(1, 6) * SECOND, sendsUntilUs);
      operations.push({ id: id(), at: until, client, op: "resume-polling" });
    }
  }
  if (draw.chance(1, 4)) {
    operations.push({ id: id(), at: when(), client: "a1", op: "describe-topics" });
  }
  return operations;
}
