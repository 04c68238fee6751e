import { describe, expect, it } from "vitest";
import { Errors } from "../../errors.ts";
import { decodeSubscription } from "../../group/assignors/consumer-protocol.ts";
import type { ConsumerPartitionAssignor } from "../../group/assignors/assignor.ts";
import type { ApiKey } from "../../protocol/message.ts";
import { ApiKeys } from "../../protocol/message.ts";
import { batchOf, groupBench } from "./member-bench.testkit.ts";

const COOPERATIVE = { "partition.assignment.strategy": "cooperative-sticky" };

describe("joining", () => {
  it("takes its member id, joins, leads, and reads what it was given", () => {
    const { cluster, group, member } = groupBench();
    cluster.append("t", 0, batchOf("a", "b"));
    cluster.append("t", 1, batchOf("c"));
    const one = member("c1").subscribe("t").loop();
    cluster.world.run(1000);
    expect(one.errors).toEqual([]);
    expect(one.events).toEqual(["assigned t-0,t-1"]);
    expect(one.values.toSorted()).toEqual(["a", "b", "c"]);
    expect(group.phase).toBe("stable");
    expect(one.factsOf("member-joined")).toMatchObject([{ generation: 1, isLeader: true }]);
    expect(one.factsOf("assignment-made")).toMatchObject([
      { assignor: "range", partitions: ["t-0", "t-1"], subscribed: [{ topics: ["t"] }] },
    ]);
    expect(one.factsOf("partitions-assigned")).toMatchObject([
      { generation: 1, partitions: ["t-0", "t-1"], owned: ["t-0", "t-1"] },
    ]);
    const joins = cluster.requests(ApiKeys.JOIN_GROUP);
    expect(joins.map(({ body }) => body.memberId)).toEqual(["", "c1-m1"]);
    expect(joins[0]?.body).toMatchObject({ sessionTimeoutMs: 1000, rebalanceTimeoutMs: 3000 });
  });

  it("shares partitions with a second member (eager: everything is revoked before)", () => {
    const { cluster, member } = groupBench();
    const one = member("c1").subscribe("t").loop();
    cluster.world.run(500);
    const two = member("c2").subscribe("t").loop();
    cluster.world.run(1500);
    expect(one.events).toEqual(["assigned t-0,t-1", "revoked t-0,t-1", "assigned t-0"]);
    expect(two.events).toEqual(["assigned t-1"]);
    expect(two.factsOf("member-joined")).toMatchObject([{ generation: 2, isLeader: false }]);
    cluster.append("t", 0, batchOf("a"));
    cluster.append("t", 1, batchOf("b"));
    cluster.world.run(300);
    expect([one.values, two.values]).toEqual([["a"], ["b"]]);
  });

  it("keeps what does not move (cooperative), and gives up the rest after the round", () => {
    const { cluster, member } = groupBench();
    const one = member("c1", COOPERATIVE).subscribe("t").loop();
    cluster.world.run(500);
    const two = member("c2", COOPERATIVE).subscribe("t").loop();
    cluster.world.run(2500);
    expect(one.events).toEqual(["assigned t-0,t-1", "revoked t-1", "assigned ", "assigned "]);
    expect(two.events).toEqual(["assigned ", "assigned t-1"]);
    const third = cluster.requests(ApiKeys.JOIN_GROUP).filter(({ clientId }) => clientId === "c1");
    const told = third.map(({ body }) => decodeSubscription(body.protocols[0]!.metadata).value);
    expect(told.map((one) => [one?.generationId, one?.ownedPartitions.length])).toEqual([
      [-1, 0],
      [-1, 0],
      [1, 2],
      [2, 1],
    ]);
  });

  it("goes on fetching what it owns during a cooperative round, not during an eager one", () => {
    for (const [strategy, expected] of [
      ["cooperative-sticky", ["a"]],
      ["range", []],
    ] as const) {
      const { cluster, group, member } = groupBench();
      const one = member("c1", { "partition.assignment.strategy": strategy }).subscribe("t");
      one.loop();
      cluster.world.run(500);
      group.answer(ApiKeys.JOIN_GROUP, "silent");
      group.rebalance();
      cluster.world.run(200);
      cluster.append("t", 0, batchOf("a"));
      cluster.world.run(200);
      expect(one.values).toEqual(expected);
    }
  });

  it("speaks the eager protocol as soon as one of its assignors cannot cooperate", () => {
    const { cluster, member } = groupBench();
    const strategy = { "partition.assignment.strategy": "cooperative-sticky,range" };
    const one = member("c1", strategy).subscribe("t").loop();
    cluster.world.run(500);
    one.consumer.enforceRebalance("because");
    cluster.world.run(500);
    expect(one.events[1]).toBe("revoked t-0,t-1");
    const joins = cluster.requests(ApiKeys.JOIN_GROUP);
    expect(joins.at(-1)?.body.reason).toBe("because");
    expect(joins.at(-1)?.body.protocols.map(({ name }) => name)).toEqual([
      "cooperative-sticky",
      "range",
    ]);
  });

  it("joins again when the subscription or the partitions of a topic change", () => {
    const { cluster, member } = groupBench({ t: 1, u: 1 });
    const one = member("c1", { "metadata.max.age.ms": 300 }).subscribe("t").loop();
    cluster.world.run(500);
    one.subscribe("t", "u");
    cluster.world.run(500);
    expect(one.owned).toEqual(["t-0", "u-0"]);
    const { partitions } = cluster.topics.get("t")!;
    partitions.push({ leader: 1, leaderEpoch: 0, startOffset: 0, batches: [] });
    cluster.world.run(1000);
    expect(one.owned).toEqual(["t-0", "t-1", "u-0"]);
    one.subscribe("u");
    cluster.world.run(500);
    expect(one.owned).toEqual(["u-0"]);
    expect(one.errors).toEqual([]);
  });

  it("subscribes to a pattern, and to topics that match later", () => {
    const { cluster, member } = groupBench({ "order-a": 1, other: 1 });
    const one = member("c1", { "metadata.max.age.ms": 300 });
    one.consumer.subscribePattern("order-.*", one.listener);
    one.loop();
    cluster.world.run(500);
    expect(one.owned).toEqual(["order-a-0"]);
    const fresh = { leader: 1, leaderEpoch: 0, startOffset: 0, batches: [] };
    cluster.topics.set("order-b", { id: "id-of-order-b", partitions: [fresh] });
    cluster.topics.set("an-order-c", { id: "id-of-an-order-c", partitions: [{ ...fresh }] });
    cluster.world.run(1500);
    expect(one.owned).toEqual(["order-a-0", "order-b-0"]);
    expect(one.consumer.subscription).toEqual(["order-a", "order-b"]);
  });

  it("has the leader look up topics that only others subscribe to", () => {
    const { cluster, member } = groupBench({ t: 1, u: 2 });
    const one = member("c1").subscribe("t").loop();
    cluster.world.run(500);
    const two = member("c2").subscribe("u").loop();
    cluster.world.run(1500);
    expect([one.owned, two.owned]).toEqual([["t-0"], ["u-0", "u-1"]]);
    expect(one.factsOf("assignment-made").at(-1)?.partitions).toEqual(["t-0", "u-0", "u-1"]);
  });

  it("does not take the answer to a join before the application polls again", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1").subscribe("t").loop(5);
    cluster.world.runUntil(() => cluster.requests(ApiKeys.JOIN_GROUP).length === 2);
    one.isStopped = true;
    cluster.world.run(1000);
    expect(group.phase).toBe("completing");
    expect(cluster.requests(ApiKeys.SYNC_GROUP)).toHaveLength(0);
    one.loop(20);
    cluster.world.run(300);
    expect(group.phase).toBe("stable");
  });
});

describe("a join that fails", () => {
  const join = ApiKeys.JOIN_GROUP;
  const sync = ApiKeys.SYNC_GROUP;
  const find = ApiKeys.FIND_COORDINATOR;

  it.each<[string, ApiKey, keyof typeof Errors, boolean]>([
    ["join", join, "COORDINATOR_LOAD_IN_PROGRESS", false],
    ["join", join, "COORDINATOR_NOT_AVAILABLE", false],
    ["join", join, "NOT_COORDINATOR", false],
    ["join", join, "UNKNOWN_MEMBER_ID", false],
    ["join", join, "REBALANCE_IN_PROGRESS", false],
    ["join", join, "INCONSISTENT_GROUP_PROTOCOL", true],
    ["join", join, "GROUP_MAX_SIZE_REACHED", true],
    ["join", join, "INVALID_SESSION_TIMEOUT", true],
    ["join", join, "UNKNOWN_SERVER_ERROR", true],
    ["sync", sync, "REBALANCE_IN_PROGRESS", false],
    ["sync", sync, "NOT_COORDINATOR", false],
    ["sync", sync, "COORDINATOR_NOT_AVAILABLE", false],
    ["sync", sync, "UNKNOWN_MEMBER_ID", false],
    ["sync", sync, "ILLEGAL_GENERATION", false],
    ["sync", sync, "UNKNOWN_SERVER_ERROR", true],
    ["look-up", find, "COORDINATOR_NOT_AVAILABLE", false],
    ["look-up", find, "INVALID_GROUP_ID", true],
  ])("(%s, request %i, %s) is repeated, and told to the user: %s", (_, key, name, told) => {
    const { cluster, group, member } = groupBench();
    group.rebalanceMs = 200;
    const one = member("c1").subscribe("t");
    group.refuse(key, Errors[name]);
    one.loop();
    cluster.world.run(3000);
    expect(one.errors).toEqual(told ? [name] : []);
    expect(one.owned).toEqual(["t-0", "t-1"]);
  });

  it("keeps its member id after ILLEGAL_GENERATION, and asks for a new one when it is unknown", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1").subscribe("t").loop();
    cluster.world.run(500);
    group.refuse(ApiKeys.HEARTBEAT, Errors.ILLEGAL_GENERATION);
    cluster.world.run(500);
    group.refuse(ApiKeys.HEARTBEAT, Errors.UNKNOWN_MEMBER_ID);
    cluster.world.run(500);
    const joins = cluster.requests(join).map(({ body }) => body.memberId);
    expect(joins).toEqual(["", "c1-m1", "c1-m1", "", "c1-m2"]);
    expect(one.events).toEqual([
      "assigned t-0,t-1",
      "lost t-0,t-1",
      "assigned t-0,t-1",
      "lost t-0,t-1",
    ]);
    expect(one.factsOf("member-fenced").map(({ error, member }) => [error, member])).toEqual([
      [Errors.ILLEGAL_GENERATION, "c1-m1"],
      [Errors.UNKNOWN_MEMBER_ID, "c1-m1"],
    ]);
    expect(one.factsOf("partitions-revoked")).toMatchObject([
      { member: "c1-m1", generation: 1, lost: true, owned: [] },
      { member: "c1-m1", generation: 2, lost: true, owned: [] },
    ]);
  });

  it("finds the coordinator where it has moved to", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1").subscribe("t").loop();
    cluster.world.run(500);
    group.coordinator = 2;
    cluster.world.run(500);
    const late = cluster.seen.filter(({ request }) => request.apiKey === ApiKeys.HEARTBEAT);
    expect(late.at(-1)?.broker).toBe(2);
    expect(one.events).toEqual(["assigned t-0,t-1"]);
    cluster.world.node("b2").kill();
    group.coordinator = 1;
    cluster.world.run(1000);
    expect(late.at(-1)?.broker).toBe(2);
    expect(one.errors).toEqual([]);
    expect(one.events).toEqual(["assigned t-0,t-1"]);
  });

  it("tells what its assignor throws, and what a cooperative one may not do", () => {
    const throwing: ConsumerPartitionAssignor = {
      name: "mine",
      version: 0,
      supportedProtocols: ["eager"],
      subscriptionUserData: () => null,
      assign: () => {
        throw new Error("cannot count");
      },
      onAssignment: () => undefined,
    };
    const swapping: ConsumerPartitionAssignor = {
      ...throwing,
      supportedProtocols: ["cooperative", "eager"],
      assign: (_, subscriptions) => {
        const ids = [...subscriptions.keys()];
        const all = [0, 1].map((partition) => ({ topic: "t", partition }));
        const last = ids.at(-1);
        return new Map(
          ids.map((id) => [id, { partitions: id === last ? all : [], userData: null }]),
        );
      },
    };
    const runUserCode = <T>(code: () => T): { value: T } | { error: string } => {
      try {
        return { value: code() };
      } catch (error) {
        return { error: (error as Error).message };
      }
    };
    const mine = { "partition.assignment.strategy": "mine" };
    const first = groupBench();
    const lone = first.member("c1", mine, { options: { assignors: [throwing], runUserCode } });
    lone.subscribe("t").loop();
    first.cluster.world.run(200);
    expect(lone.errors.length).toBeGreaterThan(0);
    expect(new Set(lone.errors)).toEqual(new Set(["cannot count"]));

    const second = groupBench();
    const options = { assignors: [swapping], runUserCode };
    const one = second.member("c1", mine, { options }).subscribe("t").loop();
    second.cluster.world.run(500);
    expect(one.owned).toEqual(["t-0", "t-1"]);
    second.member("c2", mine, { options }).subscribe("t").loop();
    second.cluster.world.run(500);
    expect(one.errors[0]).toContain("still owns");
  });

  it("reports an assignment that it cannot read by every poll", () => {
    const { cluster, group, member } = groupBench();
    const answer = { errorCode: 0, protocolType: null, protocolName: null };
    group.answer(ApiKeys.SYNC_GROUP, { ...answer, assignment: new Uint8Array() });
    const one = member("c1").subscribe("t").loop();
    cluster.world.run(200);
    expect(one.errors.length).toBeGreaterThan(2);
    expect(one.errors[0]).toContain("no assignment");
    expect(one.owned).toEqual([]);
  });
});

describe("static members", () => {
  const STATIC = { "group.instance.id": "i1" };

  it("take their id from the first join, and do not leave when they are closed", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1", STATIC).subscribe("t").loop();
    cluster.world.run(500);
    expect(cluster.requests(ApiKeys.JOIN_GROUP)).toHaveLength(1);
    let isClosed = false;
    one.isStopped = true;
    one.consumer.close(1000, () => (isClosed = true));
    cluster.world.run(500);
    expect(isClosed).toBe(true);
    expect(cluster.requests(ApiKeys.LEAVE_GROUP)).toEqual([]);
    expect(group.members.size).toBe(1);
    expect(one.events.at(-1)).toBe("revoked t-0,t-1");
    expect(one.factsOf("member-left")).toMatchObject([{ why: "closed", told: false }]);
  });

  it("lose everything when a heartbeat says FENCED_INSTANCE_ID, and tell the user", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1", STATIC).subscribe("t").loop();
    cluster.world.run(500);
    cluster.append("t", 0, batchOf("a"));
    group.refuse(ApiKeys.HEARTBEAT, Errors.FENCED_INSTANCE_ID);
    cluster.world.run(150);
    expect(one.errors).toEqual(["FENCED_INSTANCE_ID"]);
    expect(one.events[1]).toBe("lost t-0,t-1");
  });

  it("go on being refused when a join says so", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1", { ...STATIC, "enable.auto.commit": false })
      .subscribe("t")
      .loop();
    cluster.world.run(500);
    group.members.clear();
    one.consumer.enforceRebalance();
    cluster.world.run(300);
    expect(new Set(one.errors)).toEqual(new Set(["FENCED_INSTANCE_ID"]));
    expect(one.errors.length).toBeGreaterThan(2);
    expect(one.owned).toEqual([]);
  });
});

describe("heartbeats", () => {
  it("go on while the application does not poll, and end with its poll interval", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1").subscribe("t").loop();
    cluster.world.run(500);
    one.isStopped = true;
    cluster.world.run(1000);
    const before = cluster.requests(ApiKeys.HEARTBEAT).length;
    cluster.world.run(1000);
    expect(cluster.requests(ApiKeys.HEARTBEAT).length - before).toBeGreaterThan(8);
    cluster.world.run(2000);
    const left = cluster.requests(ApiKeys.LEAVE_GROUP);
    expect(left.map(({ body }) => body.members[0]?.reason)).toEqual([
      "the poll timeout has expired",
    ]);
    expect(group.members.size).toBe(0);
    expect(one.events).toEqual(["assigned t-0,t-1"]);
    expect(one.factsOf("member-left")).toMatchObject([
      { why: "poll-interval", told: true, generation: 1 },
    ]);
    one.loop();
    cluster.world.run(500);
    expect(one.events).toEqual(["assigned t-0,t-1", "lost t-0,t-1", "assigned t-0,t-1"]);
  });

  it("do not take a long poll for absence, but a long listener", () => {
    const { cluster, member } = groupBench();
    const one = member("c1", { "max.poll.interval.ms": 400 }).subscribe("t").loop(2000);
    cluster.world.run(1500);
    expect(cluster.requests(ApiKeys.LEAVE_GROUP)).toEqual([]);
    one.during = (_event, done) => cluster.world.later(one.node, 1000, done);
    one.consumer.enforceRebalance();
    cluster.world.run(900);
    expect(one.events.at(-1)).toBe("revoked t-0,t-1");
    expect(cluster.requests(ApiKeys.LEAVE_GROUP)).toHaveLength(1);
  });

  it("take the coordinator for dead when the session is over without an answer", () => {
    const { cluster, group, member } = groupBench();
    const settings = { "request.timeout.ms": 5000, "session.timeout.ms": 600 };
    member("c1", settings).subscribe("t").loop();
    cluster.world.run(500);
    const before = cluster.requests(ApiKeys.FIND_COORDINATOR).length;
    group.answer(ApiKeys.HEARTBEAT, "silent");
    cluster.world.run(1000);
    expect(cluster.requests(ApiKeys.FIND_COORDINATOR).length).toBeGreaterThan(before);
  });

  it("are not sent while a join is under way", () => {
    const { cluster, group, member } = groupBench();
    member("c1", { "max.poll.interval.ms": 60000 }).subscribe("t").loop();
    cluster.world.run(500);
    group.answer(ApiKeys.JOIN_GROUP, "silent");
    group.rebalance();
    cluster.world.run(300);
    const before = cluster.requests(ApiKeys.HEARTBEAT).length;
    cluster.world.run(2000);
    expect(cluster.requests(ApiKeys.HEARTBEAT).length).toBe(before);
  });

  it("give a fenced member's records to nobody, even without a coordinator", () => {
    const { cluster, group, member } = groupBench();
    const one = member("c1", { ...COOPERATIVE, "max.poll.records": 1 })
      .subscribe("t")
      .loop();
    cluster.world.run(500);
    one.isStopped = true;
    cluster.append("t", 0, batchOf("a", "b", "c"));
    cluster.world.run(100);
    const before = one.values.length;
    group.refuse(ApiKeys.FIND_COORDINATOR, ...Array<number>(100).fill(15));
    group.refuse(ApiKeys.HEARTBEAT, Errors.UNKNOWN_MEMBER_ID);
    cluster.world.run(120);
    group.coordinator = 2;
    cluster.world.node("b1").kill();
    cluster.world.run(50);
    one.loop();
    cluster.world.run(300);
    expect(one.events.at(-1)).toBe("lost t-0,t-1");
    expect(one.values).toHaveLength(before);
  });
});
