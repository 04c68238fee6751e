/**
 * Requests that only the controller can handle: the broker passes them on in an envelope and
 * returns the controller's answer (ForwardingManager.scala, KIP-590).
 *
 * A request whose answer is lost is sent again, so a client may be told that what it asked for was
 * there before (TOPIC_ALREADY_EXISTS), as in Kafka.
 */
import { Errors } from "../errors.ts";
import type { Call } from "../network/request-server.ts";
import type { ApiKey, RequestBody, ResponseBody } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { ControllerChannel } from "./controller-channel.ts";

export type ForwardedKey =
  | typeof ApiKeys.CREATE_TOPICS
  | typeof ApiKeys.CREATE_PARTITIONS
  | typeof ApiKeys.ELECT_LEADERS
  | typeof ApiKeys.INCREMENTAL_ALTER_CONFIGS;

/** Asks the active controller and answers `call` with what it says. */
export function forwardToController(
  channel: ControllerChannel,
  call: Call,
  apiKey: ForwardedKey,
): void {
  channel.send(ApiKeys.ENVELOPE, { request: call.request }, (outcome) => {
    switch (outcome.kind) {
      case "response": {
        const { errorCode, response } = outcome.body;
        if (response !== null) call.respond(response.body);
        else call.respond(refusal(apiKey, call.request.body, errorCode));
        return;
      }
      case "timeout":
      case "disconnected":
        call.respond(refusal(apiKey, call.request.body, Errors.REQUEST_TIMED_OUT));
        return;
      case "unsupported":
        call.respond(refusal(apiKey, call.request.body, Errors.UNSUPPORTED_VERSION));
        return;
    }
  });
}

/** The answer that fails the whole request (AbstractRequest.getErrorResponse). */
function refusal(
  apiKey: ForwardedKey,
  body: RequestBody<ApiKey>,
  errorCode: number,
): ResponseBody<ForwardedKey> {
  switch (apiKey) {
    case ApiKeys.CREATE_TOPICS:
      return refusedTopics(body as RequestBody<typeof ApiKeys.CREATE_TOPICS>, errorCode);
    case ApiKeys.CREATE_PARTITIONS:
      return refusedPartitions(body as RequestBody<typeof ApiKeys.CREATE_PARTITIONS>, errorCode);
    case ApiKeys.ELECT_LEADERS:
      return refusedElections(body as RequestBody<typeof ApiKeys.ELECT_LEADERS>, errorCode);
    case ApiKeys.INCREMENTAL_ALTER_CONFIGS:
      return refusedConfigs(
        body as RequestBody<typeof ApiKeys.INCREMENTAL_ALTER_CONFIGS>,
        errorCode,
      );
  }
}

function refusedTopics(
  body: RequestBody<typeof ApiKeys.CREATE_TOPICS>,
  errorCode: number,
): ResponseBody<typeof ApiKeys.CREATE_TOPICS> {
  return {
    topics: body.topics.map((topic) => ({
      name: topic.name,
      topicId: "",
      errorCode,
      errorMessage: null,
      numPartitions: -1,
      replicationFactor: -1,
    })),
  };
}

function refusedPartitions(
  body: RequestBody<typeof ApiKeys.CREATE_PARTITIONS>,
  errorCode: number,
): ResponseBody<typeof ApiKeys.CREATE_PARTITIONS> {
  return { results: body.topics.map(({ name }) => ({ name, errorCode, errorMessage: null })) };
}

function refusedElections(
  body: RequestBody<typeof ApiKeys.ELECT_LEADERS>,
  errorCode: number,
): ResponseBody<typeof ApiKeys.ELECT_LEADERS> {
  return {
    errorCode,
    replicaElectionResults: (body.topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({
        partitionId,
        errorCode,
        errorMessage: null,
      })),
    })),
  };
}

function refusedConfigs(
  body: RequestBody<typeof ApiKeys.INCREMENTAL_ALTER_CONFIGS>,
  errorCode: number,
): ResponseBody<typeof ApiKeys.INCREMENTAL_ALTER_CONFIGS> {
  return {
    responses: body.resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage: null,
      resourceType,
      resourceName,
    })),
  };
}
