/**
 * What the user wants to be told about partitions (ConsumerRebalanceListener.java). Everything else of the
 * consumer's poll waits until `done` was called, so that commits can be made meanwhile; `done` takes what
 * went wrong in user code.
 */
import type { Ports } from "../../ports.ts";
import type { TopicPartition } from "../../group/assignors/assignor.ts";
import { CLIENT_LANE } from "../client-network.ts";

export type ListenerDone = (error?: string) => void;
export type ListenerCall = (partitions: readonly TopicPartition[], done: ListenerDone) => void;

export interface RebalanceListener {
  /** They are owned from now on; a seek here decides where they begin. */
  readonly assigned?: ListenerCall | undefined;
  /** They go to others as soon as this is done. */
  readonly revoked?: ListenerCall | undefined;
  /** Others may have them already; `revoked` is called when this is absent. */
  readonly lost?: ListenerCall | undefined;
}

export type ListenerEvent = keyof RebalanceListener;

/** Calls a listener, and what is to follow when it is done, one after the other. */
export class ListenerCalls {
  readonly #ports: Ports;
  readonly #onError: (error: string) => void;
  readonly #onIdle: () => void;
  readonly #queue: (() => void)[] = [];
  #isRunning = false;

  /** `onIdle` is called when nothing is running any more. */
  constructor(ports: Ports, onError: (error: string) => void, onIdle: () => void) {
    this.#ports = ports;
    this.#onError = onError;
    this.#onIdle = onIdle;
  }

  /** User code has its turn. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Calls it and then `next`: at once when nobody listens, else in an input of its own. */
  call(
    listener: RebalanceListener | null,
    event: ListenerEvent,
    partitions: readonly TopicPartition[],
    next: () => void,
  ): void {
    const call = listener?.[event] ?? (event === "lost" ? listener?.revoked : undefined);
    if (call === undefined) return next();
    this.#isRunning = true;
    let isDone = false;
    call(partitions, (error) => {
      if (isDone) return;
      isDone = true;
      this.#ports.work.later(CLIENT_LANE, "listener done", () => {
        if (error !== undefined) this.#onError(error);
        this.#isRunning = false;
        next();
        this.#goOn();
      });
    });
  }

  /** Runs `step` when no user code is running. */
  whenIdle(step: () => void): void {
    if (this.#isRunning) this.#queue.push(step);
    else step();
  }

  #goOn(): void {
    while (!this.#isRunning) {
      const step = this.#queue.shift();
      if (step === undefined) return this.#onIdle();
      step();
    }
  }
}
