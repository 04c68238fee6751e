import type {
  ConsumedRecord,
  PollResult,
  RebalanceListener,
  TopicPartition,
} from "../../core/client/consumer.ts";
import { Consumer } from "../../core/client/consumer.ts";
import { CLIENT_LANE } from "../../core/client/client-network.ts";
import type { Timer } from "../../core/ports.ts";
import { consumerSettings } from "../../core/settings/client-settings.ts";
import type { ConsumerSettings } from "../../core/settings/client-settings.ts";
import { resolveSettings } from "../../core/settings/definition.ts";
import type { MemberPlan, Operation, Subscribed } from "../plan/plan.ts";
import type { ClientContext, ClientNode } from "./client-node.ts";
import { Effects } from "./effects.ts";
import { misdirected } from "./misdirected.ts";
import { Progress } from "./member-progress.ts";

/** How long one poll() waits for records. */
const POLL_TIMEOUT_MS = 1000;
/** Before it polls again after an error. */
const PAUSE_AFTER_ERROR_MS = 100;

/** What a program does not survive (KafkaConsumer.poll throws it again and again). */
const fatal: ReadonlySet<string> = new Set([
  "FENCED_INSTANCE_ID",
  "INCONSISTENT_GROUP_PROTOCOL",
  "INVALID_SESSION_TIMEOUT",
  "INVALID_GROUP_ID",
  "GROUP_MAX_SIZE_REACHED",
]);

/**
 * A member of a group and the program around it, as most applications have it: poll, work on each record,
 * put its effect into the store outside, commit, poll again. When partitions are taken from it, it commits
 * what it has worked on. An error that no further poll mends ends the program, but not its process.
 */
export class MemberNode implements ClientNode {
  readonly #plan: MemberPlan;
  readonly #context: ClientContext;
  readonly #settings: ConsumerSettings;
  readonly #effects: Effects;
  readonly #pause: Timer;
  #subscribe: Subscribed;
  /** Null while it is closed. */
  #consumer: Consumer | null = null;
  #progress: Progress = new Progress();
  #wantsRecords = true;
  /** Polls, works or commits: its next poll follows by itself. */
  #isBusy = false;
  /** What is done when the consumer that is being closed is closed; null while none is. */
  #whenClosed: (() => void) | null = null;

  constructor(plan: MemberPlan, context: ClientContext) {
    const { ports, settingsOf } = context;
    this.#plan = plan;
    this.#context = context;
    this.#subscribe = plan.subscribe;
    const settings = settingsOf("consumer");
    this.#settings = resolveSettings<ConsumerSettings>(consumerSettings, settings);
    this.#pause = ports.timers.timer(CLIENT_LANE, "pause after an error", () => this.#poll());
    this.#effects = new Effects(ports, {
      group: this.#settings["group.id"],
      workUs: plan.workUs,
      done: (record) => this.#progress.worked(record),
    });
    if (context.isOpen) this.#open();
  }

  perform(operation: Operation): void {
    switch (operation.op) {
      case "open-consumer":
        return this.#open();
      case "close-consumer":
        return this.#close(() => undefined);
      case "pause-polling":
        this.#wantsRecords = false;
        return;
      case "resume-polling":
        this.#wantsRecords = true;
        return this.#poll();
      case "subscribe":
        this.#subscribe = operation.subscribe;
        return this.#subscribeAgain();
      default:
        misdirected(operation);
    }
  }

  terminate(): void {
    this.#close(() => this.#context.ports.host.exit("terminated"));
  }

  #open(): void {
    if (this.#consumer !== null) return;
    if (this.#whenClosed !== null) {
      // close() returns first.
      this.#whenClosed = () => this.#open();
      return;
    }
    const { ports, bootstrap, rules } = this.#context;
    this.#progress = new Progress();
    this.#consumer = new Consumer(ports, {
      clientId: this.#plan.id,
      bootstrap,
      settings: this.#settings,
      rules,
    });
    this.#subscribeAgain();
    this.#poll();
  }

  /** Work that is under way is given up: it has no effect. */
  #close(closed: () => void): void {
    const consumer = this.#consumer;
    this.#consumer = null;
    this.#effects.drop();
    this.#pause.cancel();
    this.#isBusy = false;
    if (this.#whenClosed !== null) {
      this.#whenClosed = closed;
    } else if (consumer === null) {
      closed();
    } else {
      this.#whenClosed = closed;
      consumer.close(undefined, () => {
        const then = this.#whenClosed;
        this.#whenClosed = null;
        const group = this.#settings["group.id"];
        this.#context.ports.probe?.emit({ kind: "consumer-closed", group });
        then?.();
      });
    }
  }

  #subscribeAgain(): void {
    const listener: RebalanceListener = {
      revoked: (partitions, done) => this.#revoked(partitions, done),
      lost: (partitions, done) => {
        this.#progress.forget(partitions);
        done();
      },
    };
    if ("pattern" in this.#subscribe) {
      this.#consumer?.subscribePattern(this.#subscribe.pattern, listener);
    } else {
      this.#consumer?.subscribe(this.#subscribe.topics, listener);
    }
  }

  /** Others get them when this is done. */
  #revoked(partitions: readonly TopicPartition[], done: () => void): void {
    const offsets = this.#progress.uncommittedOf(partitions);
    this.#progress.forget(partitions);
    const { commit } = this.#plan;
    const consumer = this.#consumer;
    const commits = commit === "sync" || commit === "async";
    if (consumer === null || offsets.length === 0 || !commits) return done();
    consumer.commitSync(offsets, (result) => {
      if (result.kind === "failed") this.#told("commit on revoke", result.error);
      done();
    });
  }

  #poll(): void {
    const consumer = this.#consumer;
    if (consumer === null || this.#isBusy || !this.#wantsRecords) return;
    this.#isBusy = true;
    consumer.poll(POLL_TIMEOUT_MS, (result) => this.#polled(consumer, result));
  }

  #polled(consumer: Consumer, result: PollResult): void {
    if (consumer !== this.#consumer) return;
    if (result.kind === "error") {
      this.#told("poll", result.error);
      this.#isBusy = false;
      if (fatal.has(result.error)) this.#close(() => undefined);
      else this.#pause.set(PAUSE_AFTER_ERROR_MS);
      return;
    }
    const { records } = result;
    if (records.length === 0) return this.#pollAgain();
    const mode = this.#plan.commit;
    if (this.#plan.handOff) {
      this.#effects.work(records, () => undefined);
      this.#pollAgain();
    } else if (mode === "before") {
      this.#progress.delivered(records);
      this.#commit(consumer, "sync", () => this.#work(consumer, records, () => this.#pollAgain()));
    } else {
      this.#work(consumer, records, () => {
        if (mode === "none") this.#pollAgain();
        else this.#commit(consumer, mode, () => this.#pollAgain());
      });
    }
  }

  #work(consumer: Consumer, records: readonly ConsumedRecord[], then: () => void): void {
    this.#effects.work(records, () => {
      if (consumer === this.#consumer) then();
    });
  }

  #commit(consumer: Consumer, mode: "sync" | "async", then: () => void): void {
    const offsets = this.#progress.uncommitted();
    if (mode === "async") {
      consumer.commitAsync(offsets, (result) => {
        if (result.kind === "failed") this.#told("commitAsync", result.error);
      });
      this.#progress.committed(offsets);
      return then();
    }
    consumer.commitSync(offsets, (result) => {
      if (consumer !== this.#consumer) return;
      if (result.kind === "committed") this.#progress.committed(offsets);
      else this.#told("commitSync", result.error);
      then();
    });
  }

  #pollAgain(): void {
    this.#isBusy = false;
    this.#poll();
  }

  #told(where: string, error: string): void {
    this.#context.ports.probe?.emit({ kind: "client-error", where, error });
  }
}
