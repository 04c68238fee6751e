/**
 * The requests of an admin client, each tried again with backoff until its deadline (KafkaAdminClient's
 * own Call). What only one broker can answer names its host; everything else goes to some bootstrap
 * server.
 */
import { Errors, errorName } from "../../errors.ts";
import type { Outcome } from "../../network/client-channel.ts";
import type { Ports, Timer } from "../../ports.ts";
import type { ApiKey, RequestBody, ResponseBody } from "../../protocol/message.ts";
import type { AdminSettings } from "../../settings/client-settings.ts";
import { ExponentialBackoff } from "../backoff.ts";
import { CLIENT_LANE, ClientNetwork } from "../client-network.ts";

/** Errors of single topics, partitions or resources are in `value`; `failed`: nothing was answered. */
export type AdminResult<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "failed"; readonly error: string };

export type Done<T> = (result: AdminResult<T>) => void;

/** The error of a call whose answer was lost, for those that do not try it again by themselves. */
export const LOST: string = errorName(Errors.NETWORK_EXCEPTION);

export function failed(errorCode: number): { readonly kind: "failed"; readonly error: string } {
  return { kind: "failed", error: errorName(errorCode) };
}

export function mapped<A, B>(result: AdminResult<A>, map: (value: A) => B): AdminResult<B> {
  return result.kind === "done" ? { kind: "done", value: map(result.value) } : result;
}

export interface AdminCall<K extends ApiKey> {
  readonly apiKey: K;
  readonly body: RequestBody<K>;
  /** Absent: default.api.timeout.ms from now. */
  readonly deadlineMs?: number;
  /** Who alone can answer. */
  readonly host?: string;
  /** How often the same was tried before: it backs off first. */
  readonly failures?: number;
  /** Whether an answer says that asking again may help. */
  readonly isRetriable: (answer: ResponseBody<K>) => boolean;
  /** A lost answer ends the call as {@link LOST}. */
  readonly endsWhenLost?: boolean;
  readonly done: Done<ResponseBody<K>>;
}

/** What a call needs to be tried again. */
interface OpenCall extends Omit<AdminCall<ApiKey>, "failures"> {
  readonly deadlineMs: number;
  readonly timer: Timer;
  failures: number;
  isBackingOff: boolean;
  isAsking: boolean;
}

export interface AdminCallsOptions {
  readonly clientId: string;
  /** Hosts of the bootstrap servers. */
  readonly bootstrap: readonly string[];
  readonly settings: AdminSettings;
}

export class AdminCalls {
  readonly #ports: Ports;
  readonly #options: AdminCallsOptions;
  readonly #network: ClientNetwork;
  readonly #backoff: ExponentialBackoff;
  readonly #calls: Set<OpenCall> = new Set();
  #callCount = 0;

  constructor(ports: Ports, options: AdminCallsOptions) {
    const { clientId, settings } = options;
    this.#ports = ports;
    this.#options = options;
    this.#network = new ClientNetwork(ports, {
      clientId,
      settings,
      onReady: () => this.#proceed(),
      onDisconnect: () => undefined,
    });
    const [initialMs, maxMs] = [settings["retry.backoff.ms"], settings["retry.backoff.max.ms"]];
    this.#backoff = new ExponentialBackoff(ports.random, "admin backoff", initialMs, maxMs);
  }

  nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  /** When a call that begins now is given up. */
  deadlineMs(): number {
    return this.nowMs() + this.#options.settings["default.api.timeout.ms"];
  }

  call<K extends ApiKey>(given: AdminCall<K>): void {
    const name = `admin call ${this.#options.clientId} ${this.#callCount++}`;
    const call: OpenCall = {
      ...(given as unknown as AdminCall<ApiKey>),
      deadlineMs: given.deadlineMs ?? this.deadlineMs(),
      timer: this.#ports.timers.timer(CLIENT_LANE, name, () => this.#due(call)),
      failures: given.failures ?? 0,
      isBackingOff: false,
      isAsking: false,
    };
    this.#calls.add(call);
    if (call.failures > 0) this.#backOff(call);
    else this.#try(call);
  }

  /** Calls `step` as an input of its own. */
  later(step: () => void): void {
    this.#ports.work.later(CLIENT_LANE, "admin result", step);
  }

  /** Calls without result get none any more. */
  close(): void {
    for (const call of this.#calls) call.timer.cancel();
    this.#calls.clear();
    this.#network.close();
  }

  /** Sends the calls that wait for a broker. */
  #proceed(): void {
    for (const call of this.#calls) {
      if (!call.isAsking && !call.isBackingOff) this.#try(call);
    }
  }

  /** Its backoff has passed, or its time is up. */
  #due(call: OpenCall): void {
    if (this.nowMs() >= call.deadlineMs) {
      this.#end(call, failed(Errors.REQUEST_TIMED_OUT));
      return;
    }
    call.isBackingOff = false;
    this.#try(call);
  }

  #try(call: OpenCall): void {
    const leftMs = Math.ceil(call.deadlineMs - this.nowMs());
    call.timer.set(Math.max(0, leftMs));
    if (call.isAsking) return;
    const channel =
      call.host === undefined
        ? this.#network.leastLoaded(this.#options.bootstrap)
        : this.#network.channel(call.host);
    if (channel === null) return;
    call.isAsking = true;
    channel.send(call.apiKey, call.body, (outcome) => {
      call.isAsking = false;
      if (this.#calls.has(call)) this.#answered(call, outcome);
    });
  }

  #answered(call: OpenCall, outcome: Outcome<ApiKey>): void {
    if (outcome.kind === "response" && !call.isRetriable(outcome.body)) {
      this.#end(call, { kind: "done", value: outcome.body });
      return;
    }
    if (outcome.kind === "unsupported") {
      this.#end(call, failed(Errors.UNSUPPORTED_VERSION));
      return;
    }
    if (outcome.kind !== "response" && call.endsWhenLost === true) {
      this.#end(call, { kind: "failed", error: LOST });
      return;
    }
    call.failures += 1;
    const delayMs = this.#backOff(call);
    if (this.nowMs() + delayMs >= call.deadlineMs && outcome.kind === "response") {
      this.#end(call, { kind: "done", value: outcome.body });
    }
  }

  #backOff(call: OpenCall): number {
    const delayMs = this.#backoff.delayMs(call.failures);
    const leftMs = call.deadlineMs - this.nowMs();
    call.isBackingOff = true;
    call.timer.set(Math.max(0, Math.ceil(Math.min(delayMs, leftMs))));
    return delayMs;
  }

  #end(call: OpenCall, result: AdminResult<ResponseBody<ApiKey>>): void {
    call.timer.cancel();
    this.#calls.delete(call);
    call.done(result);
  }
}
