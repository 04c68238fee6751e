/**
 * One run of a consumer, from joining its group to leaving it: fetch, hand out, commit, fetch. What fails is
 * tried again with growing pauses, from the first record that is not resolved; after too many failures, or
 * one that no attempt can mend, the run has crashed. Failures are counted until the group is joined anew,
 * whatever succeeds in between, as kafkajs does.
 */
import type { Consumer } from "../../core/client/consumer.ts";
import type { ConsumerSettings } from "../../core/settings/client-settings.ts";
import type { AppTimers } from "./app-timers.ts";
import type { AppProcess } from "./app-process.ts";
import { BatchWorker, isRebalancing } from "./batch-worker.ts";
import { Committer } from "./committer.ts";
import type { ConsumerConfig, RunOptions } from "./consumer-api.ts";
import type { EventEmitter } from "./consumer-events.ts";
import { consumerEvents } from "./consumer-events.ts";
import { asError, KafkaError, NonRetriableError, RetriesExceededError } from "./kafka-error.ts";
import { OffsetBook } from "./offset-book.ts";
import { Pauses } from "./pauses.ts";
import type { GroupChange, Happening, PromisedConsumer } from "./promised-consumer.ts";
import type { Origins } from "./received.ts";
import { byPartition, RecordBatch } from "./received.ts";
import { isWorthRetrying, RetryTimes } from "./retry-times.ts";
import { EARLIEST, LATEST, Seeks } from "./seeks.ts";

export interface RunnerOptions {
  readonly process: AppProcess;
  readonly timers: AppTimers;
  readonly config: ConsumerConfig;
  readonly settings: ConsumerSettings;
  readonly run: RunOptions;
  readonly events: EventEmitter;
  readonly origins: Origins;
  /** Called when a crashed run has left its group. */
  readonly onCrash: (error: Error) => Promise<void>;
}

export class ConsumerRunner {
  readonly pauses: Pauses = new Pauses();
  readonly seeks: Seeks = new Seeks();
  readonly committer: Committer;
  readonly link: PromisedConsumer;
  readonly #options: RunnerOptions;
  readonly #book: OffsetBook = new OffsetBook();
  readonly #worker: BatchWorker;
  /** Partitions that are to be fetched again from where user code is. */
  readonly #unfinished: Set<string> = new Set();
  readonly #over: Promise<void>;
  #isRunning = true;
  #joinedFirst: () => void = () => undefined;
  #joiningSinceMs: number;

  /** `link` is new. */
  constructor(link: PromisedConsumer, options: RunnerOptions) {
    this.link = link;
    this.#options = options;
    const { run, events, timers } = options;
    const nowMs = (): number => timers.nowMs();
    const common = { run, link, book: this.#book, events };
    this.committer = new Committer({ ...common, nowMs });
    this.#worker = new BatchWorker({
      ...common,
      committer: this.committer,
      pauses: this.pauses,
      seeks: this.seeks,
      isRunning: () => this.#isRunning,
      pausesChanged: () => this.pausesChanged(),
    });
    this.#joiningSinceMs = nowMs();
    this.#over = this.#live();
  }

  /** Resolves when it has joined the group, or crashed. */
  joined(): Promise<void> {
    const first = new Promise<void>((resolve) => (this.#joinedFirst = resolve));
    return Promise.race([first, this.#over]);
  }

  /** Resolves when the handler has ended and the group is left. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.link.wake();
    await this.#over;
  }

  /** The poll under way need not wait for its end to learn of it. */
  pausesChanged(): void {
    void this.link.change("pause", (consumer) => this.#applyPauses(consumer));
  }

  // ---- its life -------------------------------------------------------------------------------

  async #live(): Promise<void> {
    const crash = await this.#work();
    this.#isRunning = false;
    await this.#leave();
    if (crash !== null) await this.#options.onCrash(crash);
  }

  /** Goes on until it is stopped (null) or has crashed. */
  async #work(): Promise<Error | null> {
    const { timers } = this.#options;
    let retry = this.#newRetry();
    while (this.#isRunning) {
      try {
        await this.#cycle();
      } catch (thrown) {
        const error = asError(thrown);
        this.#tell(error);
        if (isRebalancing(error) || (error as KafkaError).type === "UNKNOWN_MEMBER_ID") {
          this.#startOver(isRebalancing(error));
          retry = this.#newRetry();
        } else if (!isWorthRetrying(error)) {
          return new NonRetriableError(error.message, error);
        } else if (retry.isExhausted) {
          return new RetriesExceededError(error, retry.retryCount, retry.retryTime);
        } else {
          await timers.sleep(retry.take());
        }
      }
    }
    return null;
  }

  #newRetry(): RetryTimes {
    const { config, timers } = this.#options;
    return new RetryTimes(config.retry ?? {}, (bound) => timers.below("retry", bound));
  }

  /** The next poll joins the group again. */
  #startOver(isTold: boolean): void {
    const { events, timers } = this.#options;
    this.#joiningSinceMs = timers.nowMs();
    if (!isTold) return;
    const { groupId, memberId } = this.link.groupMetadata;
    events.emit(consumerEvents.REBALANCING, { groupId, memberId });
  }

  async #leave(): Promise<void> {
    await this.link.close();
    for (;;) {
      const happening = await this.link.next(0, () => undefined);
      if (happening.kind === "closed") return;
      if ("done" in happening) await this.#groupChanged(happening);
    }
  }

  // ---- one fetch ------------------------------------------------------------------------------

  async #cycle(): Promise<void> {
    const { settings } = this.#options;
    await this.#commitSeeks();
    const happening = await this.link.next(settings["fetch.max.wait.ms"], (consumer) => {
      this.#applySeeks(consumer);
      this.#rewind(consumer);
      this.#applyPauses(consumer);
    });
    switch (happening.kind) {
      case "records":
        return this.#handle(happening);
      case "error":
        throw new KafkaError(happening.error);
      case "nothing":
      case "closed":
        return this.#worker.heartbeat();
      default:
        return this.#groupChanged(happening);
    }
  }

  async #handle({ records }: Extract<Happening, { kind: "records" }>): Promise<void> {
    const { config, origins } = this.#options;
    const batches = byPartition(records).map((those) => {
      const { topic, partition, offset } = those[0]!;
      const next = this.link.position(topic, partition) ?? offset;
      const end = this.link.highWatermark(topic, partition) ?? next;
      // Until it is done with, a failure of whatever comes before has it fetched again.
      this.#unfinished.add(`${topic}-${partition}`);
      this.#book.begin(topic, partition, offset);
      return new RecordBatch(those, next, end, config.groupId, origins);
    });
    for (const batch of batches) {
      if (!this.#worker.wants(batch)) continue;
      await this.#worker.handle(batch);
      const { topic, partition, lastRecord } = batch;
      const next = this.#book.next(topic, partition);
      if (next !== null && next > lastRecord) this.#unfinished.delete(`${topic}-${partition}`);
    }
  }

  // ---- before a fetch: where it begins --------------------------------------------------------

  /** With autoCommit, a seek moves the whole group. */
  async #commitSeeks(): Promise<void> {
    if (!this.committer.isAutomatic) return;
    for (const seek of this.seeks.all()) {
      const isOffset = seek.offset >= 0 && this.link.owns(seek.topic, seek.partition);
      if (!isOffset || seek.isCommitted) continue;
      await this.committer.commit([seek]);
      seek.isCommitted = true;
    }
  }

  #applySeeks(consumer: Consumer): void {
    for (const seek of this.seeks.all()) {
      const { topic, partition, offset } = seek;
      if (!this.link.owns(topic, partition)) continue;
      this.seeks.delete(seek);
      this.#unfinished.delete(`${topic}-${partition}`);
      this.#book.forget([seek]);
      if (offset === EARLIEST) consumer.seekToBeginning([seek]);
      else if (offset === LATEST) consumer.seekToEnd([seek]);
      else {
        consumer.seek(topic, partition, offset);
        this.#book.begin(topic, partition, seek.isCommitted ? offset : -1);
        if (!seek.isCommitted) this.#book.resolve(topic, partition, offset - 1);
      }
    }
  }

  /** What was fetched and not worked on is fetched again. */
  #rewind(consumer: Consumer): void {
    for (const { topic, partition } of consumer.assignment) {
      if (!this.#unfinished.has(`${topic}-${partition}`)) continue;
      const position = consumer.position(topic, partition);
      const next = this.#book.next(topic, partition);
      if (position !== null && next !== null && next < position) {
        consumer.seek(topic, partition, next);
      }
    }
    this.#unfinished.clear();
  }

  #applyPauses(consumer: Consumer): void {
    const paused = new Set(consumer.paused.map(({ topic, partition }) => `${topic}-${partition}`));
    for (const one of consumer.assignment) {
      const isPaused = this.pauses.has(one.topic, one.partition);
      if (isPaused === paused.has(`${one.topic}-${one.partition}`)) continue;
      if (isPaused) consumer.pause([one]);
      else consumer.resume([one]);
    }
  }

  // ---- the group ------------------------------------------------------------------------------

  async #groupChanged(change: GroupChange): Promise<void> {
    const { kind, partitions } = change;
    const listener = this.#options.config.rebalanceListener ?? {};
    try {
      if (kind === "assigned") {
        this.committer.restart();
        this.#tellJoined();
        await listener.assigned?.(partitions);
      } else if (kind === "revoked") {
        if (this.committer.isAutomatic) await this.committer.commit();
        await listener.revoked?.(partitions);
      } else {
        await (listener.lost?.(partitions) ?? listener.revoked?.(partitions));
      }
    } catch (error) {
      this.#tell(asError(error));
    }
    if (kind !== "assigned") this.#forget(partitions);
    await this.link.answer(change);
    if (kind === "assigned") this.#joinedFirst();
  }

  #forget(partitions: GroupChange["partitions"]): void {
    this.#book.forget(partitions);
    for (const { topic, partition } of partitions) this.#unfinished.delete(`${topic}-${partition}`);
  }

  #tellJoined(): void {
    const { events, timers } = this.#options;
    const { groupId, memberId, leader, protocol } = this.link.groupMetadata;
    const memberAssignment: Record<string, number[]> = {};
    for (const { topic, partition } of this.link.assignment) {
      (memberAssignment[topic] ??= []).push(partition);
    }
    events.emit(consumerEvents.GROUP_JOIN, {
      groupId,
      memberId,
      leaderId: leader,
      isLeader: leader === memberId,
      memberAssignment,
      groupProtocol: protocol,
      duration: timers.nowMs() - this.#joiningSinceMs,
    });
  }

  /** Those who watch the run learn of what user code need not see. */
  #tell(error: Error): void {
    const { process, config } = this.#options;
    process.tell(`consumer of ${config.groupId}`, error);
  }
}
