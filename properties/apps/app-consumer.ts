/** The consumer that user code holds: what kafkajs' has, kept across the runs of it. */
import type { ConsumerSettings } from "../../core/settings/client-settings.ts";
import type { ClientContext } from "../cluster/client-node.ts";
import type { AppProcess } from "./app-process.ts";
import type { AppTimers } from "./app-timers.ts";
import type {
  AppConsumer,
  ConsumerConfig,
  GroupDescription,
  RunOptions,
  SubscribeOptions,
  TopicPartitionOffset,
} from "./consumer-api.ts";
import { checkRunOptions, consumerSettingsOf, known } from "./consumer-config.ts";
import type { ConsumerEventName, ConsumerEvents, ConsumerListener } from "./consumer-events.ts";
import { consumerEvents, EventEmitter } from "./consumer-events.ts";
import { ConsumerRunner } from "./consumer-runner.ts";
import { KafkaError, NonRetriableError, RetriesExceededError } from "./kafka-error.ts";
import type { Lookups } from "./lookups.ts";
import type { TopicPartitions } from "./pauses.ts";
import { PromisedConsumer } from "./promised-consumer.ts";
import type { Origins } from "./received.ts";
import { RetryTimes } from "./retry-times.ts";
import { EARLIEST, positionOf } from "./seeks.ts";
import { topicsOf } from "./topics-of.ts";

/** What the consumers of one process share. */
export interface ConsumerSurroundings {
  readonly process: AppProcess;
  readonly context: ClientContext;
  readonly timers: AppTimers;
  readonly lookups: Lookups;
  readonly origins: Origins;
  /** Groups of consumers that run now: facts tell of one reader in a process. */
  readonly running: Set<string>;
  /** The number of the next run, for its name among the members of the group. */
  readonly nextRun: () => number;
}

export class GroupConsumer implements AppConsumer {
  readonly events: ConsumerEvents = consumerEvents;
  readonly #around: ConsumerSurroundings;
  readonly #config: ConsumerConfig;
  readonly #settings: ConsumerSettings;
  readonly #emitter: EventEmitter;
  readonly #fromBeginning: Map<string, boolean> = new Map();
  #runner: ConsumerRunner | null = null;
  /** A run begins and has no runner yet. */
  #isStarting = false;
  /** Counts what was begun and ended by user code: a restart that waits belongs to an earlier one. */
  #turn = 0;

  constructor(config: ConsumerConfig, around: ConsumerSurroundings) {
    this.#around = around;
    this.#config = config;
    this.#settings = consumerSettingsOf(config, around.context.settingsOf("consumer"));
    const { timers, process } = around;
    this.#emitter = new EventEmitter(
      () => timers.wallMs(),
      (error) => process.tell(`listener of ${config.groupId}`, error),
    );
  }

  async connect(): Promise<void> {
    await this.#around.process.call<void>("connect", "", (settle) => settle.resolve());
    this.#emitter.emit(consumerEvents.CONNECT);
  }

  async disconnect(): Promise<void> {
    await this.stop();
    this.#emitter.emit(consumerEvents.DISCONNECT);
  }

  async subscribe(given: SubscribeOptions): Promise<void> {
    this.#refuseRunning();
    known("subscribe()", given, ["topic", "topics", "fromBeginning"]);
    const { lookups } = this.#around;
    const mayMake = this.#settings["allow.auto.create.topics"];
    const topics = await topicsOf(given, lookups, mayMake);
    this.#refuseRunning();
    for (const topic of topics) this.#fromBeginning.set(topic, given.fromBeginning ?? false);
  }

  async run(given: RunOptions = {}): Promise<void> {
    checkRunOptions(given);
    if (this.#runner !== null || this.#isStarting) return;
    if (this.#fromBeginning.size === 0) {
      throw new NonRetriableError("run(): the consumer is not subscribed to any topic");
    }
    const [other] = this.#around.running;
    if (other !== undefined) {
      const { client } = this.#around.process;
      const remedy = "the plan needs a client of its own for this one";
      throw new NonRetriableError(
        `run(): ${client} already runs a consumer of ${other}: ${remedy}`,
      );
    }
    this.#turn += 1;
    await this.#start(given);
  }

  async stop(): Promise<void> {
    this.#turn += 1;
    const runner = this.#runner;
    if (runner === null) return;
    await runner.stop();
    // A crash, or another call, may have come first.
    if (this.#runner !== runner) return;
    this.#ended();
    this.#emitter.emit(consumerEvents.STOP);
  }

  seek(to: TopicPartitionOffset): void {
    const position = positionOf("seek()", to, EARLIEST);
    const { seeks, link } = this.#needRunner("seek()");
    seeks.set(position);
    void link.wake();
  }

  pause(topics: readonly TopicPartitions[] = []): void {
    const runner = this.#needRunner("pause()");
    runner.pauses.pause(topics);
    runner.pausesChanged();
  }

  resume(topics: readonly TopicPartitions[] = []): void {
    const runner = this.#needRunner("resume()");
    runner.pauses.resume(topics);
    runner.pausesChanged();
  }

  paused(): { readonly topic: string; readonly partitions: readonly number[] }[] {
    if (this.#runner === null) return [];
    const { link, pauses } = this.#runner;
    const paused = new Map<string, number[]>();
    for (const { topic, partition } of link.assignment) {
      if (!pauses.has(topic, partition)) continue;
      paused.set(
        topic,
        [...(paused.get(topic) ?? []), partition].sort((a, b) => a - b),
      );
    }
    return [...paused].map(([topic, partitions]) => ({ topic, partitions }));
  }

  async commitOffsets(
    offsets: readonly (TopicPartitionOffset & { readonly metadata?: string | null })[],
  ): Promise<void> {
    const positions = offsets.map((given) => {
      const position = positionOf("commitOffsets()", given, 0);
      return given.metadata ? { ...position, metadata: given.metadata } : position;
    });
    const runner = this.#needRunner("commitOffsets()");
    const { timers } = this.#around;
    const retry = new RetryTimes(this.#config.retry ?? {}, (bound) => timers.below("retry", bound));
    for (;;) {
      try {
        return await runner.committer.commit(positions);
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        if (!error.retriable) throw new NonRetriableError(error.message, error);
        if (retry.isExhausted) {
          throw new RetriesExceededError(error, retry.retryCount, retry.retryTime);
        }
        await timers.sleep(retry.take());
        if (this.#runner !== runner) return;
      }
    }
  }

  describeGroup(): Promise<GroupDescription> {
    return this.#around.lookups.describeGroup(this.#config.groupId);
  }

  on(event: ConsumerEventName, listener: ConsumerListener): () => void {
    return this.#emitter.on(event, listener);
  }

  // ---- runs -----------------------------------------------------------------------------------

  async #start(run: RunOptions): Promise<void> {
    const { process, context, timers, origins, running, nextRun } = this.#around;
    const turn = this.#turn;
    this.#isStarting = true;
    running.add(this.#config.groupId);
    const link = await process.call<PromisedConsumer>("join", this.#config.groupId, (settle) =>
      settle.resolve(
        new PromisedConsumer(process, context, {
          clientId: `${process.client}-consumer-${nextRun()}`,
          settings: this.#settings,
          topics: [...this.#fromBeginning.keys()],
          resetOf: (topic) => (this.#fromBeginning.get(topic) === true ? "earliest" : "latest"),
        }),
      ),
    );
    this.#isStarting = false;
    this.#emitter.emit(consumerEvents.CONNECT);
    const runner: ConsumerRunner = new ConsumerRunner(link, {
      process,
      timers,
      config: this.#config,
      settings: this.#settings,
      run,
      events: this.#emitter,
      origins,
      onCrash: (error) => this.#crashed(error, run, turn),
    });
    this.#runner = runner;
    // It was stopped before it could begin.
    if (turn === this.#turn) await runner.joined();
    else await this.stop();
  }

  /** Its run is over and its group left: it starts again by itself, unless it was stopped meanwhile. */
  async #crashed(error: Error, run: RunOptions, turn: number): Promise<void> {
    this.#ended();
    this.#emitter.emit(consumerEvents.STOP);
    this.#emitter.emit(consumerEvents.DISCONNECT);
    const restart = await this.#restarts(error);
    const { groupId, retry } = this.#config;
    this.#emitter.emit(consumerEvents.CRASH, { error, groupId, restart });
    this.#around.process.tell(`consumer of ${groupId} crashed`, error);
    if (!restart) return;
    const { timers } = this.#around;
    const pause = error instanceof RetriesExceededError ? error.retryTime : null;
    void timers.sleep(pause ?? retry?.initialRetryTime ?? 300).then(async () => {
      if (turn === this.#turn) await this.#start(run);
    });
  }

  /** Only what may pass by itself is worth another start. */
  async #restarts(error: Error): Promise<boolean> {
    const cause = originOf(error) as { retriable?: boolean };
    if (!(error instanceof RetriesExceededError) && cause.retriable !== true) return false;
    const ask = this.#config.retry?.restartOnFailure;
    if (ask === undefined) return true;
    try {
      return await ask(error);
    } catch (failure) {
      this.#around.process.tell("restartOnFailure", failure);
      return true;
    }
  }

  #ended(): void {
    this.#runner = null;
    this.#around.running.delete(this.#config.groupId);
  }

  #needRunner(call: string): ConsumerRunner {
    if (this.#runner !== null) return this.#runner;
    throw new NonRetriableError(`${call}: the consumer does not run: call run() first`);
  }

  #refuseRunning(): void {
    if (this.#runner === null && !this.#isStarting) return;
    throw new NonRetriableError(
      "subscribe(): the consumer runs: it must be subscribed before run()",
    );
  }
}

function originOf(error: Error): Error {
  return error.cause instanceof Error ? originOf(error.cause) : error;
}
