import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP } from "../protocol/list-offsets.ts";
import { ApiKeys } from "../protocol/message.ts";
import { batchOf, TestCluster, TOPIC } from "./testkit/test-cluster.ts";

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
    expect(list(cluster, 0, -3)).toMatchObject({
      errorCode: Errors.UNSUPPORTED_VERSION,
      offset: -1,
    });
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
    // Not what lies beyond it either; a follower is told the end.
    expect(list(cluster, 1, cluster.world.startMs)).toMatchObject({
      errorCode: Errors.OFFSET_NOT_AVAILABLE,
    });
    expect(list(cluster, 1, LATEST_TIMESTAMP, 2)).toMatchObject({ errorCode: 0, offset: 3 });
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
