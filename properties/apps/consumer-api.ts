/**
 * A consumer as kafkajs has it, on virtual time. Promises reject with a KafkaError: `name`, `type`, `code`,
 * `retriable`. Offsets are text; a committed offset is that of the next record.
 *
 * Differs from kafkajs: underneath is Kafka 4's client, so a commit is tried again for request.timeout.ms
 * and a coordinator that moves is found without a restart. What kafkajs lacks is had by Kafka's names in
 * `settings` (group.instance.id, partition.assignment.strategy) and by `rebalanceListener`.
 */
import type { TopicPartition } from "../../core/client/consumer.ts";
import type { SettingValue } from "../../core/settings/definition.ts";
import type { ConsumerEventName, ConsumerEvents, ConsumerListener } from "./consumer-events.ts";
import type { TopicPartitions } from "./pauses.ts";
import type { RetryOptions } from "./retry-times.ts";

/** Times in ms; defaults as in kafkajs. The plan's settings for consumers apply where none is given. */
export interface ConsumerConfig {
  readonly groupId: string;
  /** 30000. Heartbeats are sent between records, so that work on one must not take as long. */
  readonly sessionTimeout?: number;
  /** 60000: how long the group waits for members that are to join again. */
  readonly rebalanceTimeout?: number;
  /** 3000. */
  readonly heartbeatInterval?: number;
  readonly metadataMaxAge?: number;
  readonly allowAutoTopicCreation?: boolean;
  readonly maxBytesPerPartition?: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  /** 5000: how long a fetch waits for data; heartbeats are sent between fetches. */
  readonly maxWaitTimeInMs?: number;
  readonly readUncommitted?: boolean;
  readonly retry?: RetryOptions;
  /** Anything else, by Kafka's names. */
  readonly settings?: Readonly<Record<string, SettingValue>>;
  /** Told of partitions that come and go; the group waits for what it does. */
  readonly rebalanceListener?: AppRebalanceListener;
}

/** Offsets may be committed in `revoked`, before others get the partitions. */
export interface AppRebalanceListener {
  assigned?(partitions: readonly TopicPartition[]): void | Promise<void>;
  revoked?(partitions: readonly TopicPartition[]): void | Promise<void>;
  /** Others may have them already; without it `revoked` is called. */
  lost?(partitions: readonly TopicPartition[]): void | Promise<void>;
}

export interface SubscribeOptions {
  readonly topic?: string | RegExp;
  readonly topics?: readonly (string | RegExp)[];
  /** Where to begin when the group has committed nothing; default false: at the end. */
  readonly fromBeginning?: boolean;
}

export interface RunOptions {
  /** Default true: after each batch, and as the next two say. */
  readonly autoCommit?: boolean;
  readonly autoCommitInterval?: number | null;
  readonly autoCommitThreshold?: number | null;
  /** Default true: a batch is done with when `eachBatch` returns. */
  readonly eachBatchAutoResolve?: boolean;
  /** Only 1. */
  readonly partitionsConsumedConcurrently?: number;
  readonly eachMessage?: (payload: EachMessagePayload) => Promise<void>;
  readonly eachBatch?: (payload: EachBatchPayload) => Promise<void>;
}

export interface ReceivedMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** CreateTime in ms since 1970, as text. */
  readonly timestamp: string;
  readonly attributes: number;
  readonly offset: string;
  /** A list where a name occurs more than once. */
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[] | undefined>>;
}

export interface EachMessagePayload {
  readonly topic: string;
  readonly partition: number;
  readonly message: ReceivedMessage;
  /** Sends a heartbeat if it is time. */
  heartbeat(): Promise<void>;
  /** Pauses this partition; what it returns resumes it. */
  pause(): () => void;
}

export interface ReceivedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly highWatermark: string;
  readonly messages: readonly ReceivedMessage[];
  isEmpty(): boolean;
  firstOffset(): string | null;
  lastOffset(): string;
  offsetLag(): string;
  offsetLagLow(): string;
}

export interface EachBatchPayload {
  readonly batch: ReceivedBatch;
  /** Everything up to this offset is done with. */
  resolveOffset(offset: string): void;
  heartbeat(): Promise<void>;
  pause(): () => void;
  /** Without argument: what is resolved, if autoCommitInterval or autoCommitThreshold say so. */
  commitOffsetsIfNecessary(offsets?: OffsetsByTopic): Promise<void>;
  uncommittedOffsets(): OffsetsByTopic;
  isRunning(): boolean;
  /** A seek has made the batch pointless. */
  isStale(): boolean;
}

export interface OffsetsByTopic {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
  }[];
}

export interface TopicPartitionOffset extends TopicPartition {
  readonly offset: string;
}

export interface GroupMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly memberMetadata: Buffer;
  readonly memberAssignment: Buffer;
}

export interface GroupDescription {
  readonly errorCode: number;
  readonly groupId: string;
  readonly state: string;
  readonly protocolType: string;
  readonly protocol: string;
  readonly members: readonly GroupMember[];
}

export interface AppConsumer {
  readonly events: ConsumerEvents;
  connect(): Promise<void>;
  /** Stops, if it runs. */
  disconnect(): Promise<void>;
  /** Before `run` only. A topic that is not there rejects: UNKNOWN_TOPIC_OR_PARTITION. */
  subscribe(options: SubscribeOptions): Promise<void>;
  /** Resolves when it has joined its group, and goes on by itself. */
  run(options?: RunOptions): Promise<void>;
  /** Resolves when the handler has ended and the group is left. */
  stop(): Promise<void>;
  /** Goes on from there with the next fetch; -2 is the beginning, -1 the end. */
  seek(to: TopicPartitionOffset): void;
  pause(topics: readonly TopicPartitions[]): void;
  resume(topics: readonly TopicPartitions[]): void;
  paused(): { readonly topic: string; readonly partitions: readonly number[] }[];
  commitOffsets(
    offsets: readonly (TopicPartitionOffset & { readonly metadata?: string | null })[],
  ): Promise<void>;
  describeGroup(): Promise<GroupDescription>;
  /** Returns what ends the listening. */
  on(event: ConsumerEventName, listener: ConsumerListener): () => void;
}
