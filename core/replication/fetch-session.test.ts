import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import type { FetchResponse } from "../protocol/fetch.ts";
import { batchOf, fetchedBy, TestCluster, TOPIC_ID } from "./testkit/test-cluster.ts";

const fast = { "replica.lag.time.max.ms": 3000, "replica.fetch.backoff.ms": 200 };

function told(response: FetchResponse): number[] {
  return response.responses.flatMap(({ partitions }) => partitions.map((at) => at.partitionIndex));
}

describe("a fetch session", () => {
  const asked = [{ partition: 0 }, { partition: 1 }, { partition: 2 }];

  it("tells only of partitions with news, and of all when it begins", () => {
    const cluster = new TestCluster({ brokers: 1, partitions: 3 });
    const full = cluster.fetch(0, asked, { sessionEpoch: 0 });
    cluster.run(10);
    const { sessionId, responses } = fetchedBy(full);
    expect(sessionId).toBeGreaterThan(0);
    expect(responses[0]?.partitions).toHaveLength(3);
    const waits = cluster.fetch(0, [], { sessionId, sessionEpoch: 1, maxWaitMs: 100 });
    cluster.run(120);
    expect(told(fetchedBy(waits))).toEqual([]);
    cluster.produce(0, batchOf(cluster), { index: 1 });
    cluster.run(10);
    const second = cluster.fetch(0, [], { sessionId, sessionEpoch: 2, maxWaitMs: 100 });
    cluster.run(10);
    expect(told(fetchedBy(second))).toEqual([1]);
    // The client did not take it: it is offered again.
    const third = cluster.fetch(0, [], { sessionId, sessionEpoch: 3, maxWaitMs: 100 });
    cluster.run(10);
    expect(told(fetchedBy(third))).toEqual([1]);
    const moved = [{ partition: 1, fetchOffset: 1 }];
    const fourth = cluster.fetch(0, moved, { sessionId, sessionEpoch: 4, maxWaitMs: 100 });
    cluster.run(120);
    expect(told(fetchedBy(fourth))).toEqual([]);
  });

  it("forgets partitions when it is told to", () => {
    const cluster = new TestCluster({ brokers: 1, partitions: 3 });
    const { sessionId } = (() => {
      const full = cluster.fetch(0, asked, { sessionEpoch: 0 });
      cluster.run(10);
      return fetchedBy(full);
    })();
    const forgottenTopicsData = [{ topicId: TOPIC_ID, partitions: [1] }];
    cluster.fetch(0, [], { sessionId, sessionEpoch: 1, forgottenTopicsData });
    cluster.run(10);
    cluster.produce(0, batchOf(cluster), { index: 1 });
    cluster.produce(0, batchOf(cluster), { index: 2 });
    cluster.run(20);
    const next = cluster.fetch(0, [], { sessionId, sessionEpoch: 2 });
    cluster.run(10);
    expect(told(fetchedBy(next))).toEqual([2]);
  });

  it("is refused when it is unknown or when its epoch is wrong", () => {
    const cluster = new TestCluster({ brokers: 1 });
    const unknown = cluster.fetch(0, [], { sessionId: 5, sessionEpoch: 1 });
    cluster.run(10);
    expect(fetchedBy(unknown).errorCode).toBe(Errors.FETCH_SESSION_ID_NOT_FOUND);
    const full = cluster.fetch(0, [{}], { sessionEpoch: 0 });
    cluster.run(10);
    const { sessionId } = fetchedBy(full);
    const wrong = cluster.fetch(0, [], { sessionId, sessionEpoch: 9 });
    cluster.run(10);
    expect(fetchedBy(wrong).errorCode).toBe(Errors.INVALID_FETCH_SESSION_EPOCH);
    const again = cluster.fetch(0, [{}], { sessionId, sessionEpoch: 0 });
    cluster.run(10);
    expect(fetchedBy(again).sessionId).not.toBe(sessionId);
    const over = cluster.fetch(0, [], { sessionId, sessionEpoch: 1 });
    cluster.run(10);
    expect(fetchedBy(over).errorCode).toBe(Errors.FETCH_SESSION_ID_NOT_FOUND);
  });

  it("is not given when the cache is full of clients", () => {
    const slots = { "max.incremental.fetch.session.cache.slots": 1 };
    const cluster = new TestCluster({ brokers: 1, broker: slots });
    const first = cluster.fetch(0, [{}], { sessionEpoch: 0 });
    cluster.run(10);
    const second = cluster.fetch(0, [{}], { sessionEpoch: 0 });
    cluster.run(10);
    expect(fetchedBy(first).sessionId).toBeGreaterThan(0);
    expect(fetchedBy(second)).toMatchObject({ sessionId: 0, errorCode: 0 });
  });

  it("looks at nothing of many idle partitions", () => {
    const cluster = new TestCluster({ partitions: 200, broker: fast });
    cluster.run(2000);
    const { node } = cluster.broker(0);
    const before = node.factsOf("follower-fetched").length;
    cluster.run(20000);
    expect(node.factsOf("follower-fetched").length).toBe(before);
    cluster.produce(0, batchOf(cluster), { index: 77 });
    cluster.run(1000);
    expect(node.factsOf("follower-fetched").length - before).toBeLessThan(10);
    expect(cluster.proposals).toEqual([]);
  });
});
