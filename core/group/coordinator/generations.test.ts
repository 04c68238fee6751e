/** What a generation's members do: Sync, Heartbeat, LeaveGroup. */
import { describe, expect, it } from "vitest";
import { Errors } from "../../errors.ts";
import { utf8Encode } from "../../record/utf8.ts";
import { GROUP, GroupHarness } from "../testkit/group-harness.ts";

/** Members that have joined generation 1 and did not sync yet; the first one leads. */
function joined(group: GroupHarness, count: number): string[] {
  const ids = Array.from({ length: count }, () => group.newId());
  for (const id of ids) group.join(id);
  group.pass(6010);
  expect(group.state).toBe("CompletingRebalance");
  return ids;
}

describe("a Sync", () => {
  it("waits for the leader's assignment to be committed", () => {
    const group = new GroupHarness();
    const [one = "", two = "", three = ""] = joined(group, 3);
    group.commits = false;
    const followers = [group.sync(two, 1), group.sync(three, 1)];
    const leader = group.sync(one, 1, { [one]: "a", [two]: "b" });
    group.pass(50);
    expect([leader, ...followers].map(({ answer }) => answer)).toEqual([null, null, null]);
    expect(group.state).toBe("CompletingRebalance");
    group.partition.commit();

    expect(leader.answer).toEqual({
      errorCode: 0,
      protocolType: "consumer",
      protocolName: "range",
      assignment: utf8Encode("a"),
    });
    // A member that the leader gave nothing is told so.
    expect(followers.map(({ answer }) => answer?.assignment)).toEqual([
      utf8Encode("b"),
      new Uint8Array(0),
    ]);
    expect(group.state).toBe("Stable");
    expect(group.sync(two, 1).answer?.assignment).toEqual(utf8Encode("b"));
  });

  it.each([
    ["of nobody", ["x", 1, {}, {}], Errors.UNKNOWN_MEMBER_ID],
    ["of another generation", ["", 0, {}, {}], Errors.ILLEGAL_GENERATION],
    [
      "for another assignor",
      ["", 1, {}, { protocolName: "own" }],
      Errors.INCONSISTENT_GROUP_PROTOCOL,
    ],
    ["for another type", ["", 1, {}, { protocolType: "own" }], Errors.INCONSISTENT_GROUP_PROTOCOL],
    ["of an unknown instance", ["", 1, {}, { groupInstanceId: "s" }], Errors.UNKNOWN_MEMBER_ID],
    ["without a group id", ["", 1, {}, { groupId: "" }], Errors.INVALID_GROUP_ID],
    ["for no group", ["", 1, {}, { groupId: "other" }], Errors.UNKNOWN_MEMBER_ID],
  ] as const)("%s is refused", (_what, [id, generation, assigned, given], error) => {
    const group = new GroupHarness();
    const [one = ""] = joined(group, 1);
    const sent = group.sync(id === "" ? one : id, generation, assigned, given);

    expect(sent.answer?.errorCode).toBe(error);
  });

  it("is told to join again when a rebalance begins", () => {
    const group = new GroupHarness();
    const [one = "", two = ""] = joined(group, 2);
    const parked = group.sync(two, 1);
    group.leave(one);

    expect(parked.answer?.errorCode).toBe(Errors.REBALANCE_IN_PROGRESS);
    expect(group.sync(two, 1).answer?.errorCode).toBe(Errors.REBALANCE_IN_PROGRESS);
  });

  it("has a deadline: who does not ask in time is out, static or not", () => {
    const group = new GroupHarness();
    const [one = "", two = ""] = joined(group, 2);
    group.sync(one, 1, { [one]: "a" });
    // Sessions are kept alive all the while.
    for (let round = 0; round < 30; round++) {
      group.heartbeat(one, 1);
      group.heartbeat(two, 1);
      group.pass(1000);
    }

    expect(group.state).toBe("PreparingRebalance");
    expect(group.factsOf("group-member-removed")).toMatchObject([
      { member: two, why: "sync-timeout" },
    ]);
  });

  it("of a generation that is over when its assignment is committed changes nothing", () => {
    const group = new GroupHarness();
    const [one = "", two = ""] = joined(group, 2);
    group.commits = false;
    const parked = group.sync(one, 1, { [one]: "old", [two]: "old" });
    group.leave(two);
    const again = group.join(one);
    expect(parked.answer?.errorCode).toBe(Errors.REBALANCE_IN_PROGRESS);
    expect(again.answer).toMatchObject({ generationId: 2 });
    const next = group.sync(one, 2, { [one]: "new" });
    group.partition.commit(2);
    group.pass(1);
    expect(group.state).toBe("CompletingRebalance");
    group.partition.commit();

    expect(next.answer?.assignment).toEqual(utf8Encode("new"));
  });

  it("fails with all who wait when the assignment cannot be written", () => {
    const group = new GroupHarness();
    const [one = "", two = ""] = joined(group, 2);
    const parked = group.sync(two, 1);
    group.partition.refuses = Errors.MESSAGE_TOO_LARGE;
    const leader = group.sync(one, 1, {});

    expect([leader, parked].map(({ answer }) => answer?.errorCode)).toEqual([
      Errors.UNKNOWN_SERVER_ERROR,
      Errors.UNKNOWN_SERVER_ERROR,
    ]);
    expect(group.state).toBe("PreparingRebalance");
  });

  it("fails when the assignment is not committed within offsets.commit.timeout.ms", () => {
    const group = new GroupHarness();
    const [one = ""] = joined(group, 1);
    group.commits = false;
    const leader = group.sync(one, 1, {});
    group.pass(4999);
    expect(leader.answer).toBeNull();
    group.pass(2);

    expect(leader.answer?.errorCode).toBe(Errors.COORDINATOR_NOT_AVAILABLE);
    expect(group.state).toBe("PreparingRebalance");
  });
});

describe("a Heartbeat", () => {
  it("keeps a session, also while the leader assigns", () => {
    const group = new GroupHarness();
    const [one = ""] = joined(group, 1);
    expect(group.heartbeat(one, 1).answer?.errorCode).toBe(Errors.NONE);
    group.sync(one, 1, {});
    group.pass(2);
    for (let round = 0; round < 5; round++) {
      group.pass(9000);
      expect(group.heartbeat(one, 1).answer?.errorCode).toBe(Errors.NONE);
    }
    group.pass(10001);

    expect(group.heartbeat(one, 1).answer?.errorCode).toBe(Errors.UNKNOWN_MEMBER_ID);
    expect(group.factsOf("group-member-removed")).toMatchObject([
      { member: one, why: "session-timeout" },
    ]);
  });

  it("of another generation, and of nobody, is refused", () => {
    const group = new GroupHarness();
    const [one = ""] = group.stable(1);

    expect(group.heartbeat(one, 0).answer?.errorCode).toBe(Errors.ILLEGAL_GENERATION);
    expect(group.heartbeat("x", 1).answer?.errorCode).toBe(Errors.UNKNOWN_MEMBER_ID);
    expect(group.heartbeat(one, 1, "s").answer?.errorCode).toBe(Errors.UNKNOWN_MEMBER_ID);
  });

  it("is answered when what was written before is committed", () => {
    const group = new GroupHarness();
    const [one = ""] = group.stable(1);
    group.commits = false;
    group.commit(one, 1, 5);
    const beat = group.heartbeat(one, 1);
    expect(beat.answer).toBeNull();
    group.partition.commit();

    expect(beat.answer?.errorCode).toBe(Errors.NONE);
  });

  it("is not missed by a member that waits at a Join", () => {
    const group = new GroupHarness();
    const [one = "", two = ""] = group.stable(2, { sessionTimeoutMs: 10000 });
    const parked = group.join(one);
    for (let round = 0; round < 3; round++) {
      group.pass(9000);
      group.heartbeat(two, 1);
    }
    expect(parked.answer).toBeNull();
    group.join(two);

    expect(parked.answer?.errorCode).toBe(Errors.NONE);
  });
});

describe("a LeaveGroup", () => {
  it("takes members out at once, each with an answer of its own", () => {
    const group = new GroupHarness();
    const [one = "", two = ""] = group.stable(2);
    const pending = group.newId();
    const left = group.leave(two, "x", pending);

    expect(left.answer?.members.map(({ errorCode }) => errorCode)).toEqual([
      Errors.NONE,
      Errors.UNKNOWN_MEMBER_ID,
      Errors.NONE,
    ]);
    expect(group.state).toBe("PreparingRebalance");
    expect(group.join(one).answer).toMatchObject({ generationId: 2 });
  });

  it("ends a Join at which the member waits", () => {
    const group = new GroupHarness();
    const [, two = ""] = group.stable(2);
    group.leave("x");
    const id = group.newId();
    const parked = group.join(id);
    group.leave(id);

    expect(parked.answer?.errorCode).toBe(Errors.UNKNOWN_MEMBER_ID);
    expect(group.heartbeat(two, 1).answer?.errorCode).toBe(Errors.REBALANCE_IN_PROGRESS);
  });

  it("from a group that there is not leaves nobody", () => {
    const group = new GroupHarness();

    expect(group.leave("x").answer).toEqual({
      errorCode: Errors.NONE,
      members: [{ memberId: "x", groupInstanceId: null, errorCode: Errors.UNKNOWN_MEMBER_ID }],
    });
  });

  it("of all members empties the group, and is answered when that is committed", () => {
    const group = new GroupHarness();
    const ids = group.stable(2);
    group.commits = false;
    const left = group.leave(...ids);
    expect(left.answer).toBeNull();
    group.partition.commit();

    expect(left.answer?.errorCode).toBe(Errors.NONE);
    expect(group.shard.state.groups.get(GROUP)).toMatchObject({ state: "Empty", generation: 2 });
  });
});

describe("a coordinator that lost its leadership", () => {
  it("sends all who wait elsewhere", () => {
    const group = new GroupHarness();
    const [one = "", two = ""] = group.stable(2);
    const joining = group.join(one);
    group.commits = false;
    const committing = group.commit(two, 1, 5);
    group.shard.unload();

    expect(joining.answer).toMatchObject({ errorCode: Errors.NOT_COORDINATOR, memberId: one });
    expect(committing.answer?.topics[0]?.partitions[0]?.errorCode).toBe(Errors.NOT_COORDINATOR);
    expect(group.heartbeat(one, 1).answer?.errorCode).toBe(Errors.NOT_COORDINATOR);
    group.pass(100000);
    expect(group.shard.timers.size).toBe(0);
  });

  it("cannot write any more, also before it knows", () => {
    const group = new GroupHarness();
    const [one = ""] = group.stable(1);
    group.partition.isLeader = false;

    const commit = group.commit(one, 1, 5).answer?.topics[0]?.partitions[0];
    expect(commit?.errorCode).toBe(Errors.NOT_COORDINATOR);
    group.partition.isLeader = true;
    group.partition.leadsSince = 2;
    const later = group.commit(one, 1, 5).answer?.topics[0]?.partitions[0];
    expect(later?.errorCode).toBe(Errors.NOT_COORDINATOR);
  });
});
