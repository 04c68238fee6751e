/**
 * One outgoing connection to one node, with its request bookkeeping (NetworkClient.java): opens on
 * demand, asks for ApiVersions first, backs off before it reconnects, and ends a connection on which
 * a request timed out. Responses come back in the order of the requests.
 */
import { assert } from "../assert.ts";
import type { CloseReason, Connection, ConnectionHandler, Lane, Ports, Timer } from "../ports.ts";
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

interface InFlight {
  readonly request: RequestOf<ApiKey>;
  readonly deadlineMs: number;
  /** Null for the ApiVersions request of the channel itself, and for produce with acks=0. */
  readonly done: ((outcome: Outcome<ApiKey>) => void) | null;
}

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
  /** Sent and not answered, oldest first. */
  #inFlight: InFlight[] = [];
  /** Given to us while there is no ready connection. */
  #waiting: InFlight[] = [];
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
   * Sends a request, or keeps it until the connection is ready. `done` is called exactly once, later,
   * unless the channel is closed first. The timeout counts from now.
   */
  send<K extends ApiKey>(
    apiKey: K,
    body: RequestBody<K>,
    done: ((outcome: Outcome<K>) => void) | null,
    timeoutMs: number = this.#options.requestTimeoutMs,
  ): void {
    assert(this.#state !== "closed", `send on a closed channel to ${this.host}`);
    const entry: InFlight = {
      request: {
        apiKey,
        apiVersion: this.#versions.get(apiKey) ?? 0,
        correlationId: this.#nextCorrelationId++,
        clientId: this.#options.clientId,
        body,
      },
      deadlineMs: this.#ports.clock.monotonicMs() + timeoutMs,
      done: done as ((outcome: Outcome<ApiKey>) => void) | null,
    };
    if (this.#state === "ready") this.#transmit(entry);
    else {
      this.#waiting.push(entry);
      if (this.#state === "idle") this.#connect();
    }
    this.#armTimer();
  }

  /** Ends the connection and forgets its requests: no `done` is called any more. */
  close(): void {
    this.#state = "closed";
    this.#connection?.close();
    this.#connection = null;
    this.#inFlight = [];
    this.#waiting = [];
    this.#timer.cancel();
    this.#backoff.cancel();
  }

  /** Ends the connection as if it had been lost: requests end "disconnected". */
  disconnect(): void {
    if (this.#connection === null) return;
    this.#connection.close();
    this.#lose("disconnected");
  }

  opened(): void {
    this.#state = "negotiating";
    const body = { clientSoftwareName: "kafka-trial", clientSoftwareVersion: "4.1" };
    this.#write({
      request: {
        apiKey: ApiKeys.API_VERSIONS,
        apiVersion: 4,
        correlationId: this.#nextCorrelationId++,
        clientId: this.#options.clientId,
        body,
      },
      deadlineMs: this.#ports.clock.monotonicMs() + this.#options.requestTimeoutMs,
      done: null,
    });
    this.#armTimer();
  }

  received(frame: unknown): void {
    const response = frame as Response;
    const entry = this.#inFlight.shift();
    assert(
      entry !== undefined && entry.request.correlationId === response.correlationId,
      `response ${response.correlationId} from ${this.host} answers no request`,
    );
    if (this.#state === "negotiating") {
      this.#negotiated(response.body as ResponseBody<typeof ApiKeys.API_VERSIONS>);
    } else {
      entry.done?.({ kind: "response", body: response.body });
    }
    this.#armTimer();
  }

  drained(): void {
    if (this.#state === "ready") this.#options.onReady?.();
  }

  closed(_reason: CloseReason): void {
    this.#lose("disconnected");
  }

  #connect(): void {
    const { lane, host, channel } = this.#options;
    this.#state = "connecting";
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
    for (const entry of waiting) this.#transmit(entry);
    this.#options.onReady?.();
  }

  #transmit(entry: InFlight): void {
    const version = this.#versions.get(entry.request.apiKey);
    if (version === undefined) {
      const { lane } = this.#options;
      this.#ports.work.later(lane, "unsupported request", () =>
        entry.done?.({ kind: "unsupported" }),
      );
      return;
    }
    const request = { ...entry.request, apiVersion: version };
    this.#write({ request, deadlineMs: entry.deadlineMs, done: entry.done });
  }

  #write(entry: InFlight): void {
    assert(this.#connection !== null, `no connection to ${this.host}`);
    // A produce with acks=0 gets no answer, so nothing waits for one.
    if (!expectsNoResponse(entry.request)) this.#inFlight.push(entry);
    this.#connection.send(entry.request, requestSize(entry.request));
  }

  /** The oldest request expired: the connection is of no use (NetworkClient.handleTimedOutRequests). */
  #expire(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    const oldest = this.#inFlight[0];
    if (oldest !== undefined && this.#inFlight.some((entry) => entry.deadlineMs <= nowMs)) {
      this.#connection?.close();
      this.#lose("timeout");
      return;
    }
    const expired = this.#waiting.filter((entry) => entry.deadlineMs <= nowMs);
    this.#waiting = this.#waiting.filter((entry) => entry.deadlineMs > nowMs);
    for (const entry of expired) entry.done?.({ kind: "timeout" });
    this.#armTimer();
  }

  #lose(kind: "timeout" | "disconnected"): void {
    if (this.#state === "closed") return;
    const { reconnectBackoffMs, reconnectBackoffMaxMs, host, channel } = this.#options;
    const lost = [...this.#inFlight, ...this.#waiting];
    this.#inFlight = [];
    this.#waiting = [];
    this.#connection = null;
    this.#timer.cancel();
    this.#failures += 1;
    const doubled = reconnectBackoffMs * powerOfTwo(this.#failures - 1);
    const base = Math.min(doubled, Math.max(reconnectBackoffMs, reconnectBackoffMaxMs));
    // Jitter of 20 %, so that clients do not come back in step (ExponentialBackoff.java).
    const spread = Math.floor(base / 5);
    const jitter =
      spread > 0 ? this.#ports.random.below(`reconnect ${host} ${channel}`, 2 * spread + 1) : 0;
    this.#state = "backoff";
    this.#backoff.set(base - spread + jitter);
    this.#options.onDisconnect?.();
    for (const entry of lost) entry.done?.({ kind });
  }

  #armTimer(): void {
    let deadlineMs = Infinity;
    for (const entry of this.#inFlight) deadlineMs = Math.min(deadlineMs, entry.deadlineMs);
    for (const entry of this.#waiting) deadlineMs = Math.min(deadlineMs, entry.deadlineMs);
    if (deadlineMs === Infinity) this.#timer.cancel();
    else this.#timer.set(Math.max(0, deadlineMs - this.#ports.clock.monotonicMs()));
  }
}

function expectsNoResponse(request: RequestOf<ApiKey>): boolean {
  return request.apiKey === ApiKeys.PRODUCE && (request.body as { acks: number }).acks === 0;
}

/** 2^n, capped so that it stays an exact integer. */
function powerOfTwo(n: number): number {
  return 1 << Math.min(n, 20);
}
