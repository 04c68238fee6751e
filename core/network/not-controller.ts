/** Finds a NOT_CONTROLLER in an answer (AbstractResponse.errorCounts). */
import { Errors } from "../errors.ts";
import type { ApiKey, ResponseBody } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";

/** The node that answered was not the active controller: another one has to be asked. */
export function saysNotController(apiKey: ApiKey, body: ResponseBody<ApiKey>): boolean {
  switch (apiKey) {
    case ApiKeys.ALTER_PARTITION: {
      const answer = body as ResponseBody<typeof ApiKeys.ALTER_PARTITION>;
      if (answer.errorCode === Errors.NOT_CONTROLLER) return true;
      return answer.topics.some((topic) => anySays(topic.partitions));
    }
    case ApiKeys.BROKER_REGISTRATION:
    case ApiKeys.BROKER_HEARTBEAT:
    case ApiKeys.ALLOCATE_PRODUCER_IDS:
    case ApiKeys.ASSIGN_REPLICAS_TO_DIRS:
    case ApiKeys.ENVELOPE:
      return (body as { readonly errorCode: number }).errorCode === Errors.NOT_CONTROLLER;
    case ApiKeys.ELECT_LEADERS: {
      const answer = body as ResponseBody<typeof ApiKeys.ELECT_LEADERS>;
      if (answer.errorCode === Errors.NOT_CONTROLLER) return true;
      return answer.replicaElectionResults.some((topic) => anySays(topic.partitionResult));
    }
    case ApiKeys.CREATE_TOPICS:
      return anySays((body as ResponseBody<typeof ApiKeys.CREATE_TOPICS>).topics);
    case ApiKeys.CREATE_PARTITIONS:
      return anySays((body as ResponseBody<typeof ApiKeys.CREATE_PARTITIONS>).results);
    case ApiKeys.INCREMENTAL_ALTER_CONFIGS:
      return anySays((body as ResponseBody<typeof ApiKeys.INCREMENTAL_ALTER_CONFIGS>).responses);
    default:
      return false;
  }
}

function anySays(results: readonly { readonly errorCode: number }[]): boolean {
  return results.some((result) => result.errorCode === Errors.NOT_CONTROLLER);
}
