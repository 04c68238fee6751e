/** What a consumer tells those who listen, by the names that kafkajs gives them. */
import { NonRetriableError } from "./kafka-error.ts";

export const consumerEvents = {
  CONNECT: "consumer.connect",
  GROUP_JOIN: "consumer.group_join",
  HEARTBEAT: "consumer.heartbeat",
  COMMIT_OFFSETS: "consumer.commit_offsets",
  START_BATCH_PROCESS: "consumer.start_batch_process",
  END_BATCH_PROCESS: "consumer.end_batch_process",
  REBALANCING: "consumer.rebalancing",
  CRASH: "consumer.crash",
  STOP: "consumer.stop",
  DISCONNECT: "consumer.disconnect",
} as const;

export type ConsumerEvents = typeof consumerEvents;
export type ConsumerEventName = ConsumerEvents[keyof ConsumerEvents];

export interface ConsumerEvent {
  /** Counts the events of a consumer. */
  readonly id: number;
  readonly type: ConsumerEventName;
  /** Of this node's wall clock, in ms. */
  readonly timestamp: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

export type ConsumerListener = (event: ConsumerEvent) => void | Promise<void>;

export class EventEmitter {
  readonly #now: () => number;
  /** What a listener threw is of no consequence, and told only to those who watch the run. */
  readonly #onFailed: (error: unknown) => void;
  readonly #listeners: Map<string, Set<{ readonly listener: ConsumerListener }>> = new Map();
  #count = 0;

  constructor(now: () => number, onFailed: (error: unknown) => void) {
    this.#now = now;
    this.#onFailed = onFailed;
  }

  /** Returns what removes the listener again. */
  on(name: ConsumerEventName, listener: ConsumerListener): () => void {
    if (!Object.values(consumerEvents).includes(name)) {
      const names = Object.keys(consumerEvents).map((key) => `consumer.events.${key}`);
      throw new NonRetriableError(`on("${String(name)}"): is not one of ${names.join(", ")}`);
    }
    let listeners = this.#listeners.get(name);
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()));
    const entry = { listener };
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  /** Listeners run at once, in the order in which they came; what they do later is not waited for. */
  emit(type: ConsumerEventName, payload: ConsumerEvent["payload"] = {}): void {
    this.#count += 1;
    const event = { id: this.#count, type, timestamp: this.#now(), payload };
    for (const { listener } of this.#listeners.get(type) ?? []) {
      const call = async (): Promise<void> => listener(event);
      call().catch((error: unknown) => this.#onFailed(error));
    }
  }
}
