/**
 * Settings of a topic (TopicConfig.java, LogConfig.java).
 *
 * Differs from Kafka: segment.bytes may be smaller than 1 MB and index.interval.bytes may be 1, so
 * that short runs roll segments. cleanup.policy=compact is taken, but nothing compacts yet.
 */
import { choice, flag, integer } from "./definition.ts";
import type { TableOf } from "./definition.ts";

const FOREVER = Number.MAX_SAFE_INTEGER;

export interface TopicSettings {
  readonly "cleanup.policy": string;
  readonly "compression.type": string;
  readonly "flush.messages": number;
  readonly "flush.ms": number;
  readonly "index.interval.bytes": number;
  readonly "max.message.bytes": number;
  readonly "message.timestamp.after.max.ms": number;
  readonly "message.timestamp.before.max.ms": number;
  readonly "message.timestamp.type": string;
  readonly "min.insync.replicas": number;
  readonly "segment.bytes": number;
  readonly "segment.index.bytes": number;
  readonly "segment.ms": number;
  readonly "unclean.leader.election.enable": boolean;
}

export const topicSettings: TableOf<TopicSettings> = {
  "cleanup.policy": choice("delete", ["delete", "compact"]),
  "compression.type": choice("producer", ["producer", "uncompressed", "gzip"]),
  "flush.messages": integer(FOREVER, 1),
  "flush.ms": integer(FOREVER, 0),
  "index.interval.bytes": integer(4096, 0),
  "max.message.bytes": integer(1048588, 0),
  "message.timestamp.after.max.ms": integer(3600000, 0),
  "message.timestamp.before.max.ms": integer(FOREVER, 0),
  "message.timestamp.type": choice("CreateTime", ["CreateTime", "LogAppendTime"]),
  "min.insync.replicas": integer(1, 1),
  "segment.bytes": integer(1073741824, 61),
  "segment.index.bytes": integer(10485760, 24),
  "segment.ms": integer(604800000, 1),
  "unclean.leader.election.enable": flag(false),
};

export type TopicSettingName = keyof TopicSettings;

/** What a broker calls its default of each topic setting (ServerTopicConfigSynonyms.java). */
export const brokerSynonyms: Readonly<Record<TopicSettingName, string>> = {
  "cleanup.policy": "log.cleanup.policy",
  "compression.type": "compression.type",
  "flush.messages": "log.flush.interval.messages",
  "flush.ms": "log.flush.interval.ms",
  "index.interval.bytes": "log.index.interval.bytes",
  "max.message.bytes": "message.max.bytes",
  "message.timestamp.after.max.ms": "log.message.timestamp.after.max.ms",
  "message.timestamp.before.max.ms": "log.message.timestamp.before.max.ms",
  "message.timestamp.type": "log.message.timestamp.type",
  "min.insync.replicas": "min.insync.replicas",
  "segment.bytes": "log.segment.bytes",
  "segment.index.bytes": "log.index.size.max.bytes",
  "segment.ms": "log.roll.ms",
  "unclean.leader.election.enable": "unclean.leader.election.enable",
};
