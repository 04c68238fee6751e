import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { ApiKeys } from "../protocol/message.ts";
import { makeRules } from "../rules.ts";
import { IsrRules } from "./isr-rules.ts";
import { batchOf, producedTo, TestCluster, TOPIC_ID } from "./testkit/test-cluster.ts";

const fast = { "replica.lag.time.max.ms": 3000, "replica.fetch.backoff.ms": 200 };

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
      currentLeader: { leaderId: 0, leaderEpoch: 0, leaderHost: "b0" },
    });
  });

  it("does not say where a leader is that it takes for fenced", () => {
    const cluster = new TestCluster();
    cluster.register(0, 10, true);
    cluster.publish([1]);
    const result = cluster.produce(1, batchOf(cluster));
    cluster.run(10);
    const answer = producedTo(result);
    expect(answer).toMatchObject({ currentLeader: { leaderId: 0, leaderEpoch: 0 } });
    expect(answer).not.toHaveProperty("currentLeader.leaderHost");
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
    const elsewhere = cluster.send(1, ApiKeys.PRODUCE, body);
    cluster.run(10);
    expect(producedTo(result).errorCode).toBe(Errors.INVALID_RECORD);
    expect(producedTo(elsewhere).errorCode).toBe(Errors.INVALID_RECORD);
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
