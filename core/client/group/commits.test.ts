import { describe, expect, it } from "vitest";
import { Errors } from "../../errors.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { CommitResult } from "../consumer.ts";
import type { BenchMember, GroupBench } from "./member-bench.testkit.ts";
import { batchOf, groupBench } from "./member-bench.testkit.ts";

const MANUAL = { "enable.auto.commit": false };
const T0 = [{ topic: "t", partition: 0 }];

/** A member that owns t-0 and has read "a", "b", "c" of it. */
function reader(settings: Record<string, string | number | boolean> = MANUAL): GroupBench & {
  readonly one: BenchMember;
} {
  const bench = groupBench({ t: 1 });
  bench.cluster.append("t", 0, batchOf("a", "b", "c"));
  const one = bench.member("c1", settings).subscribe("t").loop();
  bench.cluster.world.run(300);
  expect(one.values).toEqual(["a", "b", "c"]);
  return { ...bench, one };
}

function committed(result: CommitResult | undefined): string {
  if (result === undefined) return "nothing";
  return result.kind === "committed" ? "committed" : result.error;
}

describe("auto-commit", () => {
  it("commits in intervals what polls have returned, and again when nothing has changed", () => {
    const { cluster, group, one } = reader({});
    expect(group.offsets.get("t-0")).toBeUndefined();
    cluster.world.run(500);
    expect(group.offsets.get("t-0")).toEqual({ offset: 3, leaderEpoch: 0, metadata: "" });
    const sent = one.factsOf("commit-sent");
    expect(sent).toMatchObject([{ mode: "auto", generation: 1, member: "c1-m1" }]);
    cluster.world.run(500);
    expect(one.factsOf("commit-sent")).toHaveLength(2);
    expect(one.factsOf("commit-done")).toMatchObject([{ error: 0 }, { error: 0 }]);
  });

  it("wakes up a poll that waits, and rests while nobody polls", () => {
    const { cluster, one } = reader({});
    one.isStopped = true;
    cluster.world.run(200);
    expect(one.factsOf("commit-sent")).toHaveLength(0);
    cluster.world.run(1000);
    expect(one.factsOf("commit-sent")).toHaveLength(0);
    one.loop(5000);
    cluster.world.run(700);
    expect(one.factsOf("commit-sent")).toHaveLength(2);
  });

  it("leaves out what was fetched and not returned", () => {
    const bench = groupBench({ t: 1 });
    bench.cluster.append("t", 0, batchOf("a", "b", "c"));
    const one = bench.member("c1", { "max.poll.records": 1 }).subscribe("t");
    one.consumer.poll(1000, (result) => one.results.push(result));
    bench.cluster.world.run(1000);
    expect(one.values).toEqual(["a"]);
    // What this poll returns is not processed yet.
    one.consumer.poll(1000, (result) => one.results.push(result));
    bench.cluster.world.run(300);
    expect(one.values).toEqual(["a", "b"]);
    expect(bench.group.offsets.get("t-0")?.offset).toBe(1);
  });

  it("commits before an eager rebalance, and holds the join up until that is done", () => {
    const { cluster, group, one } = reader({ "auto.commit.interval.ms": 100000 });
    group.refuse(
      ApiKeys.OFFSET_COMMIT,
      Errors.COORDINATOR_LOAD_IN_PROGRESS,
      Errors.COORDINATOR_LOAD_IN_PROGRESS,
    );
    one.consumer.enforceRebalance();
    cluster.append("t", 0, batchOf("d"));
    cluster.world.run(1000);
    expect(one.factsOf("commit-sent").map(({ mode }) => mode)).toEqual([
      "revoke",
      "revoke",
      "revoke",
    ]);
    expect(group.offsets.get("t-0")?.offset).toBe(3);
    expect(one.values).toEqual(["a", "b", "c", "d"]);
    const joins = cluster.seen.filter(({ request }) => request.apiKey === ApiKeys.JOIN_GROUP);
    const commits = cluster.seen.filter(({ request }) => request.apiKey === ApiKeys.OFFSET_COMMIT);
    expect(joins.at(-1)!.atMs).toBeGreaterThan(commits.at(-1)!.atMs);
  });

  it("gives that commit up after the rebalance timeout, or when it fails for good", () => {
    const { cluster, group, one } = reader({
      "auto.commit.interval.ms": 100000,
      "max.poll.interval.ms": 800,
    });
    group.refuse(ApiKeys.OFFSET_COMMIT, ...Array<number>(200).fill(14));
    one.consumer.enforceRebalance();
    const startMs = cluster.world.nowMs;
    cluster.world.run(2000);
    const joins = cluster.seen.filter(({ request }) => request.apiKey === ApiKeys.JOIN_GROUP);
    expect(joins.at(-1)!.atMs - startMs).toBeGreaterThanOrEqual(800);
    expect(joins.at(-1)!.atMs - startMs).toBeLessThan(1000);

    const other = reader({ "auto.commit.interval.ms": 100000 });
    other.group.refuse(ApiKeys.OFFSET_COMMIT, Errors.REBALANCE_IN_PROGRESS);
    other.one.consumer.enforceRebalance();
    other.cluster.world.run(500);
    expect(other.one.factsOf("commit-sent")).toHaveLength(1);
    expect(other.one.events).toEqual(["assigned t-0", "revoked t-0", "assigned t-0"]);
  });

  it("commits when the consumer is closed, before it leaves", () => {
    const { cluster, group, one } = reader({ "auto.commit.interval.ms": 100000 });
    one.isStopped = true;
    cluster.world.run(200);
    one.consumer.close(1000);
    cluster.world.run(200);
    expect(group.offsets.get("t-0")?.offset).toBe(3);
    expect(one.factsOf("commit-sent")).toMatchObject([{ mode: "close" }]);
    expect(group.members.size).toBe(0);
  });
});

describe("commits of the user", () => {
  it("take all positions, or given offsets with their metadata", () => {
    const { cluster, group, one } = reader();
    const results: CommitResult[] = [];
    one.consumer.commitSync(null, (result) => results.push(result));
    expect(results).toEqual([]);
    cluster.world.run(10);
    expect(results).toEqual([{ kind: "committed" }]);
    expect(group.offsets.get("t-0")).toEqual({ offset: 3, leaderEpoch: 0, metadata: "" });
    const given = [{ topic: "t", partition: 0, offset: 1, metadata: "mine" }];
    one.consumer.commitSync(given, (result) => results.push(result));
    cluster.world.run(10);
    expect(group.offsets.get("t-0")).toEqual({ offset: 1, leaderEpoch: -1, metadata: "mine" });
    const read: unknown[] = [];
    const both = [...T0, { topic: "t", partition: 7 }];
    one.consumer.committed(both, (result) => read.push(result));
    cluster.world.run(10);
    expect(read).toEqual([
      {
        kind: "offsets",
        offsets: [
          {
            topic: "t",
            partition: 0,
            committed: { offset: 1, leaderEpoch: -1, metadata: "mine" },
          },
          { topic: "t", partition: 7, committed: null },
        ],
      },
    ]);
  });

  it("are told by the next poll when they are asynchronous, and are not repeated", () => {
    const { cluster, group, one } = reader();
    one.isStopped = true;
    cluster.world.run(200);
    const results: string[] = [];
    one.consumer.commitAsync(null, (result) => results.push(committed(result)));
    group.refuse(ApiKeys.OFFSET_COMMIT, Errors.COORDINATOR_LOAD_IN_PROGRESS);
    one.consumer.commitAsync(null, (result) => results.push(committed(result)));
    cluster.world.run(100);
    expect(results).toEqual([]);
    one.loop();
    cluster.world.run(10);
    expect(results).toEqual(["COORDINATOR_LOAD_IN_PROGRESS", "committed"]);
    expect(cluster.requests(ApiKeys.OFFSET_COMMIT)).toHaveLength(2);
  });

  it("are told in order when a synchronous one follows", () => {
    const { cluster, one } = reader();
    one.isStopped = true;
    cluster.world.run(200);
    const results: string[] = [];
    one.consumer.commitAsync(null, () => results.push("async"));
    one.consumer.commitSync(null, () => results.push("sync"));
    cluster.world.run(20);
    expect(results).toEqual(["async", "sync"]);
  });

  it.each<[keyof typeof Errors, string, boolean]>([
    ["COORDINATOR_LOAD_IN_PROGRESS", "committed", true],
    ["COORDINATOR_NOT_AVAILABLE", "committed", true],
    ["NOT_COORDINATOR", "committed", true],
    ["REQUEST_TIMED_OUT", "committed", true],
    ["UNKNOWN_TOPIC_OR_PARTITION", "committed", true],
    ["REBALANCE_IN_PROGRESS", "REBALANCE_IN_PROGRESS", true],
    ["OFFSET_METADATA_TOO_LARGE", "OFFSET_METADATA_TOO_LARGE", true],
    ["INVALID_COMMIT_OFFSET_SIZE", "INVALID_COMMIT_OFFSET_SIZE", true],
    ["GROUP_ID_NOT_FOUND", "GROUP_ID_NOT_FOUND", true],
    ["UNKNOWN_MEMBER_ID", "COMMIT_FAILED", false],
    ["ILLEGAL_GENERATION", "COMMIT_FAILED", false],
    ["FENCED_INSTANCE_ID", "FENCED_INSTANCE_ID", false],
  ])("end after %s: %s; the generation is kept: %s", (error, expected, keeps) => {
    const { cluster, group, one } = reader({ ...MANUAL, "heartbeat.interval.ms": 900 });
    one.isStopped = true;
    cluster.world.run(150);
    group.refuse(ApiKeys.OFFSET_COMMIT, Errors[error]);
    const results: CommitResult[] = [];
    one.consumer.commitSync(null, (result) => results.push(result));
    cluster.world.run(400);
    expect(committed(results[0])).toBe(expected);
    expect(one.consumer.groupMetadata.generationId).toBe(keeps ? 1 : -1);
    expect(one.factsOf("commit-done")[0]?.error).toBe(Errors[error]);
    one.loop();
    cluster.world.run(500);
    const hasJoinedAgain = cluster.requests(ApiKeys.JOIN_GROUP).length > 2;
    expect(hasJoinedAgain).toBe(!keeps || error === "REBALANCE_IN_PROGRESS");
    if (!keeps) expect(one.events[1]).toBe("lost t-0");
  });

  it("run into their time when nobody coordinates", () => {
    const { cluster, group, one } = reader();
    one.isStopped = true;
    cluster.world.run(150);
    cluster.world.node("b1").kill();
    group.coordinator = 1;
    const results: string[] = [];
    one.consumer.commitSync(null, (result) => results.push(committed(result)), 300);
    cluster.world.run(310);
    expect(results).toEqual(["REQUEST_TIMED_OUT"]);
  });

  it("are refused without a request between join and sync", () => {
    const { cluster, group, one } = reader();
    group.answer(ApiKeys.SYNC_GROUP, "silent");
    const results: string[] = [];
    one.during = (event, done) => {
      if (event.startsWith("assigned")) return done();
      one.consumer.commitSync(null, (result) => {
        results.push(committed(result));
        done();
      });
    };
    one.consumer.enforceRebalance();
    cluster.world.run(200);
    expect(results).toEqual(["committed"]);
    const before = cluster.requests(ApiKeys.OFFSET_COMMIT).length;
    one.consumer.commitSync([{ ...T0[0]!, offset: 2 }], (result) =>
      results.push(committed(result)),
    );
    cluster.world.run(10);
    expect(results[1]).toBe("REBALANCE_IN_PROGRESS");
    expect(cluster.requests(ApiKeys.OFFSET_COMMIT)).toHaveLength(before);
  });

  it("work inside the listener that is told of a revocation, which the join waits for", () => {
    const { cluster, group, one } = reader();
    one.during = (event, done) => {
      if (!event.startsWith("revoked")) return done();
      cluster.world.later(one.node, 250, () => one.consumer.commitSync(null, () => done()));
    };
    group.rebalance();
    cluster.world.run(200);
    expect(group.phase).toBe("preparing");
    expect(one.owned).toEqual(["t-0"]);
    cluster.world.run(500);
    expect(group.offsets.get("t-0")?.offset).toBe(3);
    expect(one.events).toEqual(["assigned t-0", "revoked t-0", "assigned t-0"]);
  });

  it("make every later poll fail once an asynchronous one met FENCED_INSTANCE_ID", () => {
    const { cluster, group, one } = reader({ ...MANUAL, "group.instance.id": "i1" });
    group.refuse(ApiKeys.OFFSET_COMMIT, Errors.FENCED_INSTANCE_ID);
    one.consumer.commitAsync(null);
    cluster.world.run(10);
    cluster.append("t", 0, batchOf("d"));
    cluster.world.run(200);
    expect(new Set(one.errors)).toEqual(new Set(["FENCED_INSTANCE_ID"]));
    expect(one.errors.length).toBeGreaterThan(3);
    expect(one.values).toEqual(["a", "b", "c"]);
  });
});

describe("a consumer of partitions assigned by hand, with a group", () => {
  it("commits as no member, and begins where the group is", () => {
    const { cluster, group, member } = groupBench({ t: 1 });
    cluster.append("t", 0, batchOf("a", "b", "c"));
    group.offsets.set("t-0", { offset: 1, leaderEpoch: 0, metadata: null });
    const one = member("c1", MANUAL);
    one.consumer.assign(T0);
    one.loop();
    cluster.world.run(300);
    expect(one.values).toEqual(["b", "c"]);
    expect(one.factsOf("position-set")).toMatchObject([{ why: "committed", offset: 1 }]);
    one.consumer.commitSync(null, () => undefined);
    cluster.world.run(20);
    expect(group.offsets.get("t-0")?.offset).toBe(3);
    expect(cluster.requests(ApiKeys.OFFSET_COMMIT)[0]?.body).toMatchObject({
      generationIdOrMemberEpoch: -1,
      memberId: "",
      groupInstanceId: null,
    });
    expect(cluster.requests(ApiKeys.JOIN_GROUP)).toEqual([]);
    expect(cluster.requests(ApiKeys.HEARTBEAT)).toEqual([]);
  });

  it("commits by itself in intervals", () => {
    const { cluster, group, member } = groupBench({ t: 1 });
    cluster.append("t", 0, batchOf("a"));
    const one = member("c1");
    one.consumer.assign(T0);
    one.loop();
    cluster.world.run(800);
    expect(group.offsets.get("t-0")?.offset).toBe(1);
    expect(one.consumer.subscription).toEqual([]);
    let isDone = false;
    one.consumer.unsubscribe(() => (isDone = true));
    cluster.world.run(10);
    expect([isDone, one.owned]).toEqual([true, []]);
  });
});
