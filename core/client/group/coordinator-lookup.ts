/**
 * Which broker coordinates the group, and the connection to it, which is not the one for fetching: a
 * heartbeat must not wait behind a fetch (AbstractCoordinator.java).
 *
 * Differs from Kafka: a failed look-up is repeated after its backoff even if metadata was not refreshed
 * meanwhile.
 */
import type { GroupId } from "../../ids.ts";
import type { Ports } from "../../ports.ts";
import { Errors, errorName } from "../../errors.ts";
import type { Outcome } from "../../network/client-channel.ts";
import { ClientChannel } from "../../network/client-channel.ts";
import { GROUP_COORDINATOR_KEY } from "../../protocol/find-coordinator.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { ConsumerSettings } from "../../settings/client-settings.ts";
import { ExponentialBackoff } from "../backoff.ts";
import type { ClientMetadata } from "../client-metadata.ts";
import { CLIENT_LANE } from "../client-network.ts";
import { DeadlineTimer } from "../deadline-timer.ts";
import type { MembershipRules } from "./membership-rules.ts";

export interface CoordinatorLookupOptions {
  readonly clientId: string;
  readonly groupId: GroupId;
  readonly settings: ConsumerSettings;
  readonly rules: MembershipRules;
  readonly metadata: ClientMetadata;
  readonly onFound: () => void;
  /** It was found or lost, or may be looked for again. */
  readonly onProgress: () => void;
}

export class CoordinatorLookup {
  readonly #ports: Ports;
  readonly #options: CoordinatorLookupOptions;
  readonly #backoff: ExponentialBackoff;
  readonly #timer: DeadlineTimer;
  readonly #channels: Map<string, ClientChannel> = new Map();
  #host: string | null = null;
  /** The connection to it was ready since it was found. */
  #wasReady = false;
  #isAsking = false;
  /** Somebody waits for a broker that can be asked. */
  #isWanted = false;
  #failures = 0;
  #retryAtMs = -Infinity;
  #fatal: string | null = null;
  #settled: ((isFound: boolean) => void)[] = [];

  constructor(ports: Ports, options: CoordinatorLookupOptions) {
    this.#ports = ports;
    this.#options = options;
    const { settings, clientId } = options;
    const [initialMs, maxMs] = [settings["retry.backoff.ms"], settings["retry.backoff.max.ms"]];
    this.#backoff = new ExponentialBackoff(ports.random, "coordinator backoff", initialMs, maxMs);
    this.#timer = new DeadlineTimer(
      ports.timers.timer(CLIENT_LANE, `coordinator lookup ${clientId}`, () => {
        this.#timer.fired();
        options.onProgress();
      }),
    );
  }

  /** Where requests for the coordinator go; null while it is not known or cannot be reached. */
  get channel(): ClientChannel | null {
    const channel = this.#host === null ? undefined : this.#channels.get(this.#host);
    if (channel === undefined) return null;
    if (!channel.isBackingOff) return channel;
    this.#host = null;
    return null;
  }

  /** Looks for it, unless it is known, being looked for, or not to be looked for yet. */
  find(): void {
    if (this.channel !== null || this.#isAsking) return;
    const nowMs = this.#ports.clock.monotonicMs();
    if (this.#retryAtMs > nowMs) return this.#timer.armNoLaterThan(this.#retryAtMs, nowMs);
    const broker = this.#options.metadata.anyBroker();
    if (broker === null) {
      this.#isWanted = true;
      return this.#settle(false);
    }
    this.#isWanted = false;
    this.#isAsking = true;
    const { groupId } = this.#options;
    const request = { keyType: GROUP_COORDINATOR_KEY, coordinatorKeys: [groupId] };
    broker.send(ApiKeys.FIND_COORDINATOR, request, (outcome) => {
      this.#isAsking = false;
      this.#answered(outcome);
    });
  }

  /** Some broker can be asked now. */
  brokerReady(): void {
    if (this.#isWanted) this.find();
  }

  /** Looks for it and tells how that ended, once. */
  findThen(settled: (isFound: boolean) => void): void {
    this.#settled.push(settled);
    if (this.channel !== null) return this.#settle(true);
    this.find();
    if (!this.#isAsking) this.#settle(false);
  }

  /** What a look-up failed of that no repetition will mend; told once. */
  takeFatal(): string | null {
    const fatal = this.#fatal;
    this.#fatal = null;
    return fatal;
  }

  /** It does not answer, or says that it is not the one. Requests to it end as disconnected. */
  markUnknown(): void {
    const channel = this.channel;
    this.#host = null;
    if (channel === null) return;
    this.#ports.work.later(CLIENT_LANE, "leave coordinator", () => channel.disconnect());
  }

  /** Requests to it that are not answered yet. */
  get inFlightCount(): number {
    return this.channel?.inFlightCount ?? 0;
  }

  close(): void {
    this.#timer.cancel();
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
    this.#host = null;
  }

  #answered(outcome: Outcome<typeof ApiKeys.FIND_COORDINATOR>): void {
    const { metadata, rules, onFound, onProgress } = this.#options;
    const found = outcome.kind === "response" ? outcome.body.coordinators[0] : undefined;
    const lost = outcome.kind === "unsupported" ? Errors.UNSUPPORTED_VERSION : undefined;
    const error = found?.errorCode ?? lost ?? Errors.NETWORK_EXCEPTION;
    if (found !== undefined && error === Errors.NONE) {
      this.#found(found.host);
      onFound();
    } else if (rules.isRetriable(error)) {
      metadata.requestUpdate();
      this.#backOff();
    } else {
      this.#fatal = errorName(error);
    }
    this.#settle(this.#host !== null);
    onProgress();
  }

  #found(host: string): void {
    this.#host = host;
    let channel = this.#channels.get(host);
    if (channel === undefined) this.#channels.set(host, (channel = this.#open(host)));
    this.#wasReady = channel.isReady;
    if (this.#wasReady) this.#failures = 0;
    channel.connect();
    if (this.channel === null) this.#backOff();
  }

  #open(host: string): ClientChannel {
    const { clientId, settings } = this.#options;
    return new ClientChannel(this.#ports, {
      lane: CLIENT_LANE,
      host,
      channel: `${clientId} coordinator`,
      clientId,
      requestTimeoutMs: settings["request.timeout.ms"],
      reconnectBackoffMs: settings["reconnect.backoff.ms"],
      reconnectBackoffMaxMs: settings["reconnect.backoff.max.ms"],
      onReady: () => {
        if (host !== this.#host) return;
        this.#wasReady = true;
        this.#failures = 0;
      },
      onDisconnect: () => this.#lost(host),
    });
  }

  #lost(host: string): void {
    if (host !== this.#host) return;
    this.#host = null;
    if (!this.#wasReady) this.#backOff();
    this.#ports.work.later(CLIENT_LANE, "coordinator lost", this.#options.onProgress);
  }

  #backOff(): void {
    this.#failures += 1;
    const nowMs = this.#ports.clock.monotonicMs();
    this.#retryAtMs = nowMs + this.#backoff.delayMs(this.#failures);
    this.#timer.armNoLaterThan(this.#retryAtMs, nowMs);
  }

  #settle(isFound: boolean): void {
    const settled = this.#settled;
    this.#settled = [];
    for (const done of settled) done(isFound);
  }
}
