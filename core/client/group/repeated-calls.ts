/**
 * Calls of the user that wait for the coordinator: each is tried, with a growing pause in between, until
 * it succeeds, fails for good, or its time is over. Nothing is told inside the call that starts one.
 */
import type { Ports } from "../../ports.ts";
import type { ConsumerSettings } from "../../settings/client-settings.ts";
import { ExponentialBackoff } from "../backoff.ts";
import { CLIENT_LANE } from "../client-network.ts";
import { DeadlineTimer } from "../deadline-timer.ts";
import type { CoordinatorLookup } from "./coordinator-lookup.ts";

/** Ends an attempt; false when the call was over before, so that nothing may be told any more. */
export type EndAttempt = (verdict: "done" | "again") => boolean;

export interface RepeatedCall {
  readonly deadlineMs: number;
  /** Asks the coordinator, which is known. */
  readonly attempt: (end: EndAttempt) => void;
  /** Its time is over (null), or the coordinator cannot be found for that reason. */
  readonly failed: (fatal: string | null) => void;
}

interface OpenCall extends RepeatedCall {
  isAsking: boolean;
  isTried: boolean;
  isOver: boolean;
  failures: number;
  retryAtMs: number;
}

export class RepeatedCalls {
  readonly #ports: Ports;
  readonly #lookup: CoordinatorLookup;
  readonly #backoff: ExponentialBackoff;
  readonly #timer: DeadlineTimer;
  readonly #open: Set<OpenCall> = new Set();

  /** `name` is what the timer and the draws are called. */
  constructor(
    ports: Ports,
    name: string,
    clientId: string,
    settings: ConsumerSettings,
    lookup: CoordinatorLookup,
  ) {
    this.#ports = ports;
    this.#lookup = lookup;
    const [initialMs, maxMs] = [settings["retry.backoff.ms"], settings["retry.backoff.max.ms"]];
    this.#backoff = new ExponentialBackoff(ports.random, `${name} backoff`, initialMs, maxMs);
    this.#timer = new DeadlineTimer(
      ports.timers.timer(CLIENT_LANE, `${name} ${clientId}`, () => {
        this.#timer.fired();
        this.progress();
      }),
    );
  }

  /** Some call is not over. */
  get isBusy(): boolean {
    return this.#open.size > 0;
  }

  start(call: RepeatedCall): void {
    const open: OpenCall = {
      ...call,
      isAsking: false,
      isTried: false,
      isOver: false,
      failures: 0,
      retryAtMs: -Infinity,
    };
    this.#open.add(open);
    this.#ports.work.later(CLIENT_LANE, "call of the coordinator", () => this.#try(open));
  }

  /** Tries what can be tried now. */
  progress(): void {
    for (const call of this.#open) this.#try(call);
  }

  close(): void {
    this.#timer.cancel();
    for (const call of this.#open) call.isOver = true;
    this.#open.clear();
  }

  #try(call: OpenCall): void {
    if (call.isOver) return;
    const nowMs = this.#ports.clock.monotonicMs();
    if (call.deadlineMs <= nowMs) return this.#expire(call);
    this.#timer.armNoLaterThan(call.deadlineMs, nowMs);
    if (call.isAsking) return;
    if (call.retryAtMs > nowMs) return this.#timer.armNoLaterThan(call.retryAtMs, nowMs);
    if (this.#lookup.channel === null) {
      const fatal = this.#lookup.takeFatal();
      if (fatal !== null) return this.#fail(call, fatal);
      return this.#lookup.find();
    }
    this.#attempt(call);
  }

  /** A call without any time is sent nonetheless, if that is possible at once. */
  #expire(call: OpenCall): void {
    if (!call.isTried && this.#lookup.channel !== null) this.#attempt(call);
    if (!call.isOver) this.#fail(call, null);
  }

  #attempt(call: OpenCall): void {
    call.isAsking = true;
    call.isTried = true;
    call.attempt((verdict) => {
      call.isAsking = false;
      if (call.isOver) return false;
      if (verdict === "done") this.#finish(call);
      else this.#backOff(call);
      return true;
    });
  }

  #backOff(call: OpenCall): void {
    const nowMs = this.#ports.clock.monotonicMs();
    call.failures += 1;
    call.retryAtMs = nowMs + this.#backoff.delayMs(call.failures);
    this.#timer.armNoLaterThan(Math.min(call.retryAtMs, call.deadlineMs), nowMs);
  }

  #fail(call: OpenCall, fatal: string | null): void {
    this.#finish(call);
    call.failed(fatal);
  }

  #finish(call: OpenCall): void {
    call.isOver = true;
    this.#open.delete(call);
  }
}
