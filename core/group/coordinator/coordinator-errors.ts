import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";

/**
 * What clients are told of a write that failed (CoordinatorOperationExceptionHelper.java,
 * appendGroupMetadataErrorToResponseError in GroupMetadataManager.java).
 */
export function appendErrorToAnswer(error: ErrorCode): ErrorCode {
  switch (error) {
    case Errors.UNKNOWN_TOPIC_OR_PARTITION:
    case Errors.NOT_ENOUGH_REPLICAS:
    case Errors.REQUEST_TIMED_OUT:
      return Errors.COORDINATOR_NOT_AVAILABLE;
    case Errors.NOT_LEADER_OR_FOLLOWER:
    case Errors.KAFKA_STORAGE_ERROR:
      return Errors.NOT_COORDINATOR;
    case Errors.MESSAGE_TOO_LARGE:
    case Errors.RECORD_LIST_TOO_LARGE:
      return Errors.UNKNOWN_SERVER_ERROR;
    default:
      return error;
  }
}

/** Of an OffsetFetch: clients look for the coordinator again, which may have gone elsewhere. */
export function fetchErrorToAnswer(error: ErrorCode): ErrorCode {
  const answer = appendErrorToAnswer(error);
  return answer === Errors.COORDINATOR_NOT_AVAILABLE ? Errors.NOT_COORDINATOR : answer;
}
