/** The answers by which a controller refuses whole requests (AbstractRequest.getErrorResponse). */
import type { ErrorCode } from "../errors.ts";
import { NO_EPOCH } from "../ids.ts";
import type { IncrementalAlterConfigsRequest } from "../protocol/configs.ts";
import type { CreatePartitionsRequest } from "../protocol/create-partitions.ts";
import type { CreateTopicsRequest } from "../protocol/create-topics.ts";
import type { ElectLeadersRequest } from "../protocol/elect-leaders.ts";
import type { Request, ResponseBody } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";

/** The requests that a controller handles. */
export type ControllerKey =
  | typeof ApiKeys.CREATE_TOPICS
  | typeof ApiKeys.CREATE_PARTITIONS
  | typeof ApiKeys.ELECT_LEADERS
  | typeof ApiKeys.INCREMENTAL_ALTER_CONFIGS
  | typeof ApiKeys.ALTER_PARTITION
  | typeof ApiKeys.BROKER_REGISTRATION
  | typeof ApiKeys.BROKER_HEARTBEAT
  | typeof ApiKeys.ALLOCATE_PRODUCER_IDS
  | typeof ApiKeys.ASSIGN_REPLICAS_TO_DIRS;

export type ControllerRequest = Extract<Request, { readonly apiKey: ControllerKey }>;

export function refusalOf(
  request: ControllerRequest,
  error: ErrorCode,
): ResponseBody<ControllerKey> {
  switch (request.apiKey) {
    case ApiKeys.CREATE_TOPICS:
      return refusedTopics(request.body, error);
    case ApiKeys.CREATE_PARTITIONS:
      return refusedPartitions(request.body, error);
    case ApiKeys.ELECT_LEADERS:
      return refusedElections(request.body, error);
    case ApiKeys.INCREMENTAL_ALTER_CONFIGS:
      return refusedConfigs(request.body, error);
    case ApiKeys.ALTER_PARTITION:
      return { errorCode: error, topics: [] };
    case ApiKeys.BROKER_REGISTRATION:
      return { errorCode: error, brokerEpoch: NO_EPOCH };
    case ApiKeys.BROKER_HEARTBEAT:
      return { errorCode: error, isCaughtUp: false, isFenced: true, shouldShutDown: false };
    case ApiKeys.ALLOCATE_PRODUCER_IDS:
      return { errorCode: error, producerIdStart: 0, producerIdLen: 0 };
    case ApiKeys.ASSIGN_REPLICAS_TO_DIRS:
      return { errorCode: error, directories: [] };
  }
}

function refusedTopics(
  { topics }: CreateTopicsRequest,
  errorCode: ErrorCode,
): ResponseBody<typeof ApiKeys.CREATE_TOPICS> {
  return {
    topics: topics.map(({ name }) => ({
      name,
      topicId: "AAAAAAAAAAAAAAAAAAAAAA",
      errorCode,
      errorMessage: null,
      numPartitions: -1,
      replicationFactor: -1,
    })),
  };
}

function refusedPartitions(
  { topics }: CreatePartitionsRequest,
  errorCode: ErrorCode,
): ResponseBody<typeof ApiKeys.CREATE_PARTITIONS> {
  return { results: topics.map(({ name }) => ({ name, errorCode, errorMessage: null })) };
}

function refusedElections(
  { topicPartitions }: ElectLeadersRequest,
  errorCode: ErrorCode,
): ResponseBody<typeof ApiKeys.ELECT_LEADERS> {
  const results = (topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => ({
      partitionId,
      errorCode,
      errorMessage: null,
    })),
  }));
  return { errorCode, replicaElectionResults: results };
}

function refusedConfigs(
  { resources }: IncrementalAlterConfigsRequest,
  errorCode: ErrorCode,
): ResponseBody<typeof ApiKeys.INCREMENTAL_ALTER_CONFIGS> {
  return {
    responses: resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage: null,
      resourceType,
      resourceName,
    })),
  };
}
