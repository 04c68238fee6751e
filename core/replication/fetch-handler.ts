/**
 * Fetch (KafkaApis.handleFetchRequest, FetchManager.newContext): finds or opens the session, and
 * begins the operation. Serves consumers and followers; the metadata log is not served here.
 *
 * Differs from Kafka: consumers read from leaders only (KIP-392 is not built).
 */
import { Errors } from "../errors.ts";
import type { Call } from "../network/request-server.ts";
import type { FetchRequest } from "../protocol/fetch.ts";
import type { DeadlineQueue } from "./deadline-queue.ts";
import { FetchOperation } from "./delayed-fetch.ts";
import { FetchReader } from "./fetch-reader.ts";
import { FetchSession } from "./fetch-session.ts";
import { FetchSessionCache } from "./fetch-session-cache.ts";
import type { ReplicationContext } from "./replication-context.ts";

/** Session epochs of requests (FetchMetadata.java). */
const INITIAL_EPOCH = 0;
const FINAL_EPOCH = -1;
const MAX_EPOCH = 2147483647;

export class FetchHandler {
  readonly #context: ReplicationContext;
  readonly #deadlines: DeadlineQueue;
  readonly #reader: FetchReader;
  readonly sessions: FetchSessionCache;

  constructor(context: ReplicationContext, deadlines: DeadlineQueue) {
    this.#context = context;
    this.#deadlines = deadlines;
    this.#reader = new FetchReader(context);
    const slots = context.settings["max.incremental.fetch.session.cache.slots"];
    this.sessions = new FetchSessionCache(context.ports, slots);
  }

  handle(call: Call): void {
    const request = call.request.body as FetchRequest;
    const nowMs = this.#context.ports.clock.monotonicMs();
    const isFull = request.sessionEpoch === INITIAL_EPOCH || request.sessionEpoch === FINAL_EPOCH;
    const session = isFull ? this.#open(request, nowMs) : this.#resume(call, request);
    if (session === null) return;
    session.update(request, nowMs);
    this.#distrustOldIncarnation(session);
    const operation = new FetchOperation(
      this.#context,
      this.#reader,
      this.#deadlines,
      call,
      session,
      isFull,
    );
    operation.begin(request.maxWaitMs, nowMs);
  }

  #open(request: FetchRequest, nowMs: number): FetchSession {
    if (request.sessionId !== 0) this.sessions.remove(request.sessionId);
    const { replicaId, replicaEpoch } = request.replicaState;
    if (request.sessionEpoch === FINAL_EPOCH || request.topics.length === 0) {
      return new FetchSession(0, replicaId, replicaEpoch, nowMs);
    }
    return this.sessions.open(replicaId, replicaEpoch, nowMs);
  }

  /** Null when there is no such session; that is answered. */
  #resume(call: Call, request: FetchRequest): FetchSession | null {
    const session = this.sessions.use(request.sessionId);
    const errorCode = this.#context.rules.serving.sessionError(
      session !== undefined,
      session?.nextEpoch ?? 0,
      request.sessionEpoch,
    );
    if (session === undefined || errorCode !== Errors.NONE) {
      call.respond<1>({ errorCode, sessionId: 0, responses: [] });
      return null;
    }
    session.nextEpoch = session.nextEpoch === MAX_EPOCH ? 1 : session.nextEpoch + 1;
    // Its former request is of a connection that is gone.
    session.pending?.expire();
    return session;
  }

  /** Partitions that are idle in a session are refused too when their follower was replaced. */
  #distrustOldIncarnation(session: FetchSession): void {
    if (!session.isFollower) return;
    const registered = this.#reader.registeredEpoch(session.replicaId);
    if (!this.#context.rules.isr.isStaleBrokerEpoch(session.replicaEpoch, registered)) return;
    for (const entry of session.entries()) session.markDirty(entry);
  }
}
