/**
 * Hands batches to the user's handler (kafkajs' runner). After each message, or batch, it is resolved; a
 * heartbeat is sent if it is time, and what is resolved is committed if it is time. What was resolved before
 * the handler threw is committed before the error goes on.
 */
import type { EachBatchPayload, OffsetsByTopic, RunOptions } from "./consumer-api.ts";
import type { EventEmitter } from "./consumer-events.ts";
import { consumerEvents } from "./consumer-events.ts";
import type { Committer } from "./committer.ts";
import { offsetsByTopic } from "./committer.ts";
import { KafkaError } from "./kafka-error.ts";
import type { OffsetBook } from "./offset-book.ts";
import type { Pauses } from "./pauses.ts";
import type { PromisedConsumer } from "./promised-consumer.ts";
import type { RecordBatch } from "./received.ts";
import type { Seeks } from "./seeks.ts";
import { positionOf } from "./seeks.ts";

export interface BatchWorkerOptions {
  readonly run: RunOptions;
  readonly link: PromisedConsumer;
  readonly book: OffsetBook;
  readonly committer: Committer;
  readonly events: EventEmitter;
  readonly pauses: Pauses;
  readonly seeks: Seeks;
  readonly isRunning: () => boolean;
  /** What was paused or resumed concerns the poll under way. */
  readonly pausesChanged: () => void;
}

export class BatchWorker {
  readonly #options: BatchWorkerOptions;

  constructor(options: BatchWorkerOptions) {
    this.#options = options;
  }

  /** Whether a batch is handed out at all. */
  wants({ topic, partition }: RecordBatch): boolean {
    const { pauses, seeks, isRunning } = this.#options;
    return isRunning() && !seeks.has(topic, partition) && !pauses.has(topic, partition);
  }

  async handle(batch: RecordBatch): Promise<void> {
    const { run, events, committer } = this.#options;
    const { topic, partition, messages, highWatermark } = batch;
    const told = {
      topic,
      partition,
      highWatermark,
      offsetLag: batch.offsetLag(),
      offsetLagLow: batch.offsetLagLow(),
      batchSize: messages.length,
      firstOffset: batch.firstOffset(),
      lastOffset: batch.lastOffset(),
    };
    events.emit(consumerEvents.START_BATCH_PROCESS, told);
    if (run.eachMessage !== undefined) await this.#eachMessage(batch, run.eachMessage);
    else if (run.eachBatch !== undefined) await this.#eachBatch(batch, run.eachBatch);
    events.emit(consumerEvents.END_BATCH_PROCESS, told);
    if (committer.isAutomatic) await committer.commit();
    await this.heartbeat();
  }

  /** Sends one if it is time. Learns of a rebalance: what is resolved is committed before that is told. */
  async heartbeat(): Promise<void> {
    const { link, events, committer } = this.#options;
    if (!link.isHeartbeatDue) return;
    const { groupId, memberId, generationId } = link.groupMetadata;
    const result = await link.heartbeat();
    if (result.kind === "failed") {
      const error = new KafkaError(result.error);
      if (isRebalancing(error) && committer.isAutomatic) await committer.commit();
      throw error;
    }
    if (result.kind === "early") return;
    const payload = { groupId, memberId, groupGenerationId: generationId };
    events.emit(consumerEvents.HEARTBEAT, payload);
  }

  async #eachMessage(
    batch: RecordBatch,
    handler: NonNullable<RunOptions["eachMessage"]>,
  ): Promise<void> {
    const { book, committer } = this.#options;
    const { topic, partition } = batch;
    const pause = this.#pauseOf(batch);
    for (const message of batch.messages) {
      // A seek, a pause or a stop in the handler of the message before.
      if (!this.wants(batch)) return;
      const heartbeat = (): Promise<void> => this.heartbeat();
      await this.#attempt(() => handler({ topic, partition, message, heartbeat, pause }));
      book.resolve(topic, partition, Number(message.offset));
      await this.heartbeat();
      if (committer.isAutomatic) await committer.commitIfNecessary();
    }
  }

  async #eachBatch(
    batch: RecordBatch,
    handler: NonNullable<RunOptions["eachBatch"]>,
  ): Promise<void> {
    const { run, book, committer, seeks, isRunning } = this.#options;
    const { topic, partition } = batch;
    const payload: EachBatchPayload = {
      batch,
      resolveOffset: (given) => {
        const { offset } = positionOf("resolveOffset()", { topic, partition, offset: given }, 0);
        // What lies behind the last record is nothing that user code could resolve.
        book.resolve(topic, partition, offset === batch.lastRecord ? batch.last : offset);
      },
      heartbeat: () => this.heartbeat(),
      pause: this.#pauseOf(batch),
      commitOffsetsIfNecessary: async (offsets) => {
        if (offsets === undefined) await committer.commitIfNecessary();
        else await committer.commit(positionsOf(offsets));
      },
      uncommittedOffsets: () => offsetsByTopic(book.uncommitted()),
      isRunning,
      isStale: () => seeks.has(topic, partition),
    };
    await this.#attempt(() => handler(payload));
    if (run.eachBatchAutoResolve ?? true) book.resolve(topic, partition, batch.last);
  }

  async #attempt(handle: () => Promise<void>): Promise<void> {
    try {
      await handle();
    } catch (error) {
      const { committer } = this.#options;
      if (committer.isAutomatic) await committer.commit();
      throw error;
    }
  }

  #pauseOf({ topic, partition }: RecordBatch): () => () => void {
    const { pauses, pausesChanged } = this.#options;
    const those = [{ topic, partitions: [partition] }];
    return () => {
      pauses.pause(those);
      pausesChanged();
      return () => {
        pauses.resume(those);
        pausesChanged();
      };
    };
  }
}

function positionsOf({ topics }: OffsetsByTopic): ReturnType<typeof positionOf>[] {
  return topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset }) =>
      positionOf("commitOffsetsIfNecessary()", { topic, partition, offset }, 0),
    ),
  );
}

/** The group has moved on without this member: it has to join again before anything else. */
export function isRebalancing(error: unknown): boolean {
  if (!(error instanceof KafkaError)) return false;
  return ["REBALANCE_IN_PROGRESS", "NOT_COORDINATOR", "ILLEGAL_GENERATION"].includes(error.type);
}
