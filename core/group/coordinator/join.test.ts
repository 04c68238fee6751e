/** How members come into a group, and how it gets from one generation to the next. */
import { describe, expect, it } from "vitest";
import { Errors } from "../../errors.ts";
import { ApiKeys } from "../../protocol/message.ts";
import { GROUP, GroupHarness } from "../testkit/group-harness.ts";
import { joinRequest, subscriptionTo } from "../testkit/member-client.ts";

const range = { name: "range", metadata: subscriptionTo("orders") };
const sticky = { name: "sticky", metadata: subscriptionTo("orders") };

describe("a first join", () => {
  it("gives out an id to come again with, and the group is written", () => {
    const group = new GroupHarness();

    const asked = group.join("", {});

    expect(asked.answer).toMatchObject({ errorCode: Errors.MEMBER_ID_REQUIRED, generationId: -1 });
    expect(asked.answer?.memberId).toMatch(/^client-.{22}$/);
    expect(group.partition.records(group.world.codecs)).toMatchObject([
      { kind: "group", group: GROUP, value: { generation: 0, protocolType: "", members: [] } },
    ]);
    expect(group.state).toBe("Empty");
  });

  it("never gives the same id twice, not to the next coordinator's members either", () => {
    const group = new GroupHarness();
    const ids = [group.newId(), group.newId()];
    group.failOver();
    ids.push(group.newId());

    expect(new Set(ids).size).toBe(3);
  });

  it("forgets an id that nobody joins with when its session ends", () => {
    const group = new GroupHarness();
    const id = group.newId({ sessionTimeoutMs: 5000 });
    group.pass(5000);

    expect(group.join(id).answer?.errorCode).toBe(Errors.UNKNOWN_MEMBER_ID);
    expect(group.factsOf("group-member-removed")).toMatchObject([
      { member: id, why: "pending-timeout" },
    ]);
  });

  it("with an id, but without a group, is refused", () => {
    const group = new GroupHarness();

    expect(group.join("somebody").answer).toMatchObject({
      errorCode: Errors.UNKNOWN_MEMBER_ID,
      memberId: "somebody",
    });
    expect(group.state).toBe("none");
  });

  it.each([
    ["without a group id", { groupId: "" }, Errors.INVALID_GROUP_ID],
    ["with too short a session", { sessionTimeoutMs: 999 }, Errors.INVALID_SESSION_TIMEOUT],
    ["with too long a session", { sessionTimeoutMs: 1800001 }, Errors.INVALID_SESSION_TIMEOUT],
    ["without an assignor", { protocols: [] }, Errors.INCONSISTENT_GROUP_PROTOCOL],
    ["without a protocol type", { protocolType: "" }, Errors.INCONSISTENT_GROUP_PROTOCOL],
  ])("%s is refused", (_what, given, error) => {
    const group = new GroupHarness();

    expect(group.join("", given).answer?.errorCode).toBe(error);
  });
});

describe("the first join phase", () => {
  it("takes group.initial.rebalance.delay.ms, and as long again while members come", () => {
    const group = new GroupHarness();
    const ids = [group.newId(), group.newId()];
    const first = group.join(ids[0] ?? "");
    expect(group.state).toBe("PreparingRebalance");
    group.pass(2000);
    const second = group.join(ids[1] ?? "");
    group.pass(3999);
    expect([first.answer, second.answer]).toEqual([null, null]);
    group.pass(2);

    expect(first.answer).toMatchObject({ errorCode: 0, generationId: 1, leader: ids[0] });
    expect(first.answer?.members.map(({ memberId }) => memberId)).toEqual(ids);
    expect(second.answer).toMatchObject({ errorCode: 0, generationId: 1, members: [] });
    expect(group.state).toBe("CompletingRebalance");
  });

  it("is not extended much beyond the rebalance timeout", () => {
    const group = new GroupHarness();
    const timeouts = { rebalanceTimeoutMs: 4000 };
    const ids = Array.from({ length: 12 }, () => group.newId(timeouts));
    const first = group.join(ids[0] ?? "", timeouts);
    let waitedMs = 0;
    for (const id of ids.slice(1)) {
      if (first.answer !== null) break;
      group.join(id, timeouts);
      group.pass(500);
      waitedMs += 500;
    }
    // 3000 ms, then the 1000 that are left; what is left after that is 0.
    expect(waitedMs).toBe(4000);
    expect(first.answer?.members).toHaveLength(9);
  });

  it("waits for ids that were given out, in later generations", () => {
    const group = new GroupHarness();
    const [leader] = group.stable(1);
    const pending = group.newId();
    const rejoin = group.join(leader ?? "");
    group.pass(5000);
    expect(rejoin.answer).toBeNull();
    const joined = group.join(pending);

    expect(rejoin.answer).toMatchObject({ errorCode: 0, generationId: 2 });
    expect(joined.answer).toMatchObject({ errorCode: 0, generationId: 2 });
  });
});

describe("a rebalance", () => {
  it("begins when the leader joins again, ends when all have", () => {
    const group = new GroupHarness();
    const [one = "", two = ""] = group.stable(2);
    const first = group.join(one);
    expect(group.state).toBe("PreparingRebalance");
    expect(group.heartbeat(two, 1).answer?.errorCode).toBe(Errors.REBALANCE_IN_PROGRESS);
    const second = group.join(two);

    expect(first.answer).toMatchObject({ errorCode: 0, generationId: 2, leader: one });
    expect(second.answer).toMatchObject({ errorCode: 0, generationId: 2, leader: one });
  });

  it("does not begin when a follower joins again with the same subscription", () => {
    const group = new GroupHarness();
    const [, two = ""] = group.stable(2);

    expect(group.join(two).answer).toMatchObject({ errorCode: 0, generationId: 1, members: [] });
    expect(group.state).toBe("Stable");
  });

  it("begins when a follower's subscription changed", () => {
    const group = new GroupHarness();
    const [, two = ""] = group.stable(2);
    const metadata = subscriptionTo("orders", "other");
    group.join(two, { protocols: [{ name: "range", metadata }] });

    expect(group.state).toBe("PreparingRebalance");
  });

  it("tells a member again that missed the answer, while the leader's assignment is awaited", () => {
    const group = new GroupHarness();
    const ids = [group.newId(), group.newId()];
    for (const id of ids) group.join(id);
    group.pass(6010);
    expect(group.state).toBe("CompletingRebalance");

    expect(group.join(ids[0] ?? "").answer?.members).toHaveLength(2);
    expect(group.join(ids[1] ?? "").answer).toMatchObject({ generationId: 1, members: [] });
    group.join(ids[1] ?? "", { protocols: [range, sticky] });
    expect(group.state).toBe("PreparingRebalance");
  });

  it("goes on without those who do not join in time, and with another leader", () => {
    const group = new GroupHarness();
    const timeouts = { sessionTimeoutMs: 60000, rebalanceTimeoutMs: 20000 };
    const [one = "", two = ""] = group.stable(2, timeouts);
    const metadata = subscriptionTo("other");
    const rejoin = group.join(two, { ...timeouts, protocols: [{ name: "range", metadata }] });
    group.pass(19999);
    expect(rejoin.answer).toBeNull();
    group.pass(2);

    expect(rejoin.answer).toMatchObject({ errorCode: 0, generationId: 2, leader: two });
    expect(group.factsOf("group-member-removed")).toMatchObject([
      { member: one, why: "rebalance-timeout" },
    ]);
    expect(group.heartbeat(one, 1).answer?.errorCode).toBe(Errors.UNKNOWN_MEMBER_ID);
  });

  it("ends a new member's join after five minutes when others keep it waiting", () => {
    const group = new GroupHarness();
    const timeouts = { sessionTimeoutMs: 1000000, rebalanceTimeoutMs: 1000000 };
    group.stable(1, timeouts);
    const id = group.newId(timeouts);
    const parked = group.join(id, timeouts);
    group.pass(299999);
    expect(parked.answer).toBeNull();
    group.pass(2);

    expect(parked.answer?.errorCode).toBe(Errors.UNKNOWN_MEMBER_ID);
    expect(group.factsOf("group-member-removed")).toMatchObject([
      { member: id, why: "join-timeout" },
    ]);
  });

  it("leaves a group empty from which the last member is gone, with a generation of its own", () => {
    const group = new GroupHarness();
    group.stable(1, { sessionTimeoutMs: 10000 });
    group.pass(10010);

    expect(group.state).toBe("Empty");
    expect(group.partition.records(group.world.codecs).at(-1)).toMatchObject({
      value: { generation: 2, protocolType: "consumer", protocol: null, leader: null, members: [] },
    });
    expect(group.factsOf("group-state").map(({ from, to }) => `${from} ${to}`)).toEqual([
      "Empty PreparingRebalance",
      "PreparingRebalance CompletingRebalance",
      "CompletingRebalance Stable",
      "Stable PreparingRebalance",
      "PreparingRebalance Empty",
    ]);
  });
});

describe("the assignor", () => {
  it("is the one that most like best among those that all know", () => {
    const group = new GroupHarness();
    const wishes = [
      [range, sticky],
      [sticky, range],
      [{ ...range, name: "own" }, sticky, range],
    ];
    const ids = wishes.map((protocols) => group.newId({ protocols }));
    const joins = ids.map((id, at) => group.join(id, { protocols: wishes[at] ?? [] }));
    group.pass(6010);

    expect(joins.map(({ answer }) => answer?.protocolName)).toEqual(["sticky", "sticky", "sticky"]);
  });

  it("must be one that all members know", () => {
    const group = new GroupHarness();
    group.stable(1);

    const { errorCode } = group.ask(
      ApiKeys.JOIN_GROUP,
      joinRequest(GROUP, { protocols: [sticky] }),
    );
    expect(errorCode).toBe(Errors.INCONSISTENT_GROUP_PROTOCOL);
    const other = joinRequest(GROUP, { protocolType: "connect" });
    expect(group.ask(ApiKeys.JOIN_GROUP, other).errorCode).toBe(Errors.INCONSISTENT_GROUP_PROTOCOL);
  });
});

describe("group.max.size", () => {
  it("keeps out who is too much", () => {
    const group = new GroupHarness({ settings: { "group.max.size": 2 } });
    group.stable(2);

    expect(group.join("").answer).toMatchObject({
      errorCode: Errors.GROUP_MAX_SIZE_REACHED,
      memberId: "",
    });
  });

  it("counts those that joined again while a group rebalances", () => {
    const group = new GroupHarness({ settings: { "group.max.size": 2 } });
    const ids = [group.newId(), group.newId(), group.newId()];
    const joins = ids.map((id) => group.join(id));

    expect(joins[2]?.answer?.errorCode).toBe(Errors.GROUP_MAX_SIZE_REACHED);
    group.pass(6010);
    expect(joins[0]?.answer?.generationId).toBe(1);
  });

  it("shrinks a group that is larger when it is loaded", () => {
    const group = new GroupHarness();
    const ids = group.stable(3);
    Object.assign(group.settings, { "group.max.size": 2 });
    group.failOver();
    expect(group.state).toBe("PreparingRebalance");
    const joins = ids.map((id) => group.join(id));

    expect(joins.map(({ answer }) => answer?.errorCode)).toEqual([
      undefined,
      undefined,
      Errors.GROUP_MAX_SIZE_REACHED,
    ]);
    group.pass(30010);
    expect(joins[0]?.answer).toMatchObject({ errorCode: 0, generationId: 2 });
    expect(joins[0]?.answer?.members).toHaveLength(2);
  });
});
