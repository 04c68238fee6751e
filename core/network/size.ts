/**
 * How many bytes a frame counts on the network.
 *
 * Differs from Kafka: the sizes are those of a plain encoding (fixed fields, four bytes of length
 * for each list), not the exact ones of the flexible versions with their tagged fields.
 */
import type { ApiKey, RequestOf, Response } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { FetchRequest, FetchResponse } from "../protocol/fetch.ts";
import type { MetadataResponse } from "../protocol/metadata.ts";
import type { ProduceRequest, ProduceResponse } from "../protocol/produce.ts";

const REQUEST_HEADER = 24;
const RESPONSE_HEADER = 9;

export function requestSize<K extends ApiKey>(request: RequestOf<K>): number {
  const size = REQUEST_HEADER + request.clientId.length;
  switch (request.apiKey) {
    case ApiKeys.PRODUCE:
      return size + produceSize(request.body as ProduceRequest);
    case ApiKeys.FETCH:
      return size + fetchSize(request.body as FetchRequest);
    default:
      return size + plainSize(request.body);
  }
}

export function responseSize(response: Response): number {
  switch (response.apiKey) {
    case ApiKeys.PRODUCE:
      return RESPONSE_HEADER + produceResponseSize(response.body as ProduceResponse);
    case ApiKeys.FETCH:
      return RESPONSE_HEADER + fetchResponseSize(response.body as FetchResponse);
    case ApiKeys.METADATA:
      return RESPONSE_HEADER + metadataResponseSize(response.body as MetadataResponse);
    default:
      return RESPONSE_HEADER + plainSize(response.body);
  }
}

function produceSize(body: ProduceRequest): number {
  let size = 14;
  for (const topic of body.topicData) {
    size += 20;
    for (const partition of topic.partitionData) {
      size += 8;
      for (const batch of partition.records) size += batch.sizeBytes;
    }
  }
  return size;
}

function produceResponseSize(body: ProduceResponse): number {
  let size = 8;
  for (const topic of body.responses) size += 20 + topic.partitionResponses.length * 42;
  return size;
}

function fetchSize(body: FetchRequest): number {
  let size = 57;
  for (const topic of body.topics) size += 20 + topic.partitions.length * 36;
  for (const topic of body.forgottenTopicsData) size += 20 + topic.partitions.length * 4;
  return size;
}

function fetchResponseSize(body: FetchResponse): number {
  let size = 14;
  for (const topic of body.responses) {
    size += 20;
    for (const partition of topic.partitions) {
      size += 50;
      for (const batch of partition.records) size += batch.sizeBytes;
    }
  }
  return size;
}

/** As {@link plainSize} would have it: a topic may have thousands of partitions. */
function metadataResponseSize(body: MetadataResponse): number {
  const { brokers, clusterId, controllerId, topics } = body;
  let size = plainSize(brokers) + plainSize(clusterId) + plainSize(controllerId) + 4;
  for (const { errorCode, name, topicId, isInternal, partitions } of topics) {
    size += plainSize(errorCode) + plainSize(name) + plainSize(topicId) + plainSize(isInternal) + 4;
    for (const { replicaNodes, isrNodes, offlineReplicas } of partitions) {
      size += 44 + 8 * (replicaNodes.length + isrNodes.length + offlineReplicas.length);
    }
  }
  return size;
}

/** Of a rare message: walks its fields. */
function plainSize(value: unknown): number {
  switch (typeof value) {
    case "number":
      return 8;
    case "boolean":
      return 1;
    case "string":
      return 2 + value.length;
    case "object": {
      if (value === null) return 1;
      if (value instanceof Uint8Array) return 4 + value.length;
      let size = 0;
      if (Array.isArray(value)) {
        size = 4;
        for (let index = 0; index < value.length; index++) size += plainSize(value[index]);
        return size;
      }
      const fields = value as Readonly<Record<string, unknown>>;
      for (const name in fields) size += plainSize(fields[name]);
      return size;
    }
    default:
      return 0;
  }
}
