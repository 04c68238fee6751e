/**
 * What asynchronous user code sees: a client process of a plan as Node programs write one, with promises.
 * Producer, consumers and admin client have the shape of kafkajs', so that code written for it runs here.
 *
 * Differs from kafkajs: the producer is Kafka 4's, with its linger, idempotence and retries; acks,
 * compression and timeouts are settings of the client in the plan. connect() resolves without having met a
 * broker, as Java's KafkaProducer starts. A client has one producer, which cannot be connected again, and
 * runs one consumer at a time. Records of one call that go to one partition may travel in several batches:
 * its metadata has the offset of the first.
 */
import type { AppAdmin } from "./admin-api.ts";
import type { AppConsumer, ConsumerConfig, ReceivedMessage } from "./consumer-api.ts";

/** The user's program: started when the client's process boots, and anew when it boots again. */
export type AppMain = (app: App) => Promise<void>;

/** By client id. */
export type Apps = Readonly<Record<string, AppMain>>;

export interface App {
  /** Of the client in the plan. */
  readonly id: string;
  readonly kafka: AppKafka;
  readonly producer: AppProducer;
  /** As `kafka.consumer`. */
  consumer(config: ConsumerConfig): AppConsumer;
  /** As `kafka.admin`. */
  admin(): AppAdmin;
  readonly effects: AppEffects;
  readonly random: AppRandom;
  /** Resolves when this node's monotonic clock has advanced so far; `ms` >= 0, fractions count. */
  sleep(ms: number): Promise<void>;
  /** This node's wall clock in ms since 1970; faults may put it wrong. */
  now(): number;
}

/** What `new Kafka()` gives in kafkajs. */
export interface AppKafka {
  /** The client's one producer; its settings are the plan's. */
  producer(config?: Readonly<Record<string, never>>): AppProducer;
  consumer(config: ConsumerConfig): AppConsumer;
  admin(): AppAdmin;
}

/** A message as a handler got it, or the payload of eachMessage that it came in. */
export type AppMessageRef = ReceivedMessage | { readonly message: ReceivedMessage };

/**
 * The store outside that what is read leads to: a database, a payment, a mail. It survives every crash, and
 * what was put into it is what a run is judged by.
 */
export interface AppEffects {
  /**
   * The effect of a record: takes some ms, and is there at their end, whether or not the program lives to
   * learn of it.
   */
  put(message: AppMessageRef): Promise<void>;
}

export interface AppRandom {
  /**
   * An integer in [0, bound). Drawn for `purpose`: a draw for another purpose in the same place does not
   * change what this one gives.
   */
  below(purpose: string, bound: number): number;
}

/** Every promise of it rejects with a KafkaError, or with a TypeError for arguments that are no good. */
export interface AppProducer {
  connect(): Promise<void>;
  /**
   * Resolves when every message is acknowledged; when all have their result and some failed, it rejects
   * with the first failure. Others of the same call may be in the log then. With acks=0 it resolves to
   * no metadata.
   */
  send(record: ProducerSend): Promise<RecordMetadata[]>;
  /** Gives up what is not acknowledged yet. */
  disconnect(): Promise<void>;
}

export interface ProducerSend {
  readonly topic: string;
  readonly messages: readonly AppMessage[];
  /** If given, it has to be what the client has in the plan: -1 for all, 0 or 1. */
  readonly acks?: number;
}

export interface AppMessage {
  readonly key?: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  /** Without it, the partitioner chooses. */
  readonly partition?: number;
  /** CreateTime in ms since 1970; default `now()`. */
  readonly timestamp?: number | string;
  readonly headers?: Readonly<Record<string, AppHeader | readonly AppHeader[]>>;
}

export type AppHeader = string | Uint8Array;

/** Of the messages of one call that went to one partition. */
export interface RecordMetadata {
  readonly topicName: string;
  readonly partition: number;
  /** 0: what failed rejects. */
  readonly errorCode: number;
  /** Offset of the first of them; "-1" where the broker did not say. */
  readonly baseOffset: string;
}
