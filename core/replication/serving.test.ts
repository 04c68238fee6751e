import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import type { FetchPartition, FetchPartitionResponse, FetchResponse } from "../protocol/fetch.ts";
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP } from "../protocol/list-offsets.ts";
import { ApiKeys } from "../protocol/message.ts";
import { makeRules } from "../rules.ts";
import { IsrRules } from "./isr-rules.ts";
import { ServingRules } from "./serving-rules.ts";
import {
  batchOf,
  fetchedBy,
  producedTo,
  TestCluster,
  TOPIC,
  TOPIC_ID,
} from "./testkit/test-cluster.ts";

const fast = { "replica.lag.time.max.ms": 3000, "replica.fetch.backoff.ms": 200 };

function only(response: FetchResponse): FetchPartitionResponse {
  const partition = response.responses[0]?.partitions[0];
  if (partition === undefined) throw new Error("an answer without a partition");
  return partition;
}

function told(response: FetchResponse): number[] {
  return response.responses.flatMap(({ partitions }) => partitions.map((at) => at.partitionIndex));
}

describe("produce", () => {
  it("refuses acks that do not exist", () => {
    const cluster = new TestCluster();
    const result = cluster.produce(0, batchOf(cluster), { acks: 2 });
    cluster.run(10);
    expect(producedTo(result).errorCode).toBe(Errors.INVALID_REQUIRED_ACKS);
  });

  it("answers NOT_LEADER_OR_FOLLOWER with a hint where it does not lead", () => {
    const cluster = new TestCluster();
    const result = cluster.produce(1, batchOf(cluster));
    cluster.run(10);
    expect(producedTo(result)).toMatchObject({
      errorCode: Errors.NOT_LEADER_OR_FOLLOWER,
      currentLeader: { leaderId: 0, leaderEpoch: 0 },
    });
  });

  it("names an unknown partition, and an unknown topic id", () => {
    const cluster = new TestCluster();
    const result = cluster.produce(0, batchOf(cluster), { index: 9 });
    const body = {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ topicId: "nothing", partitionData: [{ index: 0, records: [] }] }],
    };
    const other = cluster.send(0, ApiKeys.PRODUCE, body, "other");
    cluster.run(10);
    expect(producedTo(result).errorCode).toBe(Errors.UNKNOWN_TOPIC_OR_PARTITION);
    expect(producedTo(other).errorCode).toBe(Errors.UNKNOWN_TOPIC_ID);
  });

  it("appends nothing when a partition gets other than one batch", () => {
    const cluster = new TestCluster();
    const body = {
      transactionalId: null,
      acks: 1,
      timeoutMs: 1000,
      topicData: [
        {
          topicId: TOPIC_ID,
          partitionData: [{ index: 0, records: [batchOf(cluster), batchOf(cluster)] }],
        },
      ],
    };
    const result = cluster.send(0, ApiKeys.PRODUCE, body);
    cluster.run(10);
    expect(producedTo(result).errorCode).toBe(Errors.INVALID_RECORD);
    expect(cluster.broker(0).log().endOffset).toBe(0);
  });

  it("answers REQUEST_TIMED_OUT when the ISR takes too long, and keeps the record", () => {
    const cluster = new TestCluster();
    cluster.run(50);
    cluster.world.cut("b0", "b1");
    const result = cluster.produce(0, batchOf(cluster), { timeoutMs: 400 });
    cluster.run(450);
    expect(producedTo(result).errorCode).toBe(Errors.REQUEST_TIMED_OUT);
    expect(cluster.broker(0).log().endOffset).toBe(1);
    expect(cluster.broker(0).node.factsOf("ack-sent")).toEqual([]);
  });

  it("ends the connection instead of an answer when acks=0 fails", () => {
    const cluster = new TestCluster();
    const good = cluster.produce(0, batchOf(cluster), { acks: 0, channel: "zero" });
    cluster.run(20);
    expect(cluster.broker(0).log().endOffset).toBe(1);
    expect(good.outcome).toBeNull();
    const waits = cluster.fetch(1, [], { maxWaitMs: 10 }, "zero");
    cluster.run(20);
    expect(waits.outcome?.kind).toBe("response");
    cluster.produce(1, batchOf(cluster), { acks: 0, channel: "zero" });
    const after = cluster.fetch(1, [{}], { maxWaitMs: 500 }, "zero");
    cluster.run(20);
    expect(after.outcome?.kind).toBe("disconnected");
  });

  it("finds a duplicate, answers its first offset, and waits for it as for a new one", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    const body = batchOf(cluster, 2, { id: 7, sequence: 0 });
    cluster.world.hold("b1", "b0");
    const first = cluster.produce(0, body, { channel: "p1" });
    cluster.run(10);
    const second = cluster.produce(0, body, { channel: "p2" });
    cluster.run(100);
    expect([first.outcome, second.outcome]).toEqual([null, null]);
    cluster.world.release("b1", "b0");
    cluster.run(20);
    expect(producedTo(first)).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(producedTo(second)).toMatchObject({ errorCode: 0, baseOffset: 0 });
    const { node } = cluster.broker(0);
    expect(node.factsOf("duplicate-found")).toMatchObject([{ producerId: 7, baseOffset: 0 }]);
    expect(node.factsOf("ack-sent").map((fact) => fact.duplicate)).toEqual([false, true]);
    expect(cluster.broker(0).log().endOffset).toBe(2);
  });

  it("tells of a stale producer epoch", () => {
    const cluster = new TestCluster();
    cluster.produce(0, batchOf(cluster, 1, { id: 7, epoch: 3, sequence: 0 }));
    cluster.run(20);
    const stale = cluster.produce(0, batchOf(cluster, 1, { id: 7, epoch: 2, sequence: 1 }));
    cluster.run(20);
    expect(producedTo(stale).errorCode).toBe(Errors.INVALID_PRODUCER_EPOCH);
    expect(cluster.broker(0).node.factsOf("stale-epoch-refused")).toMatchObject([
      { given: 2, current: 3 },
    ]);
  });

  it("answers NOT_ENOUGH_REPLICAS_AFTER_APPEND when too few are left once it is replicated", () => {
    // With correct rules the high watermark would not move at all.
    const isr = class extends IsrRules {
      override mayAdvance(): boolean {
        return true;
      }
    };
    const cluster = new TestCluster({
      broker: fast,
      topic: { "min.insync.replicas": 2 },
      rules: makeRules({ isr }),
    });
    cluster.run(50);
    cluster.world.cut("b0", "b1");
    cluster.world.cut("b0", "b2");
    const result = cluster.produce(0, batchOf(cluster));
    cluster.run(10);
    cluster.register(1, 11, true);
    cluster.register(2, 12, true);
    cluster.change({ isr: [0] });
    cluster.run(10);
    expect(producedTo(result).errorCode).toBe(Errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    expect(cluster.broker(0).node.factsOf("ack-sent")).toEqual([]);
  });
});

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

describe("offsets", () => {
  const list = (
    cluster: TestCluster,
    to: number,
    timestamp: number,
    replicaId: number = -1,
  ): unknown => {
    const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }];
    const body = {
      replicaId,
      isolationLevel: 0,
      topics: [{ name: TOPIC, partitions }],
      timeoutMs: 1000,
    };
    const result = cluster.send(to, ApiKeys.LIST_OFFSETS, body);
    cluster.run(10);
    if (result.outcome?.kind !== "response") throw new Error("no answer");
    return result.outcome.body.topics[0]?.partitions[0];
  };

  it("latest is the high watermark for clients and the end for followers; earliest the start", () => {
    const cluster = new TestCluster();
    cluster.run(50);
    cluster.produce(0, batchOf(cluster, 2));
    cluster.run(20);
    cluster.world.cut("b0", "b1");
    cluster.produce(0, batchOf(cluster, 3), { acks: 1 });
    cluster.run(20);
    expect(list(cluster, 0, LATEST_TIMESTAMP)).toMatchObject({ errorCode: 0, offset: 2 });
    expect(list(cluster, 0, LATEST_TIMESTAMP, 1)).toMatchObject({ errorCode: 0, offset: 5 });
    expect(list(cluster, 0, EARLIEST_TIMESTAMP)).toMatchObject({ offset: 0, leaderEpoch: 0 });
    expect(list(cluster, 1, LATEST_TIMESTAMP)).toMatchObject({
      errorCode: Errors.NOT_LEADER_OR_FOLLOWER,
    });
    expect(list(cluster, 0, cluster.world.startMs)).toMatchObject({ errorCode: 0, offset: 0 });
    expect(list(cluster, 0, cluster.world.startMs + 999999)).toMatchObject({ offset: -1 });
  });

  it("are not told while a new leader's high watermark lags behind its epoch's start", () => {
    const cluster = new TestCluster();
    cluster.run(50);
    cluster.produce(0, batchOf(cluster, 3));
    cluster.run(15);
    expect(cluster.broker(1).log().endOffset).toBe(3);
    expect(cluster.broker(1).log().highWatermark).toBe(0);
    cluster.broker(0).node.kill();
    cluster.world.cut("b1", "b2");
    cluster.change({ leader: 1, isr: [1, 2] });
    expect(list(cluster, 1, LATEST_TIMESTAMP)).toMatchObject({
      errorCode: Errors.OFFSET_NOT_AVAILABLE,
    });
    expect(list(cluster, 1, EARLIEST_TIMESTAMP)).toMatchObject({ errorCode: 0, offset: 0 });
    cluster.world.mend("b1", "b2");
    cluster.run(2000);
    expect(list(cluster, 1, LATEST_TIMESTAMP)).toMatchObject({ errorCode: 0, offset: 3 });
  });

  it("of the end of an epoch come from the epoch cache", () => {
    const cluster = new TestCluster();
    cluster.run(50);
    cluster.produce(0, batchOf(cluster, 3));
    cluster.run(600);
    cluster.change({ leader: 1 });
    cluster.run(50);
    cluster.produce(1, batchOf(cluster, 2));
    cluster.run(600);
    const ask = (leaderEpoch: number): unknown => {
      const partitions = [{ partition: 0, currentLeaderEpoch: 1, leaderEpoch }];
      const body = { replicaId: -1, topics: [{ topic: TOPIC, partitions }] };
      const result = cluster.send(1, ApiKeys.OFFSET_FOR_LEADER_EPOCH, body);
      cluster.run(10);
      if (result.outcome?.kind !== "response") throw new Error("no answer");
      return result.outcome.body.topics[0]?.partitions[0];
    };
    expect(ask(0)).toEqual({ partition: 0, errorCode: 0, leaderEpoch: 0, endOffset: 3 });
    expect(ask(1)).toEqual({ partition: 0, errorCode: 0, leaderEpoch: 1, endOffset: 5 });
    expect(ask(2)).toEqual({ partition: 0, errorCode: 0, leaderEpoch: -1, endOffset: -1 });
  });
});
