/**
 * Requests of a broker to whoever is the active controller (NodeToControllerChannelManager.scala):
 * one at a time, in order. Whom it found once it goes on asking, whatever the node hears of elections:
 * only a request that was lost or timed out, and a NOT_CONTROLLER, make it look up the controller and
 * send the request again, until the request is too old.
 *
 * Differs from Kafka: request.timeout.ms stands for controller.socket.timeout.ms.
 */
import type { NodeId } from "../ids.ts";
import { NO_NODE } from "../ids.ts";
import type { BrokerRules } from "./broker-rules.ts";
import type { Outcome } from "../network/client-channel.ts";
import { ClientChannel } from "../network/client-channel.ts";
import { saysNotController } from "../network/not-controller.ts";
import type { Lane, Ports, Timer } from "../ports.ts";
import type { ApiKey, RequestBody } from "../protocol/message.ts";

export interface ControllerChannel {
  /**
   * `done` is called exactly once, later: with a response that is not NOT_CONTROLLER, "timeout", or
   * "unsupported". Whether a request that timed out took effect is not known.
   */
  send<K extends ApiKey>(
    apiKey: K,
    body: RequestBody<K>,
    done: (outcome: Outcome<K>) => void,
  ): void;
}

/** Where the active controller is, as far as this node knows: a part of MetadataLog. */
export interface ControllerDirectory {
  readonly leader: { readonly id: NodeId };
  hostOf(voter: NodeId): string;
}

export interface NodeToControllerOptions {
  /** Where the answers arrive. */
  readonly lane: Lane;
  /** What the connection is for, e.g. "heartbeat". */
  readonly channel: string;
  readonly clientId: string;
  readonly controllers: ControllerDirectory;
  readonly rules: BrokerRules;
  /** For each attempt. */
  readonly requestTimeoutMs: number;
  /** For a request with all its attempts; Infinity for no limit. */
  readonly retryTimeoutMs: number;
}

interface Queued {
  readonly apiKey: ApiKey;
  readonly body: RequestBody<ApiKey>;
  readonly done: (outcome: Outcome<ApiKey>) => void;
  readonly deadlineMs: number;
}

/** Pause before the next look when no controller is known. */
const UNKNOWN_CONTROLLER_BACKOFF_MS = 100;
const RECONNECT_BACKOFF_MS = 50;

export class NodeToControllerChannel implements ControllerChannel {
  readonly #ports: Ports;
  readonly #options: NodeToControllerOptions;
  readonly #lookAgain: Timer;
  /** The controller that it found last; -1 when it has to look. */
  #active: NodeId = NO_NODE;
  /** To the controller that was asked last. */
  #channel: ClientChannel | null = null;
  #queue: Queued[] = [];
  #isAsking = false;
  #isClosed = false;

  constructor(ports: Ports, options: NodeToControllerOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#lookAgain = ports.timers.timer(
      options.lane,
      `unknown-controller-backoff ${options.channel}`,
      () => this.#next(),
    );
    this.#next();
  }

  send<K extends ApiKey>(
    apiKey: K,
    body: RequestBody<K>,
    done: (outcome: Outcome<K>) => void,
  ): void {
    if (this.#isClosed) return;
    const deadlineMs = this.#ports.clock.monotonicMs() + this.#options.retryTimeoutMs;
    this.#queue.push({ apiKey, body, done: done as Queued["done"], deadlineMs });
    if (!this.#lookAgain.armed) this.#next();
  }

  /** Ends the connection; no `done` is called any more. */
  close(): void {
    this.#isClosed = true;
    this.#queue = [];
    this.#lookAgain.cancel();
    this.#channel?.close();
    this.#channel = null;
  }

  #next(): void {
    if (this.#isAsking || this.#isClosed) return;
    this.#expire();
    // The callbacks of what expired may have closed us, or sent more.
    if (this.#isAsking || this.#isClosed || this.#lookAgain.armed) return;
    const { controllers, requestTimeoutMs } = this.#options;
    // Also before there is anything to send.
    if (this.#active === NO_NODE) this.#active = controllers.leader.id;
    if (this.#active === NO_NODE) {
      this.#lookAgain.set(UNKNOWN_CONTROLLER_BACKOFF_MS);
      return;
    }
    const next = this.#queue.shift();
    if (next === undefined) return;
    this.#isAsking = true;
    this.#channelTo(controllers.hostOf(this.#active)).send(
      next.apiKey,
      next.body,
      (outcome) => this.#ended(next, outcome),
      requestTimeoutMs,
    );
  }

  #ended(entry: Queued, outcome: Outcome<ApiKey>): void {
    this.#isAsking = false;
    switch (outcome.kind) {
      case "disconnected":
      case "timeout":
        this.#again(entry);
        break;
      case "response":
        if (saysNotController(entry.apiKey, outcome.body)) {
          this.#channel?.disconnect();
          this.#again(entry);
          break;
        }
        entry.done(outcome);
        break;
      case "unsupported":
        entry.done(outcome);
        break;
    }
    this.#next();
  }

  #again(entry: Queued): void {
    this.#active = NO_NODE;
    this.#queue.unshift({ ...entry, body: this.#options.rules.askedAgain(entry.body) });
  }

  #expire(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    if (!this.#queue.some((entry) => entry.deadlineMs <= nowMs)) return;
    const expired = this.#queue.filter((entry) => entry.deadlineMs <= nowMs);
    this.#queue = this.#queue.filter((entry) => entry.deadlineMs > nowMs);
    for (const entry of expired) entry.done({ kind: "timeout" });
  }

  #channelTo(host: string): ClientChannel {
    if (this.#channel !== null && this.#channel.host === host) return this.#channel;
    this.#channel?.close();
    const { lane, channel, clientId, requestTimeoutMs } = this.#options;
    this.#channel = new ClientChannel(this.#ports, {
      lane,
      host,
      channel,
      clientId,
      requestTimeoutMs,
      reconnectBackoffMs: RECONNECT_BACKOFF_MS,
      reconnectBackoffMaxMs: RECONNECT_BACKOFF_MS,
    });
    return this.#channel;
  }
}
