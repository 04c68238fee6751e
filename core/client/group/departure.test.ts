import { describe, expect, it } from "vitest";
import { ApiKeys } from "../../protocol/message.ts";
import { batchOf, groupBench } from "./member-bench.testkit.ts";

describe("close", () => {
  it("revokes, leaves with a reason, waits for the answer, and tells that it is done", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1").subscribe("t").loop();
    cluster.world.run(300);
    let closedAtMs = -1;
    const startMs = cluster.world.nowMs;
    one.consumer.close(1000, () => (closedAtMs = cluster.world.nowMs));
    expect(one.events).toEqual(["assigned t-0,t-1"]);
    cluster.world.run(500);
    expect(one.events).toEqual(["assigned t-0,t-1", "revoked t-0,t-1"]);
    expect(closedAtMs - startMs).toBeLessThan(20);
    expect(group.members.size).toBe(0);
    expect(cluster.requests(ApiKeys.LEAVE_GROUP)[0]?.body.members[0]).toMatchObject({
      memberId: "c1-m1",
      reason: "the consumer is being closed",
    });
    expect(one.factsOf("member-left")).toMatchObject([{ why: "closed", told: true }]);
    const before = cluster.seen.length;
    cluster.world.run(5000);
    expect(cluster.seen).toHaveLength(before);
  });

  it("stays in the group, and tells no listener, when it is not to leave", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1", { "internal.leave.group.on.close": false }).subscribe("t").loop();
    cluster.world.run(300);
    let isClosed = false;
    one.consumer.close(1000, () => (isClosed = true));
    cluster.world.run(100);
    expect(isClosed).toBe(true);
    expect(group.members.size).toBe(1);
    expect(one.events).toEqual(["assigned t-0,t-1"]);
    expect(one.factsOf("member-left")).toMatchObject([{ why: "closed", told: false }]);
  });

  it("waits for a commit that is under way, and no longer", () => {
    const { cluster, group, member } = groupBench();
    const settings = { "enable.auto.commit": false, "group.instance.id": "i" };
    const one = member("c1", settings).subscribe("t").loop();
    cluster.world.run(300);
    let isClosed = false;
    one.consumer.commitSync([{ topic: "t", partition: 0, offset: 0, leaderEpoch: -1 }], () => {});
    cluster.world.runUntil(() => one.factsOf("commit-sent").length === 1);
    one.consumer.close(1000, () => (isClosed = true));
    cluster.world.run(100);
    expect(isClosed).toBe(true);
    expect(group.offsets.get("t-0")).toBeDefined();
    expect(one.factsOf("member-left")).toMatchObject([{ told: false }]);
  });

  it("is over at the end of its time when the coordinator does not answer", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1").subscribe("t").loop();
    cluster.world.run(300);
    group.answer(ApiKeys.OFFSET_COMMIT, "silent");
    let closedAtMs = -1;
    const startMs = cluster.world.nowMs;
    one.consumer.close(200, () => (closedAtMs = cluster.world.nowMs));
    cluster.world.run(1000);
    expect(closedAtMs - startMs).toBe(200);
    expect(one.events.at(-1)).toBe("revoked t-0,t-1");
  });

  it("without any time still sends the commit and the leave", () => {
    const { cluster, group, member } = groupBench();
    cluster.append("t", 0, batchOf("a"));
    const one = member("c1", { "auto.commit.interval.ms": 100000 }).subscribe("t").loop();
    cluster.world.run(300);
    let isClosed = false;
    one.consumer.close(0, () => (isClosed = true));
    cluster.world.run(0);
    expect(isClosed).toBe(true);
    expect(one.factsOf("commit-sent")).toHaveLength(1);
    expect(one.factsOf("member-left")).toMatchObject([{ told: true }]);
    expect(group.offsets.get("t-0")).toBeUndefined();
  });

  it("waits for the listener that runs, and for the one that it calls", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1").subscribe("t");
    one.during = (_event, done) => cluster.world.later(one.node, 100, done);
    one.loop();
    cluster.world.runUntil(() => one.events.length === 1);
    let isClosed = false;
    one.consumer.close(1000, () => (isClosed = true));
    cluster.world.run(150);
    expect(one.events).toEqual(["assigned t-0,t-1", "revoked t-0,t-1"]);
    expect([isClosed, group.members.size]).toEqual([false, 1]);
    cluster.world.run(100);
    expect([isClosed, group.members.size]).toEqual([true, 0]);
  });

  it("in the middle of a rebalance loses what it owns", () => {
    const { cluster, group, member } = groupBench();
    const strategy = { "partition.assignment.strategy": "cooperative-sticky" };
    const one = member("c1", strategy).subscribe("t").loop();
    cluster.world.run(300);
    group.answer(ApiKeys.JOIN_GROUP, "silent");
    one.consumer.enforceRebalance();
    cluster.world.run(50);
    one.consumer.close(100);
    cluster.world.run(300);
    expect(one.events.at(-1)).toBe("lost t-0,t-1");
    expect(one.factsOf("member-left")).toMatchObject([{ told: true }]);
  });

  it("needs no group", () => {
    const { cluster, member } = groupBench();
    const one = member("c1", { "group.id": "" });
    let isClosed = false;
    one.consumer.close(100, () => (isClosed = true));
    expect(isClosed).toBe(false);
    cluster.world.run(1);
    expect(isClosed).toBe(true);
  });
});

describe("unsubscribe", () => {
  it("gives up everything, leaves, and can subscribe again", () => {
    const { cluster, group, member } = groupBench();
    cluster.append("t", 0, batchOf("a"));
    const one = member("c1", { "auto.commit.interval.ms": 100000 }).subscribe("t").loop();
    cluster.world.run(300);
    let isDone = false;
    one.consumer.unsubscribe(() => (isDone = true));
    expect(isDone).toBe(false);
    cluster.world.run(50);
    expect(isDone).toBe(true);
    expect(one.events.at(-1)).toBe("revoked t-0,t-1");
    expect([one.owned, group.members.size]).toEqual([[], 0]);
    expect(one.factsOf("commit-sent")).toEqual([]);
    expect(one.factsOf("member-left")).toMatchObject([{ why: "unsubscribed", told: true }]);
    one.subscribe("t");
    cluster.world.run(300);
    expect(one.owned).toEqual(["t-0", "t-1"]);
    expect(cluster.requests(ApiKeys.JOIN_GROUP).map(({ body }) => body.memberId)).toEqual([
      "",
      "c1-m1",
      "",
      "c1-m2",
    ]);
  });

  it("is what an empty subscription and an empty assignment mean", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1").subscribe("t").loop();
    cluster.world.run(300);
    one.consumer.subscribe([]);
    cluster.world.run(50);
    expect(group.members.size).toBe(0);
    one.consumer.assign([{ topic: "t", partition: 1 }]);
    expect(one.owned).toEqual(["t-1"]);
    one.consumer.assign([]);
    cluster.world.run(50);
    expect(one.owned).toEqual([]);
  });
});
