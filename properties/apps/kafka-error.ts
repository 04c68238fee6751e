import { retriable } from "../../core/client/producer-rules.ts";
import { Errors } from "../../core/errors.ts";

/** Why a promise of a client was rejected. */
export class KafkaError extends Error {
  /** Kafka's name of the error, e.g. "NOT_ENOUGH_REPLICAS" (Errors.java), or of a client's own failure. */
  readonly type: string;
  /** Kafka's number of it. */
  readonly code: number;
  /** The same call may succeed later. Whether the record is in the log is not known then. */
  readonly retriable: boolean;

  constructor(type: string, message: string = type) {
    super(message);
    this.name = "KafkaError";
    this.type = type;
    this.code = codeOf(type);
    this.retriable = retriable.has(this.code);
  }
}

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
