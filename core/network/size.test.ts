import { describe, expect, test } from "vitest";
import type { Request, Response } from "../protocol/message.ts";
import type { MetadataPartition } from "../protocol/metadata.ts";
import { ApiKeys } from "../protocol/message.ts";
import { Batch, BatchBody } from "../record/batch.ts";
import { requestSize, responseSize } from "./size.ts";

function body(sizeBytes: number): BatchBody {
  return new BatchBody(new Uint8Array(sizeBytes), {
    crc: 0,
    attributes: 0,
    lastOffsetDelta: 0,
    baseTimestamp: 0,
    maxTimestamp: 0,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    recordsCount: 1,
  });
}

function produce(sizes: readonly number[]): Request {
  const partitionData = sizes.map((size, index) => ({ index, records: [body(size)] }));
  return {
    apiKey: ApiKeys.PRODUCE,
    apiVersion: 13,
    correlationId: 1,
    clientId: "p1",
    body: {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1,
      topicData: [{ topicId: "id", partitionData }],
    },
  };
}

function fetched(sizes: readonly number[]): Response {
  const records = sizes.map((size, at) => new Batch(at, 0, body(size)));
  const partition = {
    partitionIndex: 0,
    errorCode: 0,
    highWatermark: 0,
    lastStableOffset: 0,
    logStartOffset: 0,
    divergingEpoch: null,
    currentLeader: null,
    snapshotId: null,
    records,
  };
  return {
    apiKey: ApiKeys.FETCH,
    correlationId: 1,
    body: { errorCode: 0, sessionId: 0, responses: [{ topicId: "id", partitions: [partition] }] },
  };
}

describe("the size of a frame", () => {
  test("counts every byte of the batches in it", () => {
    expect(requestSize(produce([300])) - requestSize(produce([200]))).toBe(100);
    expect(responseSize(fetched([70, 80])) - responseSize(fetched([70]))).toBe(80);
    expect(requestSize(produce([100, 100]))).toBeGreaterThan(requestSize(produce([200])));
  });

  test("counts the fields of rare messages, also of one inside an envelope", () => {
    const inner: Request = {
      apiKey: ApiKeys.METADATA,
      apiVersion: 13,
      correlationId: 1,
      clientId: "p1",
      body: { topics: [{ topicId: null, name: "orders" }], allowAutoTopicCreation: true },
    };
    const outer: Request = {
      ...inner,
      apiKey: ApiKeys.ENVELOPE,
      apiVersion: 0,
      body: { request: inner },
    };
    expect(requestSize(inner)).toBeGreaterThan(24 + 2 + 6);
    expect(requestSize(outer)).toBeGreaterThan(requestSize(inner));
  });
});

test("the size of a metadata answer is the plain one", () => {
  const partition = (partitionIndex: number, replicas: number[]): MetadataPartition => ({
    errorCode: 0,
    partitionIndex,
    leaderId: 1,
    leaderEpoch: 0,
    replicaNodes: replicas,
    isrNodes: replicas.slice(1),
    offlineReplicas: [],
  });
  const answer = (partitions: readonly MetadataPartition[]): Response => ({
    apiKey: ApiKeys.METADATA,
    correlationId: 1,
    body: {
      brokers: [{ nodeId: 1, host: "b1", rack: null }],
      clusterId: "c",
      controllerId: 1,
      topics: [{ errorCode: 0, name: "orders", topicId: "id", isInternal: false, partitions }],
    },
  });
  // Nine bytes of header; numbers 8, lists 4, texts 2 and their length, flags and nothing 1.
  const empty = 9 + (4 + 8 + 4 + 1) + 3 + 8 + 4 + (8 + 8 + 4 + 1 + 4);
  expect(responseSize(answer([]))).toBe(empty);
  expect(responseSize(answer([partition(0, [1, 2, 3])]))).toBe(empty + 4 * 8 + 3 * 4 + 5 * 8);
});
