/**
 * One outgoing connection to one node, with its request bookkeeping (NetworkClient.java): opens on
 * demand, asks for ApiVersions first, backs off before it reconnects, and ends a connection on
 * which a request timed out. Responses come back in the order of the requests.
 *
 * Differs from Kafka: a request may be given at any time and waits here for its connection, where
 * NetworkClient refuses it until the node is ready. The time that a connection may take to open
 * does not grow from attempt to attempt (socket.connection.setup.timeout.max.ms).
 */
import { assert } from "../assert.ts";
import type { CloseReason, Connection, ConnectionHandler, Lane, Ports, Timer } from "../ports.ts";
import type { ProduceRequest } from "../protocol/produce.ts";
import type {
  ApiKey,
  RequestBody,
  RequestOf,
  Response,
  ResponseBody,
} from "../protocol/message.ts";
import { ApiKeys, supportedVersions } from "../protocol/message.ts";
import { requestSize } from "./size.ts";

/** How a request ended. Whether a lost one took effect is not known. */
export type Outcome<K extends ApiKey> =
  | { readonly kind: "response"; readonly body: ResponseBody<K> }
  | { readonly kind: "timeout" }
  | { readonly kind: "disconnected" }
  /** The peer does not speak a version of it that we do. */
  | { readonly kind: "unsupported" };

export interface ClientChannelOptions {
  readonly lane: Lane;
  /** Host of the node at the other end. */
  readonly host: string;
  /** Names the connection among those between the two nodes, e.g. "fetcher-0". */
  readonly channel: string;
  readonly clientId: string;
  readonly requestTimeoutMs: number;
  readonly reconnectBackoffMs: number;
  readonly reconnectBackoffMaxMs: number;
  /** Called when a connection that was ready, or under way, is lost. */
  readonly onDisconnect?: () => void;
  /** Called when requests may be sent again: the connection got ready, or was drained. */
  readonly onReady?: () => void;
}

type State = "idle" | "backoff" | "connecting" | "negotiating" | "ready" | "closed";

type Done = (outcome: Outcome<ApiKey>) => void;

interface Waiting {
  readonly apiKey: ApiKey;
  readonly body: RequestBody<ApiKey>;
  readonly deadlineMs: number;
  readonly done: Done | null;
}

interface InFlight {
  readonly correlationId: number;
  readonly apiKey: ApiKey;
  readonly deadlineMs: number;
  /** Null for the ApiVersions request of the channel itself. */
  readonly done: Done | null;
}

/** How long a connection may take to open (socket.connection.setup.timeout.ms). */
const CONNECTION_SETUP_TIMEOUT_MS = 10000;
const API_VERSIONS_BODY = { clientSoftwareName: "kafka-trial", clientSoftwareVersion: "4.1" };
const TIMED_OUT: Outcome<ApiKey> = { kind: "timeout" };
const DISCONNECTED: Outcome<ApiKey> = { kind: "disconnected" };
const UNSUPPORTED: Outcome<ApiKey> = { kind: "unsupported" };

export class ClientChannel implements ConnectionHandler {
  readonly host: string;
  readonly #ports: Ports;
  readonly #options: ClientChannelOptions;
  readonly #timer: Timer;
  readonly #backoff: Timer;
  #state: State = "idle";
  #connection: Connection | null = null;
  #failures = 0;
  #nextCorrelationId = 0;
  /** When the connection being opened is given up. */
  #setupDeadlineMs = Infinity;
  /** When the timer fires; Infinity when it is not armed. May be too early, is never too late. */
  #armedForMs = Infinity;
  /** Sent and not answered, oldest first. */
  #inFlight: InFlight[] = [];
  /** Given to us while there is no ready connection. */
  #waiting: Waiting[] = [];
  readonly #versions: Map<ApiKey, number> = new Map();

  constructor(ports: Ports, options: ClientChannelOptions) {
    this.#ports = ports;
    this.#options = options;
    this.host = options.host;
    const { lane, host, channel } = options;
    this.#timer = ports.timers.timer(lane, `request-timeout ${host} ${channel}`, () =>
      this.#expire(),
    );
    this.#backoff = ports.timers.timer(lane, `reconnect-backoff ${host} ${channel}`, () => {
      this.#state = "idle";
      if (this.#waiting.length > 0) this.#connect();
      else this.#options.onReady?.();
    });
  }

  /** Requests sent on the connection and not answered yet. */
  get inFlightCount(): number {
    return this.#inFlight.length;
  }

  /** A request given now would leave at once. */
  get isReady(): boolean {
    return this.#state === "ready" && this.#connection !== null && this.#connection.writable;
  }

  /** The last attempt failed and the next one is not allowed yet. */
  get isBackingOff(): boolean {
    return this.#state === "backoff";
  }

  /** Opens the connection, if it is not open and not backing off. */
  connect(): void {
    if (this.#state === "idle") this.#connect();
  }

  /**
   * Sends a request, or keeps it until the connection is ready. `done` is called exactly once,
   * later, unless the channel is closed first; never for a produce with acks=0 that left, as nobody
   * answers it. The timeout counts from now.
   */
  send<K extends ApiKey>(
    apiKey: K,
    body: RequestBody<K>,
    done: ((outcome: Outcome<K>) => void) | null,
    timeoutMs: number = this.#options.requestTimeoutMs,
  ): void {
    assert(this.#state !== "closed", `send on a closed channel to ${this.host}`);
    const deadlineMs = this.#ports.clock.monotonicMs() + timeoutMs;
    if (this.#state === "ready") {
      this.#transmit(apiKey, body, deadlineMs, done as Done | null);
      return;
    }
    this.#waiting.push({ apiKey, body, deadlineMs, done: done as Done | null });
    this.#armFor(deadlineMs);
    if (this.#state === "idle") this.#connect();
  }

  /** Ends the connection and forgets its requests: no `done` is called any more. */
  close(): void {
    this.#state = "closed";
    this.#connection?.close();
    this.#connection = null;
    this.#inFlight = [];
    this.#waiting = [];
    this.#disarm();
    this.#backoff.cancel();
  }

  /** Ends the connection as if it had been lost: requests end "disconnected". */
  disconnect(): void {
    if (this.#connection === null) return;
    this.#connection.close();
    this.#lose(DISCONNECTED);
  }

  opened(): void {
    this.#state = "negotiating";
    this.#setupDeadlineMs = Infinity;
    const deadlineMs = this.#ports.clock.monotonicMs() + this.#options.requestTimeoutMs;
    this.#write(ApiKeys.API_VERSIONS, 4, API_VERSIONS_BODY, deadlineMs, null);
  }

  received(frame: unknown): void {
    const response = frame as Response;
    const entry = this.#inFlight.shift();
    assert(
      entry !== undefined &&
        entry.correlationId === response.correlationId &&
        entry.apiKey === response.apiKey,
      `response ${response.correlationId} from ${this.host} answers no request`,
    );
    if (this.#state === "negotiating") {
      this.#negotiated(response.body as ResponseBody<typeof ApiKeys.API_VERSIONS>);
    } else {
      entry.done?.({ kind: "response", body: response.body });
    }
  }

  drained(): void {
    if (this.#state === "ready") this.#options.onReady?.();
  }

  closed(_reason: CloseReason): void {
    this.#lose(DISCONNECTED);
  }

  #connect(): void {
    const { lane, host, channel } = this.#options;
    this.#state = "connecting";
    this.#setupDeadlineMs = this.#ports.clock.monotonicMs() + CONNECTION_SETUP_TIMEOUT_MS;
    this.#armFor(this.#setupDeadlineMs);
    this.#connection = this.#ports.transport.connect(lane, host, channel, this);
  }

  #negotiated(body: ResponseBody<typeof ApiKeys.API_VERSIONS>): void {
    this.#versions.clear();
    for (const ours of supportedVersions) {
      const theirs = body.apiKeys.find((range) => range.apiKey === ours.apiKey);
      if (theirs === undefined) continue;
      const version = Math.min(ours.maxVersion, theirs.maxVersion);
      if (version >= Math.max(ours.minVersion, theirs.minVersion)) {
        this.#versions.set(ours.apiKey, version);
      }
    }
    this.#state = "ready";
    this.#failures = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const entry of waiting) {
      this.#transmit(entry.apiKey, entry.body, entry.deadlineMs, entry.done);
    }
    this.#options.onReady?.();
  }

  #transmit(
    apiKey: ApiKey,
    body: RequestBody<ApiKey>,
    deadlineMs: number,
    done: Done | null,
  ): void {
    const version = this.#versions.get(apiKey);
    if (version !== undefined) {
      this.#write(apiKey, version, body, deadlineMs, done);
    } else if (done !== null) {
      this.#ports.work.later(this.#options.lane, "unsupported request", () => done(UNSUPPORTED));
    }
  }

  #write(
    apiKey: ApiKey,
    apiVersion: number,
    body: RequestBody<ApiKey>,
    deadlineMs: number,
    done: Done | null,
  ): void {
    assert(this.#connection !== null, `no connection to ${this.host}`);
    const correlationId = this.#nextCorrelationId++;
    // A produce with acks=0 gets no answer, so nothing waits for one.
    if (apiKey !== ApiKeys.PRODUCE || (body as ProduceRequest).acks !== 0) {
      this.#inFlight.push({ correlationId, apiKey, deadlineMs, done });
      this.#armFor(deadlineMs);
    }
    const { clientId } = this.#options;
    const request: RequestOf<ApiKey> = { apiKey, apiVersion, correlationId, clientId, body };
    this.#connection.send(request, requestSize(request));
  }

  /** What is too old, when the timer fired (NetworkClient.handleTimedOutRequests). */
  #expire(): void {
    this.#armedForMs = Infinity;
    const nowMs = this.#ports.clock.monotonicMs();
    if (this.#setupDeadlineMs <= nowMs) {
      this.#connection?.close();
      this.#lose(DISCONNECTED);
      return;
    }
    // One request that expired: the whole connection is of no use.
    if (this.#inFlight.some((entry) => entry.deadlineMs <= nowMs)) {
      this.#connection?.close();
      this.#lose(TIMED_OUT);
      return;
    }
    const expired = this.#waiting.filter((entry) => entry.deadlineMs <= nowMs);
    if (expired.length > 0) {
      this.#waiting = this.#waiting.filter((entry) => entry.deadlineMs > nowMs);
    }
    this.#armForEarliest();
    for (const entry of expired) this.#end(entry.done, TIMED_OUT);
  }

  #lose(outcome: Outcome<ApiKey>): void {
    if (this.#state === "closed") return;
    const { reconnectBackoffMs, reconnectBackoffMaxMs, host, channel } = this.#options;
    const { random } = this.#ports;
    const inFlight = this.#inFlight;
    const waiting = this.#waiting;
    this.#inFlight = [];
    this.#waiting = [];
    this.#connection = null;
    this.#setupDeadlineMs = Infinity;
    this.#disarm();
    const limit = Math.max(reconnectBackoffMs, reconnectBackoffMaxMs);
    const base = Math.min(reconnectBackoffMs * powerOfTwo(this.#failures), limit);
    this.#failures += 1;
    // Jitter of 20 % below the limit, so that clients do not come back in step; none when the first
    // backoff is the limit (ExponentialBackoff.java).
    const spread = reconnectBackoffMs < limit ? Math.floor(base / 5) : 0;
    const jitter = spread > 0 ? random.below(`reconnect ${host} ${channel}`, 2 * spread + 1) : 0;
    this.#state = "backoff";
    this.#backoff.set(Math.min(base - spread + jitter, limit));
    this.#options.onDisconnect?.();
    for (const entry of inFlight) this.#end(entry.done, outcome);
    for (const entry of waiting) this.#end(entry.done, DISCONNECTED);
  }

  /** Unless whoever was told before has closed the channel. */
  #end(done: Done | null, outcome: Outcome<ApiKey>): void {
    if (done !== null && this.#state !== "closed") done(outcome);
  }

  /**
   * Makes sure that the timer fires by then. It is not moved back when a request is answered: an
   * early firing finds nothing and arms it anew, which is cheaper than two moves for each request.
   */
  #armFor(deadlineMs: number): void {
    if (deadlineMs >= this.#armedForMs) return;
    this.#armedForMs = deadlineMs;
    this.#timer.set(Math.max(0, deadlineMs - this.#ports.clock.monotonicMs()));
  }

  #armForEarliest(): void {
    let earliestMs = this.#setupDeadlineMs;
    for (const entry of this.#inFlight) earliestMs = Math.min(earliestMs, entry.deadlineMs);
    for (const entry of this.#waiting) earliestMs = Math.min(earliestMs, entry.deadlineMs);
    this.#armFor(earliestMs);
  }

  #disarm(): void {
    this.#armedForMs = Infinity;
    this.#timer.cancel();
  }
}

/** 2^n, capped so that it stays an exact integer. */
function powerOfTwo(n: number): number {
  return 1 << Math.min(n, 20);
}
