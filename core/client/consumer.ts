/**
 * A consumer of assigned partitions (KafkaConsumer.java without groups). poll() takes a callback, which
 * never runs inside a call of the consumer's user; it may call the consumer. Requests are sent only
 * while a poll waits, and once more when it is answered, so that the next data is on its way.
 *
 * Differs from Kafka: a partition whose fetch failed is not fetched again before retry.backoff.ms
 * (Java's consumer asks again at once); a batch with a bad CRC is fetched again after its error was
 * told, instead of being kept; that a partition has no position is reported once, not by every poll.
 */
import type { Offset } from "../ids.ts";
import type { Ports, Timer } from "../ports.ts";
import { assert } from "../assert.ts";
import type { Rules } from "../rules.ts";
import type { ConsumerSettings } from "../settings/client-settings.ts";
import { AssignedPartitions } from "./assigned-partitions.ts";
import type { PartitionMetadata } from "./client-metadata.ts";
import { ClientMetadata } from "./client-metadata.ts";
import { CLIENT_LANE } from "./client-network.ts";
import type { ConsumedRecord } from "./completed-fetch.ts";
import type { ConsumerPartition } from "./consumer-partition.ts";

export type { ConsumedRecord } from "./completed-fetch.ts";

/** `records` is empty when the time was up; partitions may be mixed, each is in order. */
export type PollResult =
  | { readonly kind: "records"; readonly records: readonly ConsumedRecord[] }
  | { readonly kind: "error"; readonly error: string };

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface ConsumerOptions {
  readonly clientId: string;
  /** Hosts of the bootstrap servers. */
  readonly bootstrap: readonly string[];
  readonly settings: ConsumerSettings;
  readonly rules: Rules;
}

export class Consumer {
  readonly #ports: Ports;
  readonly #metadata: ClientMetadata;
  readonly #partitions: AssignedPartitions;
  readonly #pollTimer: Timer;
  /** For poll() to report, one at a time. */
  readonly #errors: string[] = [];
  #waiting: ((result: PollResult) => void) | null = null;
  #isClosed = false;

  constructor(ports: Ports, options: ConsumerOptions) {
    const { clientId, bootstrap, settings, rules } = options;
    this.#ports = ports;
    this.#metadata = new ClientMetadata(ports, {
      clientId,
      bootstrap,
      settings,
      rules: rules.client,
      allowAutoTopicCreation: settings["allow.auto.create.topics"],
      maxIdleMs: Infinity,
      onUpdate: (changed) => this.#metadataUpdated(changed),
      onReady: () => this.#advance(),
    });
    this.#partitions = new AssignedPartitions(ports, {
      clientId,
      settings,
      rules,
      metadata: this.#metadata,
      onError: (error) => this.#errors.push(error),
      onProgress: () => this.#advance(),
    });
    this.#pollTimer = ports.timers.timer(CLIENT_LANE, `poll ${clientId}`, () => this.#timeUp());
  }

  /** Replaces the assignment. A partition that stays keeps its position. */
  assign(partitions: readonly TopicPartition[]): void {
    this.#partitions.assign(
      new Set(partitions.map(({ topic, partition }) => this.#metadata.partition(topic, partition))),
    );
  }

  /**
   * Asks for records: at most max.poll.records of them, as soon as there are any, else none after
   * `timeoutMs`. One at a time.
   */
  poll(timeoutMs: number, done: (result: PollResult) => void): void {
    assert(this.#waiting === null, "one poll at a time");
    assert(!this.#isClosed, "poll on a closed consumer");
    this.#waiting = done;
    this.#pollTimer.set(timeoutMs);
    this.#partitions.reportUnset();
    if (this.#errors.length > 0 || !this.#partitions.isEmpty) {
      this.#ports.work.later(CLIENT_LANE, "poll", () => this.#advance());
    } else {
      this.#partitions.ask();
    }
  }

  /** Goes on from that offset, whatever is there. */
  seek(topic: string, partition: number, offset: Offset): void {
    this.#partitions.seek(this.#find(topic, partition), offset);
  }

  /** Goes on from the first offset of each, as its leader will tell. */
  seekToBeginning(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      this.#partitions.seekToEndOf(this.#find(topic, partition), "earliest");
    }
  }

  /** Goes on from the end of each, as its leader will tell. */
  seekToEnd(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      this.#partitions.seekToEndOf(this.#find(topic, partition), "latest");
    }
  }

  /** Offset of the next record that poll() will return; null while it is not known. */
  position(topic: string, partition: number): Offset | null {
    const found = this.#find(topic, partition);
    return found.hasPosition ? found.offset : null;
  }

  /** A waiting poll gets no answer any more. */
  close(): void {
    this.#isClosed = true;
    this.#waiting = null;
    this.#pollTimer.cancel();
    this.#partitions.close();
    this.#metadata.close();
  }

  /** Something changed: answers the poll that waits if there is something for it, else asks on. */
  #advance(): void {
    if (this.#waiting === null) return;
    const error = this.#errors.shift();
    if (error !== undefined) return this.#answer({ kind: "error", error });
    const records = this.#partitions.collect();
    this.#partitions.ask();
    if (records.length > 0) this.#answer({ kind: "records", records });
  }

  #timeUp(): void {
    this.#advance();
    if (this.#waiting !== null) this.#answer({ kind: "records", records: [] });
  }

  #answer(result: PollResult): void {
    const done = this.#waiting;
    this.#waiting = null;
    this.#pollTimer.cancel();
    done?.(result);
  }

  #metadataUpdated(changed: readonly PartitionMetadata[]): void {
    this.#partitions.metadataUpdated(changed);
    this.#advance();
  }

  #find(topic: string, partition: number): ConsumerPartition {
    return this.#partitions.find(this.#metadata.partition(topic, partition));
  }
}
