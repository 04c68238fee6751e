/** Members with an instance id (KIP-345): a restart does not cost the group a rebalance. */
import { describe, expect, it } from "vitest";
import { Errors } from "../../errors.ts";
import { ApiKeys } from "../../protocol/message.ts";
import { utf8Encode } from "../../record/utf8.ts";
import { GROUP, GroupHarness } from "../testkit/group-harness.ts";
import { subscriptionTo } from "../testkit/member-client.ts";

const s1 = { groupInstanceId: "s1", sessionTimeoutMs: 60000 };
const s2 = { groupInstanceId: "s2", sessionTimeoutMs: 60000 };

/** Two static members, stable in generation 1; the first one leads. */
function stableStatics(group: GroupHarness): [string, string] {
  const joins = [group.join("", s1), group.join("", s2)];
  group.pass(6010);
  const [one = "", two = ""] = joins.map(({ answer }) => answer?.memberId);
  group.sync(two, 1, {}, { groupInstanceId: "s2" });
  group.sync(one, 1, { [one]: "of one", [two]: "of two" }, { groupInstanceId: "s1" });
  group.pass(2);
  expect(group.state).toBe("Stable");
  return [one, two];
}

describe("a static member", () => {
  it("is named after its instance, and joins without being asked to come again", () => {
    const group = new GroupHarness();
    const [one] = stableStatics(group);

    expect(one).toMatch(/^s1-.{22}$/);
  });

  it("that was started again gets its assignment, once its new id is committed", () => {
    const group = new GroupHarness();
    const [, two] = stableStatics(group);
    group.commits = false;
    const rejoin = group.join("", s2);
    group.pass(100);
    expect(rejoin.answer).toBeNull();
    group.partition.commit();
    const id = rejoin.answer?.memberId ?? "";

    expect(rejoin.answer).toMatchObject({ errorCode: 0, generationId: 1, skipAssignment: false });
    expect(id).not.toBe(two);
    expect(group.state).toBe("Stable");
    expect(group.sync(id, 1, {}, { groupInstanceId: "s2" }).answer?.assignment).toEqual(
      utf8Encode("of two"),
    );
    expect(group.heartbeat(two, 1, "s2").answer?.errorCode).toBe(Errors.FENCED_INSTANCE_ID);
    group.failOver();
    expect(group.heartbeat(id, 1, "s2").answer?.errorCode).toBe(Errors.NONE);
  });

  it("that leads and was started again is told of all members, and need not assign anew", () => {
    const group = new GroupHarness();
    stableStatics(group);
    const rejoin = group.join("", s1);
    group.pass(2);

    expect(rejoin.answer).toMatchObject({ errorCode: 0, generationId: 1, skipAssignment: true });
    expect(rejoin.answer?.leader).toBe(rejoin.answer?.memberId);
    expect(rejoin.answer?.members).toHaveLength(2);
  });

  it("gets its old id back when the new one cannot be written", () => {
    const group = new GroupHarness();
    const [, two] = stableStatics(group);
    group.partition.refuses = Errors.KAFKA_STORAGE_ERROR;
    const rejoin = group.join("", s2);

    expect(rejoin.answer).toMatchObject({ errorCode: Errors.NOT_COORDINATOR, memberId: "" });
    group.partition.refuses = Errors.NONE;
    expect(group.heartbeat(two, 1, "s2").answer?.errorCode).toBe(Errors.NONE);
  });

  it("costs a rebalance when another assignor would be chosen now", () => {
    const group = new GroupHarness();
    const first = group.join("", s1);
    group.pass(6010);
    group.sync(first.answer?.memberId ?? "", 1, {}, { groupInstanceId: "s1" });
    group.pass(2);
    expect(group.state).toBe("Stable");
    const metadata = subscriptionTo("orders");
    const protocols = ["own", "range"].map((name) => ({ name, metadata }));
    const again = group.join("", { ...s1, protocols });

    expect(again.answer).toMatchObject({ generationId: 2, protocolName: "own" });
    expect(again.answer?.skipAssignment).toBe(false);
  });

  it("costs none when it knows more assignors, but the same one is chosen", () => {
    const group = new GroupHarness();
    stableStatics(group);
    const metadata = subscriptionTo("orders");
    const protocols = ["own", "range"].map((name) => ({ name, metadata }));
    const again = group.join("", { ...s2, protocols });
    group.pass(2);

    expect(again.answer).toMatchObject({ generationId: 1, protocolName: "range" });
    expect(group.state).toBe("Stable");
  });

  it("is fenced at the Join and Sync at which its old process waits", () => {
    const group = new GroupHarness();
    const first = group.join("", s1);
    const second = group.join("", s2);
    const again = group.join("", s2);
    expect(second.answer?.errorCode).toBe(Errors.FENCED_INSTANCE_ID);
    group.pass(6010);
    const id = again.answer?.memberId ?? "";
    const sync = group.sync(id, 1, {}, { groupInstanceId: "s2" });
    group.join("", s2);

    expect(sync.answer?.errorCode).toBe(Errors.FENCED_INSTANCE_ID);
    expect(first.answer?.errorCode).toBe(Errors.NONE);
    expect(group.state).toBe("PreparingRebalance");
  });

  it("stays in a generation that it misses, until its session ends", () => {
    const group = new GroupHarness();
    const [one, two] = stableStatics(group);
    const rejoin = group.join(one, { ...s1, rebalanceTimeoutMs: 30000 });
    group.pass(30010);

    expect(rejoin.answer?.members.map(({ memberId }) => memberId)).toContain(two);
    expect(group.factsOf("generation-started").at(-1)?.members).toMatchObject([
      { member: one, joined: true },
      { member: two, joined: false },
    ]);
  });

  it("that is the only one left and away keeps the join phase open", () => {
    const group = new GroupHarness();
    const [one, two] = stableStatics(group);
    group.leave(one);
    group.pass(30010);
    expect(group.state).toBe("PreparingRebalance");
    const back = group.join(two, s2);

    expect(back.answer).toMatchObject({ errorCode: 0, generationId: 2, leader: two });
  });

  it("leaves when an admin names its instance", () => {
    const group = new GroupHarness();
    const [, two] = stableStatics(group);
    const members = [
      { memberId: "", groupInstanceId: "s2", reason: null },
      { memberId: "", groupInstanceId: "s3", reason: null },
      { memberId: "wrong", groupInstanceId: "s1", reason: null },
    ];
    const left = group.ask(ApiKeys.LEAVE_GROUP, { groupId: GROUP, members });

    expect(left.members.map(({ errorCode }) => errorCode)).toEqual([
      Errors.NONE,
      Errors.UNKNOWN_MEMBER_ID,
      Errors.FENCED_INSTANCE_ID,
    ]);
    expect(group.heartbeat(two, 1, "s2").answer?.errorCode).toBe(Errors.UNKNOWN_MEMBER_ID);
  });

  it("is fenced in everything it does under an id that was replaced", () => {
    const group = new GroupHarness();
    const [, two] = stableStatics(group);
    group.join("", s2);
    group.pass(2);
    const instance = { groupInstanceId: "s2" };

    expect(group.join(two, s2).answer?.errorCode).toBe(Errors.FENCED_INSTANCE_ID);
    expect(group.sync(two, 1, {}, instance).answer?.errorCode).toBe(Errors.FENCED_INSTANCE_ID);
    const commit = group.commit(two, 1, 5, instance).answer?.topics[0]?.partitions[0];
    expect(commit?.errorCode).toBe(Errors.FENCED_INSTANCE_ID);
    expect(group.commit(two, 1, 5).answer?.topics[0]?.partitions[0]?.errorCode).toBe(
      Errors.UNKNOWN_MEMBER_ID,
    );
  });
});
