import { describe, expect, it } from "vitest";
import { Errors } from "../../errors.ts";
import { ApiKeys } from "../../protocol/message.ts";
import { batchOf, groupBench } from "./member-bench.testkit.ts";

const MANUAL = { "enable.auto.commit": false };
const T0 = [{ topic: "t", partition: 0 }];

describe("an owned partition without a position", () => {
  it("begins at the committed offset, else where auto.offset.reset says", () => {
    const { cluster, group, member } = groupBench({ t: 2 });
    cluster.append("t", 0, batchOf("a", "b"));
    cluster.append("t", 1, batchOf("c", "d"));
    group.offsets.set("t-0", { offset: 1, leaderEpoch: -1, metadata: null });
    const one = member("c1", MANUAL).subscribe("t").loop();
    cluster.world.run(300);
    expect(one.values.toSorted()).toEqual(["b", "c", "d"]);
    const set = one.factsOf("position-set");
    expect(set.map(({ partition, why, offset }) => [partition, why, offset])).toEqual([
      ["t-0", "committed", 1],
      ["t-1", "assigned", 0],
    ]);
    expect(cluster.requests(ApiKeys.OFFSET_FETCH)[0]?.body.requireStable).toBe(true);
  });

  it("is an error without a policy", () => {
    const { cluster, member } = groupBench({ t: 1 });
    const one = member("c1", { ...MANUAL, "auto.offset.reset": "none" })
      .subscribe("t")
      .loop();
    cluster.world.run(300);
    expect(one.errors).toEqual(["NO_OFFSET_FOR_PARTITION"]);
    cluster.append("t", 0, batchOf("a"));
    one.consumer.seek("t", 0, 0);
    cluster.world.run(100);
    expect(one.values).toEqual(["a"]);
  });

  it("has the epoch of a committed offset checked before it is fetched", () => {
    const { cluster, group, member } = groupBench({ t: 1 });
    cluster.append("t", 0, batchOf("a"));
    cluster.elect("t", 0, 2);
    cluster.append("t", 0, batchOf("B", "C"));
    group.offsets.set("t-0", { offset: 3, leaderEpoch: 0, metadata: null });
    const one = member("c1", MANUAL).subscribe("t").loop();
    cluster.world.run(300);
    expect(cluster.requests(ApiKeys.OFFSET_FOR_LEADER_EPOCH)).toHaveLength(1);
    expect(one.values).toEqual(["B", "C"]);
    expect(one.factsOf("position-set").map(({ why }) => why)).toEqual(["committed", "truncation"]);
  });

  it("waits for a leader as new as the epoch that was committed", () => {
    const { cluster, group, member } = groupBench({ t: 1 });
    const one = member("c1", MANUAL).subscribe("t").loop();
    cluster.world.run(300);
    cluster.elect("t", 0, 2);
    cluster.append("t", 0, batchOf("a"));
    group.offsets.set("t-0", { offset: 1, leaderEpoch: 1, metadata: null });
    one.consumer.enforceRebalance();
    cluster.world.run(500);
    cluster.append("t", 0, batchOf("b"));
    cluster.world.run(300);
    expect(one.values).toEqual(["b"]);
    expect(
      one
        .factsOf("position-set")
        .slice(1)
        .map(({ why }) => why),
    ).toEqual(["committed"]);
  });

  it("is asked about again while that is retriable, and told when it is not", () => {
    const { cluster, group, member } = groupBench({ t: 1 });
    cluster.append("t", 0, batchOf("a"));
    group.refuse(
      ApiKeys.OFFSET_FETCH,
      Errors.COORDINATOR_LOAD_IN_PROGRESS,
      Errors.NOT_COORDINATOR,
      Errors.UNKNOWN_SERVER_ERROR,
    );
    const one = member("c1", MANUAL).subscribe("t").loop();
    cluster.world.run(1000);
    expect(one.errors).toEqual(["UNKNOWN_SERVER_ERROR"]);
    expect(one.values).toEqual(["a"]);
  });

  it("is not set by an answer that was asked for in an earlier generation", () => {
    const { cluster, group, member } = groupBench({ t: 1 });
    cluster.append("t", 0, batchOf("a", "b", "c"));
    let late: (() => void) | null = null;
    group.answer(ApiKeys.OFFSET_FETCH, (respond) => {
      const partition = {
        partitionIndex: 0,
        committedOffset: 0,
        committedLeaderEpoch: -1,
        metadata: null,
        errorCode: 0,
      };
      const topics = [{ name: "t", partitions: [partition] }];
      late = () => respond({ groups: [{ groupId: "g", topics, errorCode: 0 }] });
    });
    const one = member("c1", MANUAL).subscribe("t").loop();
    cluster.world.runUntil(() => late !== null);
    group.offsets.set("t-0", { offset: 2, leaderEpoch: -1, metadata: null });
    one.consumer.enforceRebalance();
    cluster.world.run(5);
    // Answers of one connection come in order: the join waits behind it.
    late!();
    cluster.world.run(500);
    expect(one.values).toEqual(["c"]);
  });

  it("can be set by the user in the listener, and then is asked about no more", () => {
    const { cluster, member } = groupBench({ t: 1 });
    cluster.append("t", 0, batchOf("a", "b"));
    const one = member("c1", MANUAL).subscribe("t");
    one.during = (_event, done) => {
      one.consumer.seek("t", 0, 1);
      cluster.world.later(one.node, 50, done);
    };
    one.loop();
    cluster.world.run(300);
    expect(one.values).toEqual(["b"]);
    expect(cluster.requests(ApiKeys.OFFSET_FETCH)).toEqual([]);
  });

  it("begins anew when it comes back", () => {
    const { cluster, group, member } = groupBench({ t: 1 });
    cluster.append("t", 0, batchOf("a", "b", "c"));
    const one = member("c1", MANUAL).subscribe("t").loop();
    cluster.world.run(300);
    group.offsets.set("t-0", { offset: 1, leaderEpoch: 0, metadata: null });
    one.consumer.enforceRebalance();
    cluster.world.run(500);
    expect(one.values).toEqual(["a", "b", "c", "b", "c"]);
  });
});

describe("fetched data", () => {
  it("of a partition that is not owned any more is dropped", () => {
    const { cluster, member } = groupBench({ t: 2 });
    const one = member("c1", { ...MANUAL, "max.poll.records": 1 })
      .subscribe("t")
      .loop();
    cluster.world.run(300);
    one.isStopped = true;
    cluster.append("t", 1, batchOf("a", "b", "c"));
    cluster.world.run(200);
    const two = member("c2", MANUAL).subscribe("t").loop();
    cluster.world.run(100);
    const before = one.values.length;
    one.loop();
    cluster.world.run(500);
    expect(one.owned).toEqual(["t-0"]);
    expect(one.values).toHaveLength(before);
    expect(two.values).toEqual(["a", "b", "c"]);
  });

  it("of a paused partition is kept until it is resumed, and others go on", () => {
    const { cluster, member } = groupBench({ t: 1 });
    const one = member("c1", { ...MANUAL, "max.poll.records": 1 });
    // Both are led by the same broker.
    cluster.partition("t", 0).leader = 1;
    cluster.topics.get("t")!.partitions.push({
      leader: 1,
      leaderEpoch: 0,
      startOffset: 0,
      batches: [],
    });
    cluster.append("t", 0, batchOf("a", "b"));
    one.subscribe("t").loop();
    cluster.world.runUntil(() => one.values.length === 1);
    one.consumer.pause(T0);
    expect(one.consumer.paused).toEqual(T0);
    cluster.append("t", 1, batchOf("x"));
    cluster.world.run(300);
    expect(one.values).toEqual(["a", "x"]);
    const before = cluster.requests(ApiKeys.FETCH).length;
    one.consumer.resume(T0);
    cluster.world.run(2);
    expect(one.values).toEqual(["a", "x", "b"]);
    expect(cluster.requests(ApiKeys.FETCH).length - before).toBeLessThan(3);
  });

  it("of topics that are not subscribed to any more is dropped at once", () => {
    const { cluster, member } = groupBench({ t: 1, u: 1 });
    const one = member("c1", { ...MANUAL, "max.poll.records": 1 })
      .subscribe("t", "u")
      .loop();
    cluster.world.run(300);
    cluster.append("t", 0, batchOf("a", "b", "c"));
    cluster.world.runUntil(() => one.values.length === 1);
    one.subscribe("u");
    cluster.world.run(500);
    expect(one.values).toEqual(["a"]);
    expect(one.owned).toEqual(["u-0"]);
  });
});
