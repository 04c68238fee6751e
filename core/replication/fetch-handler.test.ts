import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import type { FetchPartition, FetchPartitionResponse, FetchResponse } from "../protocol/fetch.ts";
import { makeRules } from "../rules.ts";
import { ServingRules } from "./serving-rules.ts";
import { batchOf, fetchedBy, TestCluster } from "./testkit/test-cluster.ts";

const fast = { "replica.lag.time.max.ms": 3000, "replica.fetch.backoff.ms": 200 };

function only(response: FetchResponse): FetchPartitionResponse {
  const partition = response.responses[0]?.partitions[0];
  if (partition === undefined) throw new Error("an answer without a partition");
  return partition;
}

describe("fetch by a client", () => {
  it("gives records below the high watermark only", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    cluster.produce(0, batchOf(cluster, 2));
    cluster.run(20);
    cluster.world.cut("b0", "b1");
    cluster.produce(0, batchOf(cluster, 3), { acks: 1 });
    cluster.run(20);
    const result = cluster.fetch(0, [{}]);
    cluster.run(10);
    const answer = only(fetchedBy(result));
    expect(answer.records.map((batch) => batch.lastOffset)).toEqual([1]);
    expect(answer).toMatchObject({ highWatermark: 2, lastStableOffset: 2, logStartOffset: 0 });
    expect(cluster.broker(0).node.factsOf("fetch-served")).toMatchObject([{ fetchOffset: 0 }]);
  });

  it("R18 replaced: gives records up to the end", () => {
    const serving = class extends ServingRules {
      override readLimit(_reader: "client" | "follower", endOffset: number): number {
        return endOffset;
      }
    };
    const cluster = new TestCluster({ rules: makeRules({ serving }) });
    cluster.run(50);
    cluster.world.cut("b0", "b1");
    const waits = cluster.fetch(0, [{}], { maxWaitMs: 5000 });
    cluster.run(20);
    cluster.produce(0, batchOf(cluster, 3), { acks: 1 });
    cluster.run(20);
    expect(only(fetchedBy(waits)).records).toHaveLength(1);
  });

  it("waits at the end and above the high watermark, at most as long as it allows", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    const atEnd = cluster.fetch(0, [{}], { maxWaitMs: 400 });
    cluster.run(300);
    expect(atEnd.outcome).toBeNull();
    cluster.run(150);
    expect(only(fetchedBy(atEnd))).toMatchObject({ errorCode: 0, records: [] });
    cluster.world.cut("b0", "b1");
    cluster.produce(0, batchOf(cluster, 3), { acks: 1 });
    cluster.run(20);
    const above = cluster.fetch(0, [{ fetchOffset: 2 }], { maxWaitMs: 400 });
    cluster.run(300);
    expect(above.outcome).toBeNull();
    cluster.run(150);
    expect(only(fetchedBy(above))).toMatchObject({ errorCode: 0, records: [] });
  });

  it("is answered as soon as the record that it waits for is committed", () => {
    const cluster = new TestCluster();
    cluster.run(50);
    const waits = cluster.fetch(0, [{}], { maxWaitMs: 10000 });
    cluster.run(100);
    cluster.produce(0, batchOf(cluster));
    cluster.run(30);
    expect(only(fetchedBy(waits)).records).toHaveLength(1);
  });

  it("waits for min.bytes", () => {
    const cluster = new TestCluster({ brokers: 1 });
    const waits = cluster.fetch(0, [{}], { maxWaitMs: 10000, minBytes: 200 });
    cluster.run(20);
    cluster.produce(0, batchOf(cluster));
    cluster.run(20);
    expect(waits.outcome).toBeNull();
    cluster.produce(0, batchOf(cluster, 9));
    cluster.run(20);
    expect(only(fetchedBy(waits)).records).toHaveLength(2);
  });

  it("counts a batch above the partition's limit when it waits for min.bytes", () => {
    const cluster = new TestCluster({ brokers: 1 });
    const asked = { maxWaitMs: 10000, minBytes: 100 };
    const waits = cluster.fetch(0, [{ partitionMaxBytes: 100 }], asked);
    cluster.run(20);
    cluster.produce(0, batchOf(cluster, 9));
    cluster.run(20);
    expect(only(fetchedBy(waits)).records).toHaveLength(1);
  });

  it("waits for no more bytes once the log goes on in another segment", () => {
    const cluster = new TestCluster({ brokers: 1, topic: { "segment.bytes": 200 } });
    const waits = cluster.fetch(0, [{}], { maxWaitMs: 10000, minBytes: 10000 });
    cluster.run(20);
    cluster.produce(0, batchOf(cluster, 3));
    cluster.run(20);
    expect(waits.outcome).toBeNull();
    cluster.produce(0, batchOf(cluster, 8));
    cluster.run(20);
    expect(only(fetchedBy(waits)).records).toHaveLength(1);
  });

  it("gives whole batches within the limits, but at least one", () => {
    const cluster = new TestCluster({ brokers: 1, partitions: 2 });
    for (let index = 0; index < 2; index++) {
      cluster.produce(0, batchOf(cluster), { index });
      cluster.produce(0, batchOf(cluster), { index });
    }
    cluster.run(50);
    const result = cluster.fetch(0, [{ partition: 0 }, { partition: 1 }], { maxBytes: 1 });
    cluster.run(10);
    const [first, second] = fetchedBy(result).responses[0]?.partitions ?? [];
    expect(first?.records).toHaveLength(1);
    expect(second?.records).toHaveLength(0);
  });

  it("names what is wrong with an offset or an epoch", () => {
    const cluster = new TestCluster();
    cluster.change({ leader: 1 });
    cluster.change({ leader: 0 });
    cluster.run(50);
    const ask = (partition: Partial<FetchPartition>): FetchPartitionResponse => {
      const result = cluster.fetch(0, [partition], { maxWaitMs: 500 });
      cluster.run(10);
      return only(fetchedBy(result));
    };
    expect(ask({ fetchOffset: 5 }).errorCode).toBe(Errors.OFFSET_OUT_OF_RANGE);
    expect(ask({ currentLeaderEpoch: 1 })).toMatchObject({
      errorCode: Errors.FENCED_LEADER_EPOCH,
      currentLeader: { leaderId: 0, leaderEpoch: 2 },
    });
    expect(ask({ currentLeaderEpoch: 3 }).errorCode).toBe(Errors.UNKNOWN_LEADER_EPOCH);
    expect(ask({ partition: 7 }).errorCode).toBe(Errors.UNKNOWN_TOPIC_OR_PARTITION);
    expect(cluster.broker(0).node.factsOf("stale-epoch-refused")).toMatchObject([
      { given: 1, current: 2 },
    ]);
    const elsewhere = cluster.fetch(1, [{}]);
    cluster.run(10);
    expect(only(fetchedBy(elsewhere)).errorCode).toBe(Errors.NOT_LEADER_OR_FOLLOWER);
  });

  it("is answered with an error when the leadership it waits on ends", () => {
    const cluster = new TestCluster();
    cluster.run(50);
    const waits = cluster.fetch(0, [{ currentLeaderEpoch: 0 }], { maxWaitMs: 10000 });
    cluster.run(20);
    cluster.change({ leader: 1 });
    cluster.run(10);
    expect(only(fetchedBy(waits)).errorCode).toBe(Errors.FENCED_LEADER_EPOCH);
  });
});

describe("followers' fetches", () => {
  const replicaState = { replicaId: 1, replicaEpoch: 11 };

  it("are refused for a replaced incarnation, and do not count", () => {
    const cluster = new TestCluster();
    cluster.broker(1).node.kill();
    cluster.register(1, 99);
    cluster.publish();
    cluster.produce(0, batchOf(cluster), { acks: 1 });
    cluster.run(20);
    const stale = cluster.fetch(0, [{ fetchOffset: 1 }], { replicaState });
    cluster.run(10);
    expect(only(fetchedBy(stale)).errorCode).toBe(Errors.NOT_LEADER_OR_FOLLOWER);
    expect(cluster.broker(0).node.factsOf("stale-epoch-refused")).toMatchObject([
      { given: 11, current: 99 },
    ]);
    expect(cluster.broker(0).log().highWatermark).toBe(0);
  });

  it("of brokers that hold no replica are refused", () => {
    const cluster = new TestCluster();
    const ask = (currentLeaderEpoch: number): number => {
      const foreign = { replicaId: 8, replicaEpoch: 1 };
      const result = cluster.fetch(0, [{ currentLeaderEpoch }], { replicaState: foreign });
      cluster.run(10);
      return only(fetchedBy(result)).errorCode;
    };
    expect(ask(0)).toBe(Errors.UNKNOWN_LEADER_EPOCH);
    expect(ask(-1)).toBe(Errors.NOT_LEADER_OR_FOLLOWER);
  });

  it("that diverge are told where, and do not count", () => {
    const cluster = new TestCluster();
    cluster.run(20);
    cluster.produce(0, batchOf(cluster, 4));
    cluster.run(50);
    cluster.change({ leader: 2 });
    cluster.change({ leader: 0 });
    cluster.run(50);
    const before = cluster.broker(0).node.factsOf("follower-fetched").length;
    const at = { currentLeaderEpoch: 2, fetchOffset: 6, lastFetchedEpoch: 0 };
    const result = cluster.fetch(0, [at], { replicaState });
    cluster.run(2);
    cluster.run(8);
    expect(only(fetchedBy(result))).toMatchObject({
      errorCode: 0,
      divergingEpoch: { epoch: 0, endOffset: 4 },
      records: [],
    });
    const facts = cluster.broker(0).node.factsOf("follower-fetched").slice(before);
    expect(facts.every((fact) => fact.fetchOffset !== 6)).toBe(true);
  });
});
