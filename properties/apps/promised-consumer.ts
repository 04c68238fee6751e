/**
 * Core's consumer with promises instead of callbacks. What its polls and its group bring comes out of
 * `next`, one thing after the other, so that user code deals with one at a time: while it works, nobody
 * polls. Heartbeats are sent on call only, for kafkajs has no thread for them.
 */
import type {
  ConsumedRecord,
  HeartbeatResult,
  PartitionOffset,
  TopicPartition,
} from "../../core/client/consumer.ts";
import { Consumer } from "../../core/client/consumer.ts";
import type { RebalanceListener } from "../../core/client/group/rebalance-listener.ts";
import type { GroupId, Offset } from "../../core/ids.ts";
import type { Probe } from "../../core/ports.ts";
import type { ConsumerSettings } from "../../core/settings/client-settings.ts";
import type { ClientContext } from "../cluster/client-node.ts";
import type { AppProcess, Settle } from "./app-process.ts";
import { KafkaError } from "./kafka-error.ts";

export type GroupChange = {
  readonly kind: "assigned" | "revoked" | "lost";
  readonly partitions: readonly TopicPartition[];
  /** The group waits for it; to be called in an input. */
  readonly done: () => void;
};

export type Happening =
  | { readonly kind: "records"; readonly records: readonly ConsumedRecord[] }
  | { readonly kind: "error"; readonly error: string }
  | GroupChange
  /** Time is up, or somebody wants the loop to look up. */
  | { readonly kind: "nothing" }
  | { readonly kind: "closed" };

export interface PromisedConsumerOptions {
  readonly clientId: string;
  readonly settings: ConsumerSettings;
  readonly topics: readonly string[];
  readonly resetOf: (topic: string) => "earliest" | "latest";
}

/** Core's word for a commit of somebody who is no member any more; the protocol's is this. */
const COMMIT_FAILED = "COMMIT_FAILED";
const NO_MEMBER = "UNKNOWN_MEMBER_ID";

export class PromisedConsumer {
  readonly #process: AppProcess;
  readonly #consumer: Consumer;
  readonly #probe: Probe | null;
  readonly #group: GroupId;
  readonly #commitTimeoutMs: number;
  readonly #happened: Happening[] = [];
  #waiter: Settle<Happening> | null = null;
  #isPolling = false;
  #isClosing = false;

  /** To be called in an input. */
  constructor(process: AppProcess, context: ClientContext, options: PromisedConsumerOptions) {
    const { clientId, settings, topics, resetOf } = options;
    const { ports, bootstrap, rules } = context;
    this.#process = process;
    this.#probe = ports.probe;
    this.#group = settings["group.id"];
    this.#commitTimeoutMs = settings["request.timeout.ms"];
    this.#consumer = new Consumer(ports, {
      clientId,
      bootstrap,
      settings,
      rules,
      heartbeats: "on-call",
      fetchesAhead: false,
      resetOf,
    });
    const told =
      (kind: GroupChange["kind"]): NonNullable<RebalanceListener["assigned"]> =>
      (partitions, done) =>
        this.#push({ kind, partitions, done });
    const listener = { assigned: told("assigned"), revoked: told("revoked"), lost: told("lost") };
    this.#consumer.subscribe(topics, listener);
  }

  // ---- read between two inputs ----------------------------------------------------------------

  get assignment(): readonly TopicPartition[] {
    return this.#consumer.assignment;
  }

  get groupMetadata(): Consumer["groupMetadata"] & Consumer["generation"] {
    return { ...this.#consumer.groupMetadata, ...this.#consumer.generation };
  }

  get isHeartbeatDue(): boolean {
    return this.#consumer.isHeartbeatDue;
  }

  owns(topic: string, partition: number): boolean {
    return this.assignment.some((one) => one.topic === topic && one.partition === partition);
  }

  /** Of an owned partition. */
  position(topic: string, partition: number): Offset | null {
    return this.#consumer.position(topic, partition);
  }

  highWatermark(topic: string, partition: number): Offset | null {
    return this.#consumer.highWatermark(topic, partition);
  }

  // ---- promises -------------------------------------------------------------------------------

  /** What comes next; polls for `waitMs` unless something is there. `prepare` is called before that. */
  next(waitMs: number, prepare: (consumer: Consumer) => void): Promise<Happening> {
    return this.#process.call("poll", this.#group, (settle) => {
      const [first] = this.#happened;
      if (first === undefined && !this.#isClosing) prepare(this.#consumer);
      const waiting = this.#happened.shift();
      if (waiting !== undefined) return settle.resolve(waiting);
      this.#waiter = settle;
      if (!this.#isPolling && !this.#isClosing) this.#poll(waitMs);
    });
  }

  /** Changes something about the consumer that is polling. */
  change(what: string, change: (consumer: Consumer) => void): Promise<void> {
    return this.#process.call(what, this.#group, (settle) => {
      if (!this.#isClosing) change(this.#consumer);
      settle.resolve();
    });
  }

  /** Has a `next` that waits look up. */
  wake(): Promise<void> {
    return this.#process.call("wake", this.#group, (settle) => {
      if (this.#waiter !== null) this.#push({ kind: "nothing" });
      settle.resolve();
    });
  }

  /** User code is done with a change of its partitions. */
  answer({ kind, done }: GroupChange): Promise<void> {
    return this.#process.call(kind, this.#group, (settle) => {
      done();
      settle.resolve();
    });
  }

  commit(offsets: readonly PartitionOffset[]): Promise<void> {
    return this.#process.call("commit", this.#group, (settle) => {
      this.#consumer.commitSync(
        offsets,
        (result) => {
          if (result.kind === "committed") return settle.resolve();
          const type = result.error === COMMIT_FAILED ? NO_MEMBER : result.error;
          settle.reject(new KafkaError(type));
        },
        this.#commitTimeoutMs,
      );
    });
  }

  heartbeat(): Promise<HeartbeatResult> {
    return this.#process.call("heartbeat", this.#group, (settle) =>
      this.#consumer.heartbeat((result) => settle.resolve(result)),
    );
  }

  /** Leaves the group; "closed" comes out of `next` when it has, after what the group says before. */
  close(): Promise<void> {
    return this.#process.call("leave", this.#group, (settle) => {
      this.#isClosing = true;
      this.#consumer.close(undefined, () => {
        this.#probe?.emit({ kind: "consumer-closed", group: this.#group });
        this.#push({ kind: "closed" });
      });
      settle.resolve();
    });
  }

  // ---- inputs ---------------------------------------------------------------------------------

  #poll(waitMs: number): void {
    this.#isPolling = true;
    this.#consumer.poll(waitMs, (result) => {
      this.#isPolling = false;
      const isIdle = result.kind === "records" && result.records.length === 0;
      this.#push(isIdle ? { kind: "nothing" } : result);
    });
  }

  #push(happening: Happening): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    if (waiter === null) this.#happened.push(happening);
    else waiter.resolve(happening);
  }
}
