/** Parts that most plans share: nodes, clients, and settings that make a short run eventful. */
import type { ConsumerPlan, NodePlan, ProducerPlan, SettingValues } from "../plan/plan.ts";

/** The first controller, and the only one of most small clusters. */
export const CONTROLLER = "c100";

const RACKS = ["a", "b", "c"];

/** Who is in a cluster. */
export interface Servers {
  readonly brokers: number;
  /** Voters of the metadata quorum: 1 to 7; default 1. */
  readonly controllers?: number;
  /** The first brokers are the controllers too, instead of nodes of their own. */
  readonly combined?: boolean;
}

/** Controllers c100, c101 ... and brokers b1, b2 ..., spread over three racks. */
export function servers({ brokers, controllers = 1, combined = false }: Servers): NodePlan[] {
  const rackOf = (index: number): string => RACKS[index % RACKS.length]!;
  const own: NodePlan[] = combined
    ? []
    : controllerNames(controllers).map((id, index) => ({
        id,
        roles: ["controller"],
        rack: rackOf(index),
        settings: {},
      }));
  const both = brokerNames(brokers).map((id, index): NodePlan => {
    const votes = combined && index < controllers;
    return {
      id,
      roles: votes ? ["broker", "controller"] : ["broker"],
      rack: rackOf(index),
      settings: {},
    };
  });
  return [...own, ...both];
}

export function controllerNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `c${100 + index}`);
}

export function brokerNames(brokers: number): string[] {
  return Array.from({ length: brokers }, (_, index) => `b${index + 1}`);
}

export function producer(id: string, settings: SettingValues = {}): ProducerPlan {
  return { id, kind: "producer", settings };
}

/** Reads whole topics from their beginning. */
export function consumer(
  id: string,
  topics: readonly { readonly name: string; readonly partitions: number }[],
  settings: SettingValues = {},
): ConsumerPlan {
  const assign = topics.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, index) => [name, index] as const),
  );
  return {
    id,
    kind: "consumer",
    settings: { "auto.offset.reset": "earliest", ...settings },
    assign,
  };
}

/**
 * A client that asks for a topic before it has been made must not have it made with one replica:
 * what production clusters do, and what keeps the plan's topics the plan's.
 */
export const noAutoCreation: SettingValues = { "auto.create.topics.enable": false };

/** Timeouts of a tenth of Kafka's, so that half a minute holds what else takes five. */
export const shortTimeouts: SettingValues = {
  "broker.session.timeout.ms": 3000,
  "broker.heartbeat.interval.ms": 500,
  "replica.lag.time.max.ms": 3000,
  "replica.socket.timeout.ms": 2000,
  "replica.fetch.backoff.ms": 200,
  "request.timeout.ms": 2000,
  "delivery.timeout.ms": 15000,
  "metadata.max.age.ms": 5000,
  "reconnect.backoff.max.ms": 500,
};
