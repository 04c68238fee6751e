import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";

/**
 * Errors that a leader answers before it appends anything. Any other may also come from a request
 * that was appended and then waited for its replicas in vain.
 */
const beforeAppend: ReadonlySet<number> = new Set<ErrorCode>([
  Errors.CORRUPT_MESSAGE,
  Errors.INVALID_PRODUCER_EPOCH,
  Errors.INVALID_RECORD,
  Errors.INVALID_REQUIRED_ACKS,
  Errors.INVALID_TIMESTAMP,
  Errors.INVALID_TOPIC_EXCEPTION,
  Errors.MESSAGE_TOO_LARGE,
  Errors.NOT_ENOUGH_REPLICAS,
  Errors.OUT_OF_ORDER_SEQUENCE_NUMBER,
  Errors.UNKNOWN_PRODUCER_ID,
  Errors.UNKNOWN_TOPIC_ID,
  Errors.UNSUPPORTED_COMPRESSION_TYPE,
  Errors.UNSUPPORTED_VERSION,
]);

/** Whether an attempt that ended so certainly left nothing in the leader's log. */
export function provesNotAppended(error: number): boolean {
  return beforeAppend.has(error);
}
