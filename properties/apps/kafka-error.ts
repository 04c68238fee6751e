import { retriable as producing } from "../../core/client/producer-rules.ts";
import { Errors } from "../../core/errors.ts";

/** Why a promise of a client was rejected. */
export class KafkaError extends Error {
  /** Kafka's name of the error, e.g. "NOT_ENOUGH_REPLICAS" (Errors.java), or of a client's own failure. */
  readonly type: string;
  /** Kafka's number of it. */
  readonly code: number;
  /** The same call may succeed later. Whether the record is in the log is not known then. */
  readonly retriable: boolean;

  constructor(type: string, message: string = type, retriable?: boolean) {
    super(message);
    this.name = "KafkaError";
    this.type = type;
    this.code = codeOf(type);
    this.retriable = retriable ?? (producing.has(this.code) || coordinating.has(this.code));
  }
}

/** A call that makes no sense, now or ever; also what a consumer ends with that cannot go on. */
export class NonRetriableError extends KafkaError {
  constructor(message: string, cause?: Error) {
    super(cause instanceof KafkaError ? cause.type : "UNKNOWN", message, false);
    this.name = "KafkaJSNonRetriableError";
    if (cause !== undefined) this.cause = cause;
  }
}

/** What a consumer crashes with when a handler, or Kafka, has failed too often; `cause` is the last. */
export class RetriesExceededError extends NonRetriableError {
  readonly retryCount: number;
  /** Until it starts again, in ms. */
  readonly retryTime: number;

  constructor(cause: Error, retryCount: number, retryTime: number) {
    super(cause.message, cause);
    this.name = "KafkaJSNumberOfRetriesExceeded";
    this.retryCount = retryCount;
    this.retryTime = retryTime;
  }
}

/** What a coordinator answers while it moves; a producer without transactions meets none of these. */
const coordinating: ReadonlySet<number> = new Set([
  Errors.COORDINATOR_LOAD_IN_PROGRESS,
  Errors.COORDINATOR_NOT_AVAILABLE,
  Errors.NOT_COORDINATOR,
]);

/** Failures that the client finds by itself: in Java each is a TimeoutException. */
const timeouts: readonly string[] = [
  "DELIVERY_TIMED_OUT",
  "METADATA_TIMED_OUT",
  "BUFFER_EXHAUSTED",
];

function codeOf(type: string): number {
  if (timeouts.includes(type)) return Errors.REQUEST_TIMED_OUT;
  const known = (Errors as Readonly<Record<string, number>>)[type];
  if (known !== undefined) return known;
  const numbered = /^error (-?\d+)$/.exec(type);
  return numbered === null ? Errors.UNKNOWN_SERVER_ERROR : Number(numbered[1]);
}

/** Whatever was thrown. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** "NAME: message" without a stack: paths would differ from machine to machine. */
export function described(error: unknown): string {
  if (error instanceof Error) return `${error.name}: ${error.message}`;
  return `it threw ${String(error)}`;
}
