/** An admin client as kafkajs has it, with what of it is built. */
import type { SettingValue } from "../../core/settings/definition.ts";
import type { GroupDescription } from "./consumer-api.ts";

export interface NewTopicConfig {
  readonly topic: string;
  /** Default: the broker's. */
  readonly numPartitions?: number;
  readonly replicationFactor?: number;
  readonly configEntries?: readonly { readonly name: string; readonly value: SettingValue }[];
}

export interface TopicMetadata {
  readonly name: string;
  readonly partitions: readonly {
    readonly partitionId: number;
    readonly leader: number;
    readonly replicas: readonly number[];
    readonly isr: readonly number[];
    readonly partitionErrorCode: number;
  }[];
}

export interface TopicOffsets {
  readonly partition: number;
  /** As `high`. */
  readonly offset: string;
  /** Where the log ends. */
  readonly high: string;
  /** Where it begins. */
  readonly low: string;
}

export interface GroupOffsets {
  readonly topic: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly offset: string;
    readonly metadata: string | null;
  }[];
}

/** Promises reject with a KafkaError. Each call is tried again until default.api.timeout.ms. */
export interface AppAdmin {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  listTopics(): Promise<string[]>;
  /** False when one of them was there before. */
  createTopics(given: { readonly topics: readonly NewTopicConfig[] }): Promise<boolean>;
  /** `count` is how many the topic is to have. */
  createPartitions(given: {
    readonly topicPartitions: readonly { readonly topic: string; readonly count: number }[];
  }): Promise<void>;
  fetchTopicMetadata(given?: {
    readonly topics?: readonly string[];
  }): Promise<{ readonly topics: TopicMetadata[] }>;
  fetchTopicOffsets(topic: string): Promise<TopicOffsets[]>;
  /** What a group has committed; of all topics that it has read, unless some are named. */
  fetchOffsets(given: {
    readonly groupId: string;
    readonly topics?: readonly string[];
  }): Promise<GroupOffsets[]>;
  /** Only for a group without members. */
  setOffsets(given: {
    readonly groupId: string;
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
  }): Promise<void>;
  listGroups(): Promise<{
    readonly groups: readonly { readonly groupId: string; readonly protocolType: string }[];
  }>;
  describeGroups(
    groupIds: readonly string[],
  ): Promise<{ readonly groups: readonly GroupDescription[] }>;
  deleteGroups(
    groupIds: readonly string[],
  ): Promise<readonly { readonly groupId: string; readonly errorCode: number }[]>;
}
