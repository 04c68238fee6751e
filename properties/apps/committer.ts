/** When what user code has resolved is committed (kafkajs' offset manager), and that it is told. */
import type { OffsetsByTopic, RunOptions } from "./consumer-api.ts";
import type { EventEmitter } from "./consumer-events.ts";
import { consumerEvents } from "./consumer-events.ts";
import type { OffsetBook, PartitionPosition } from "./offset-book.ts";
import type { PromisedConsumer } from "./promised-consumer.ts";

export interface CommitterOptions {
  readonly run: RunOptions;
  readonly link: PromisedConsumer;
  readonly book: OffsetBook;
  readonly events: EventEmitter;
  readonly nowMs: () => number;
}

export class Committer {
  readonly #options: CommitterOptions;
  #lastMs: number;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#lastMs = options.nowMs();
  }

  get isAutomatic(): boolean {
    return this.#options.run.autoCommit ?? true;
  }

  /** These, or what is resolved and not committed. Rejects with what the coordinator says. */
  async commit(
    positions: readonly (PartitionPosition & {
      readonly metadata?: string;
    })[] = this.#options.book.uncommitted(),
  ): Promise<void> {
    const { link, book, events, nowMs } = this.#options;
    if (positions.length > 0) {
      const { groupId, memberId, generationId } = link.groupMetadata;
      await link.commit(positions);
      book.committed(positions);
      const { topics } = offsetsByTopic(positions);
      const payload = { groupId, memberId, groupGenerationId: generationId, topics };
      events.emit(consumerEvents.COMMIT_OFFSETS, payload);
    }
    this.#lastMs = nowMs();
  }

  /** Commits what is resolved if autoCommitInterval or autoCommitThreshold say so. */
  async commitIfNecessary(): Promise<void> {
    const { run, book, nowMs } = this.#options;
    const { autoCommitInterval: interval = null, autoCommitThreshold: threshold = null } = run;
    const isTime = interval !== null && nowMs() >= this.#lastMs + interval;
    if (isTime || (threshold !== null && book.resolvedCount >= threshold)) await this.commit();
  }

  /** The assignment is new: the interval begins anew. */
  restart(): void {
    this.#lastMs = this.#options.nowMs();
  }
}

export function offsetsByTopic(positions: readonly PartitionPosition[]): OffsetsByTopic {
  const topics = new Map<string, { readonly partition: number; readonly offset: string }[]>();
  for (const { topic, partition, offset } of positions) {
    const entry = { partition, offset: String(offset) };
    const before = topics.get(topic);
    if (before === undefined) topics.set(topic, [entry]);
    else before.push(entry);
  }
  return { topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })) };
}
