/**
 * Settings of a broker or a controller (KafkaConfig and its parts).
 *
 * Differs from Kafka: lower bounds that exist only for production are relaxed. log.roll.ms is the
 * only name of log.roll.hours; log.dir is one directory. queued.max.requests has no effect, nor have,
 * with one voter, controller.quorum.election.timeout.ms and its backoff.
 */
import type { Definition, SettingValue, TableOf } from "./definition.ts";
import { flag, integer, resolveSettings, text } from "./definition.ts";
import type { TopicSettings } from "./topic-settings.ts";
import { brokerSynonyms, topicSettings } from "./topic-settings.ts";

const INT = 2147483647;

export interface BrokerOwnSettings {
  readonly "auto.create.topics.enable": boolean;
  readonly "auto.leader.rebalance.enable": boolean;
  readonly "broker.heartbeat.interval.ms": number;
  readonly "broker.rack": string;
  readonly "broker.session.timeout.ms": number;
  readonly "controlled.shutdown.enable": boolean;
  readonly "controller.quorum.append.linger.ms": number;
  readonly "controller.quorum.election.backoff.max.ms": number;
  readonly "controller.quorum.election.timeout.ms": number;
  readonly "controller.quorum.fetch.max.bytes": number;
  readonly "controller.quorum.fetch.timeout.ms": number;
  readonly "controller.quorum.request.timeout.ms": number;
  readonly "controller.quorum.retry.backoff.ms": number;
  readonly "default.replication.factor": number;
  readonly "fetch.max.bytes": number;
  readonly "group.initial.rebalance.delay.ms": number;
  readonly "group.max.session.timeout.ms": number;
  readonly "group.max.size": number;
  readonly "group.min.session.timeout.ms": number;
  readonly "initial.broker.registration.timeout.ms": number;
  readonly "leader.imbalance.check.interval.seconds": number;
  readonly "log.dir": string;
  readonly "log.flush.offset.checkpoint.interval.ms": number;
  readonly "log.flush.start.offset.checkpoint.interval.ms": number;
  readonly "max.incremental.fetch.session.cache.slots": number;
  readonly "metadata.log.max.record.bytes.between.snapshots": number;
  readonly "metadata.log.max.snapshot.interval.ms": number;
  readonly "metadata.log.segment.bytes": number;
  readonly "metadata.log.segment.ms": number;
  readonly "metadata.max.idle.interval.ms": number;
  readonly "metadata.max.retention.bytes": number;
  readonly "metadata.max.retention.ms": number;
  readonly "num.partitions": number;
  readonly "offset.metadata.max.bytes": number;
  readonly "offsets.commit.timeout.ms": number;
  readonly "offsets.load.buffer.size": number;
  readonly "offsets.retention.check.interval.ms": number;
  readonly "offsets.retention.minutes": number;
  readonly "offsets.topic.num.partitions": number;
  readonly "offsets.topic.replication.factor": number;
  readonly "offsets.topic.segment.bytes": number;
  readonly "producer.id.expiration.check.interval.ms": number;
  readonly "producer.id.expiration.ms": number;
  readonly "queued.max.requests": number;
  readonly "replica.fetch.backoff.ms": number;
  readonly "replica.fetch.max.bytes": number;
  readonly "replica.fetch.min.bytes": number;
  readonly "replica.fetch.response.max.bytes": number;
  readonly "replica.fetch.wait.max.ms": number;
  readonly "replica.high.watermark.checkpoint.interval.ms": number;
  readonly "replica.lag.time.max.ms": number;
  readonly "replica.socket.timeout.ms": number;
  readonly "request.timeout.ms": number;
  readonly "unclean.leader.election.interval.ms": number;
}

const ownSettings: TableOf<BrokerOwnSettings> = {
  "auto.create.topics.enable": flag(true),
  "auto.leader.rebalance.enable": flag(true),
  "broker.heartbeat.interval.ms": integer(2000, 1, INT),
  "broker.rack": text(""),
  "broker.session.timeout.ms": integer(9000, 1, INT),
  "controlled.shutdown.enable": flag(true),
  "controller.quorum.append.linger.ms": integer(25, 0, INT),
  "controller.quorum.election.backoff.max.ms": integer(1000, 0, INT),
  "controller.quorum.election.timeout.ms": integer(1000, 1, INT),
  "controller.quorum.fetch.max.bytes": integer(1048576, 1, INT),
  "controller.quorum.fetch.timeout.ms": integer(2000, 1, INT),
  "controller.quorum.request.timeout.ms": integer(2000, 1, INT),
  "controller.quorum.retry.backoff.ms": integer(20, 0, INT),
  "default.replication.factor": integer(1, 1, 32767),
  "fetch.max.bytes": integer(57671680, 1024, INT),
  "group.initial.rebalance.delay.ms": integer(3000, 0, INT),
  "group.max.session.timeout.ms": integer(1800000, 1, INT),
  "group.max.size": integer(INT, 1, INT),
  "group.min.session.timeout.ms": integer(6000, 1, INT),
  "initial.broker.registration.timeout.ms": integer(60000, 1, INT),
  "leader.imbalance.check.interval.seconds": integer(300, 1, INT),
  "log.dir": text("data"),
  "log.flush.offset.checkpoint.interval.ms": integer(60000, 1, INT),
  "log.flush.start.offset.checkpoint.interval.ms": integer(60000, 1, INT),
  "max.incremental.fetch.session.cache.slots": integer(1000, 0, INT),
  "metadata.log.max.record.bytes.between.snapshots": integer(20971520, 1, INT),
  "metadata.log.max.snapshot.interval.ms": integer(3600000, 0, INT),
  "metadata.log.segment.bytes": integer(1073741824, 61, INT),
  "metadata.log.segment.ms": integer(604800000, 1, Number.MAX_SAFE_INTEGER),
  "metadata.max.idle.interval.ms": integer(500, 0, INT),
  "metadata.max.retention.bytes": integer(104857600, -1, Number.MAX_SAFE_INTEGER),
  "metadata.max.retention.ms": integer(604800000, -1, Number.MAX_SAFE_INTEGER),
  "num.partitions": integer(1, 1, INT),
  "offset.metadata.max.bytes": integer(4096, 0, INT),
  "offsets.commit.timeout.ms": integer(5000, 1, INT),
  "offsets.load.buffer.size": integer(5242880, 1, INT),
  "offsets.retention.check.interval.ms": integer(600000, 1, Number.MAX_SAFE_INTEGER),
  "offsets.retention.minutes": integer(10080, 1, INT),
  "offsets.topic.num.partitions": integer(50, 1, INT),
  "offsets.topic.replication.factor": integer(3, 1, 32767),
  "offsets.topic.segment.bytes": integer(104857600, 14, INT),
  "producer.id.expiration.check.interval.ms": integer(600000, 1, INT),
  "producer.id.expiration.ms": integer(86400000, 1, INT),
  "queued.max.requests": integer(500, 1, INT),
  "replica.fetch.backoff.ms": integer(1000, 0, INT),
  "replica.fetch.max.bytes": integer(1048576, 0, INT),
  "replica.fetch.min.bytes": integer(1, 0, INT),
  "replica.fetch.response.max.bytes": integer(10485760, 0, INT),
  "replica.fetch.wait.max.ms": integer(500, 0, INT),
  "replica.high.watermark.checkpoint.interval.ms": integer(5000, 1, INT),
  "replica.lag.time.max.ms": integer(30000, 1, INT),
  "replica.socket.timeout.ms": integer(30000, 1, INT),
  "request.timeout.ms": integer(30000, 1, INT),
  "unclean.leader.election.interval.ms": integer(300000, 1, INT),
};

/** The broker's defaults of topic settings, under the names that brokers give them. */
const topicDefaults: Readonly<Record<string, Definition>> = Object.fromEntries(
  Object.entries(topicSettings).map(([name, definition]) => [
    brokerSynonyms[name as keyof TopicSettings],
    definition,
  ]),
);

/** Its own settings, and its defaults of topic settings under the names that brokers give them. */
export type BrokerSettings = BrokerOwnSettings & Readonly<Record<string, SettingValue>>;

/** Every setting that a broker or a controller takes. */
export const brokerSettings: Readonly<Record<string, Definition>> = {
  ...topicDefaults,
  ...ownSettings,
};

/** All settings of a node; throws a SettingError for an unknown name or a bad value. */
export function resolveBrokerSettings(
  given: Readonly<Record<string, SettingValue>>,
): BrokerSettings {
  return resolveSettings(brokerSettings as unknown as TableOf<BrokerSettings>, given);
}
