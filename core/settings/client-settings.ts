/**
 * Settings of producers, consumers and admin clients (ProducerConfig.java, ConsumerConfig.java).
 *
 * Differs from Kafka: lower bounds that exist only for production are relaxed; partitioner.class is
 * "default", "round-robin" or a name that the embedding program gives. client.id has no effect: a
 * client is called by the name of its node.
 */
import type { TableOf } from "./definition.ts";
import { choice, flag, integer, text } from "./definition.ts";

const INT = 2147483647;

export interface CommonClientSettings {
  readonly "client.id": string;
  readonly "metadata.max.age.ms": number;
  readonly "reconnect.backoff.max.ms": number;
  readonly "reconnect.backoff.ms": number;
  readonly "request.timeout.ms": number;
  readonly "retry.backoff.max.ms": number;
  readonly "retry.backoff.ms": number;
}

const commonSettings: TableOf<CommonClientSettings> = {
  "client.id": text(""),
  "metadata.max.age.ms": integer(300000, 1, INT),
  "reconnect.backoff.max.ms": integer(1000, 0, INT),
  "reconnect.backoff.ms": integer(50, 0, INT),
  "request.timeout.ms": integer(30000, 1, INT),
  "retry.backoff.max.ms": integer(1000, 0, INT),
  "retry.backoff.ms": integer(100, 0, INT),
};

export interface ProducerSettings extends CommonClientSettings {
  readonly acks: string;
  readonly "batch.size": number;
  readonly "buffer.memory": number;
  readonly "compression.type": string;
  readonly "delivery.timeout.ms": number;
  readonly "enable.idempotence": boolean;
  readonly "linger.ms": number;
  readonly "max.block.ms": number;
  readonly "max.in.flight.requests.per.connection": number;
  readonly "max.request.size": number;
  readonly "metadata.max.idle.ms": number;
  readonly "partitioner.adaptive.partitioning.enable": boolean;
  readonly "partitioner.availability.timeout.ms": number;
  readonly "partitioner.class": string;
  readonly "partitioner.ignore.keys": boolean;
  readonly retries: number;
}

export const producerSettings: TableOf<ProducerSettings> = {
  ...commonSettings,
  acks: choice("all", ["all", "-1", "0", "1"]),
  "batch.size": integer(16384, 0, INT),
  "buffer.memory": integer(33554432, 0),
  "compression.type": choice("none", ["none", "gzip"]),
  "delivery.timeout.ms": integer(120000, 1, INT),
  "enable.idempotence": flag(true),
  "linger.ms": integer(5, 0, INT),
  "max.block.ms": integer(60000, 0),
  "max.in.flight.requests.per.connection": integer(5, 1, INT),
  "max.request.size": integer(1048576, 0, INT),
  "metadata.max.idle.ms": integer(300000, 5000, INT),
  "partitioner.adaptive.partitioning.enable": flag(true),
  "partitioner.availability.timeout.ms": integer(0, 0, INT),
  "partitioner.class": choice("default", ["default", "round-robin"]),
  "partitioner.ignore.keys": flag(false),
  retries: integer(INT, 0, INT),
};

export interface ConsumerSettings extends CommonClientSettings {
  readonly "allow.auto.create.topics": boolean;
  readonly "auto.commit.interval.ms": number;
  readonly "auto.offset.reset": string;
  readonly "check.crcs": boolean;
  readonly "default.api.timeout.ms": number;
  /** Needs a group.id. */
  readonly "enable.auto.commit": boolean;
  readonly "fetch.max.bytes": number;
  readonly "fetch.max.wait.ms": number;
  readonly "fetch.min.bytes": number;
  /** "" for none: partitions are assigned by hand, and nothing is committed. */
  readonly "group.id": string;
  /** "" for a dynamic member. */
  readonly "group.instance.id": string;
  readonly "heartbeat.interval.ms": number;
  /** internal.leave.group.on.close: Kafka Streams turns it off. */
  readonly "internal.leave.group.on.close": boolean;
  readonly "isolation.level": string;
  readonly "max.partition.fetch.bytes": number;
  readonly "max.poll.interval.ms": number;
  readonly "max.poll.records": number;
  /** Names of assignors, best first, with commas between. */
  readonly "partition.assignment.strategy": string;
  readonly "session.timeout.ms": number;
}

export const consumerSettings: TableOf<ConsumerSettings> = {
  ...commonSettings,
  "allow.auto.create.topics": flag(true),
  "auto.commit.interval.ms": integer(5000, 0, INT),
  "auto.offset.reset": choice("latest", ["latest", "earliest", "none"]),
  "check.crcs": flag(true),
  "default.api.timeout.ms": integer(60000, 0, INT),
  "enable.auto.commit": flag(true),
  "fetch.max.bytes": integer(52428800, 0, INT),
  "fetch.max.wait.ms": integer(500, 0, INT),
  "fetch.min.bytes": integer(1, 0, INT),
  "group.id": text(""),
  "group.instance.id": text(""),
  "heartbeat.interval.ms": integer(3000, 1, INT),
  "internal.leave.group.on.close": flag(true),
  "isolation.level": choice("read_uncommitted", ["read_uncommitted", "read_committed"]),
  "max.partition.fetch.bytes": integer(1048576, 0, INT),
  "max.poll.interval.ms": integer(300000, 1, INT),
  "max.poll.records": integer(500, 1, INT),
  "partition.assignment.strategy": text("range,cooperative-sticky"),
  "session.timeout.ms": integer(45000, 1, INT),
};

export interface AdminSettings extends CommonClientSettings {
  readonly "default.api.timeout.ms": number;
}

export const adminSettings: TableOf<AdminSettings> = {
  ...commonSettings,
  "default.api.timeout.ms": integer(60000, 0, INT),
};
