/** Committed offsets: who may commit, what is read, what is dropped. */
import { describe, expect, it } from "vitest";
import { Errors } from "../../errors.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { OffsetCommitResponse } from "../../protocol/group-offsets.ts";
import type { Sent } from "../testkit/group-harness.ts";
import { GROUP, GroupHarness } from "../testkit/group-harness.ts";
import { subscriptionTo } from "../testkit/member-client.ts";

const MINUTE_MS = 60000;

function errorOf(sent: Sent<OffsetCommitResponse>): number | undefined {
  return sent.answer?.topics[0]?.partitions[0]?.errorCode;
}

describe("a commit", () => {
  it("is answered when it is committed, and read by then", () => {
    const group = new GroupHarness();
    const [one = ""] = group.stable(1);
    group.commits = false;
    const sent = group.commit(one, 1, 7);
    const stable = group.fetch(true);
    expect([sent.answer, stable.answer]).toEqual([null, null]);
    // Who does not insist reads what is committed.
    expect(group.offsets(false)).toEqual({});
    group.partition.commit();

    expect(errorOf(sent)).toBe(Errors.NONE);
    expect(stable.answer?.groups[0]?.topics[0]?.partitions[0]?.committedOffset).toBe(7);
    expect(group.offsets(false)).toEqual({ 0: 7 });
    const [told] = group.factsOf("offsets-committed");
    expect(told).toMatchObject({ generation: 1, baseOffset: 2, offsets: [{ offset: 7 }] });
    expect(group.factsOf("offsets-fetched").map(({ readUpTo }) => readUpTo)).toEqual([2, 3, 3]);
  });

  it.each([
    ["of another generation", 0, {}, Errors.ILLEGAL_GENERATION],
    ["of a later generation", 2, {}, Errors.ILLEGAL_GENERATION],
    ["of nobody", 1, { memberId: "x" }, Errors.UNKNOWN_MEMBER_ID],
    ["without a generation, while there are members", -1, {}, Errors.ILLEGAL_GENERATION],
    ["of who is no member, while there are some", -1, { memberId: "" }, Errors.UNKNOWN_MEMBER_ID],
    ["of an unknown instance", 1, { groupInstanceId: "s" }, Errors.UNKNOWN_MEMBER_ID],
  ])("%s is refused and has no effect", (_what, generation, given, error) => {
    const group = new GroupHarness();
    const [one = ""] = group.stable(1);
    const before = group.partition.log.endOffset;

    expect(errorOf(group.commit(one, generation, 5, given))).toBe(error);
    expect(group.partition.log.endOffset).toBe(before);
    expect(group.offsets()).toEqual({});
  });

  it("is taken while members join, and refused while the leader assigns", () => {
    const group = new GroupHarness();
    const [one = "", two = ""] = group.stable(2);
    group.join(one);
    const during = group.commit(two, 1, 5);
    group.pass(2);
    expect(errorOf(during)).toBe(Errors.NONE);
    group.join(two);
    expect(group.state).toBe("CompletingRebalance");

    expect(errorOf(group.commit(two, 2, 6))).toBe(Errors.REBALANCE_IN_PROGRESS);
    expect(errorOf(group.commit(two, 1, 6))).toBe(Errors.ILLEGAL_GENERATION);
  });

  it("keeps the member's session", () => {
    const group = new GroupHarness();
    const [one = ""] = group.stable(1);
    for (let round = 0; round < 4; round++) {
      group.pass(9000);
      group.commit(one, 1, round);
    }
    group.pass(9000);

    expect(group.state).toBe("Stable");
  });

  it("of who never joined makes a group; in an empty group everybody may", () => {
    const group = new GroupHarness();
    const sent = group.commit("", -1, 3);
    group.pass(2);
    expect(errorOf(sent)).toBe(Errors.NONE);
    expect(group.state).toBe("Empty");
    expect(errorOf(group.commit("", 0, 3))).toBe(Errors.UNKNOWN_MEMBER_ID);
    const odd = group.commit("whoever", -1, 4);
    group.pass(2);

    expect(errorOf(odd)).toBe(Errors.NONE);
    expect(group.offsets()).toEqual({ 0: 4 });
  });

  it("to a group that there is not, with a generation, is refused", () => {
    const group = new GroupHarness();

    expect(errorOf(group.commit("x", 1, 3))).toBe(Errors.GROUP_ID_NOT_FOUND);
    expect(group.state).toBe("none");
  });

  it("is refused in part: large metadata, and partitions that there are not", () => {
    const group = new GroupHarness();
    const at = (partitionIndex: number, committedMetadata: string) => ({
      partitionIndex,
      committedOffset: 1,
      committedLeaderEpoch: -1,
      committedMetadata,
    });
    const topics = [
      { name: "gone", partitions: [at(0, "")] },
      { name: "orders", partitions: [at(0, "x".repeat(4097)), at(9, ""), at(1, "ok")] },
    ];
    const answer = group.commit("", -1, 0, { topics });
    group.pass(2);

    expect(
      answer.answer?.topics.map(({ partitions }) => partitions.map((p) => p.errorCode)),
    ).toEqual([
      [Errors.UNKNOWN_TOPIC_OR_PARTITION],
      [Errors.OFFSET_METADATA_TOO_LARGE, Errors.UNKNOWN_TOPIC_OR_PARTITION, Errors.NONE],
    ]);
    expect(group.offsets()).toEqual({ 1: 1 });
  });

  it("that is too large for a batch fails, and changes nothing", () => {
    const group = new GroupHarness();
    const [one = ""] = group.stable(1);
    group.partition.log.settings = { ...group.partition.log.settings, "max.message.bytes": 100 };

    expect(errorOf(group.commit(one, 1, 5))).toBe(Errors.UNKNOWN_SERVER_ERROR);
    expect(group.offsets()).toEqual({});
    group.pass(2);
    expect(group.heartbeat(one, 1).answer?.errorCode).toBe(Errors.NONE);
  });

  it("that times out is told so, and may be committed later all the same", () => {
    const group = new GroupHarness();
    const [one = ""] = group.stable(1);
    group.commits = false;
    const sent = group.commit(one, 1, 5);
    group.heartbeat(one, 1);
    group.pass(5001);
    expect(errorOf(sent)).toBe(Errors.COORDINATOR_NOT_AVAILABLE);
    group.partition.commit();

    expect(group.offsets()).toEqual({ 0: 5 });
  });

  it("with an id too long for Kafka's encoding fails alone", () => {
    const group = new GroupHarness();
    const metadata = "x".repeat(40000);
    Object.assign(group.settings, { "offset.metadata.max.bytes": 100000 });

    expect(errorOf(group.commit("", -1, 5, { metadata }))).toBe(Errors.UNKNOWN_SERVER_ERROR);
    expect(group.state).toBe("none");
  });
});

describe("a fetch", () => {
  it("that waits in vain for what was written sends the client to look for the coordinator", () => {
    const group = new GroupHarness();
    group.commits = false;
    group.commit("", -1, 3);
    const stable = group.fetch(true);
    group.pass(5001);

    expect(stable.answer?.groups[0]).toMatchObject({
      errorCode: Errors.NOT_COORDINATOR,
      topics: [],
    });
  });

  it("tells of partitions that were asked for, with or without an offset", () => {
    const group = new GroupHarness();
    group.commit("", -1, 3, { metadata: "m" });
    group.pass(2);
    const { groups } = group.ask(ApiKeys.OFFSET_FETCH, {
      groups: [
        {
          groupId: GROUP,
          memberId: null,
          memberEpoch: -1,
          topics: [{ name: "orders", partitionIndexes: [1, 0] }],
        },
        { groupId: "none", memberId: null, memberEpoch: -1, topics: null },
      ],
      requireStable: false,
    });

    expect(groups).toEqual([
      {
        groupId: GROUP,
        errorCode: 0,
        topics: [
          {
            name: "orders",
            partitions: [
              {
                partitionIndex: 1,
                committedOffset: -1,
                committedLeaderEpoch: -1,
                metadata: "",
                errorCode: 0,
              },
              {
                partitionIndex: 0,
                committedOffset: 3,
                committedLeaderEpoch: 0,
                metadata: "m",
                errorCode: 0,
              },
            ],
          },
        ],
      },
      { groupId: "none", errorCode: 0, topics: [] },
    ]);
  });
});

describe("deleting", () => {
  it("offsets: not those of topics that the group subscribes to", () => {
    const group = new GroupHarness();
    const [one = ""] = group.stable(1);
    group.commit(one, 1, 5);
    group.pass(2);
    const request = (name: string) => ({
      groupId: GROUP,
      topics: [{ name, partitions: [{ partitionIndex: 0 }] }],
    });
    const subscribed = group.ask(ApiKeys.OFFSET_DELETE, request("orders"));
    const code = subscribed.topics[0]?.partitions[0]?.errorCode;
    expect(code).toBe(Errors.GROUP_SUBSCRIBED_TO_TOPIC);
    const other = group.ask(ApiKeys.OFFSET_DELETE, request("other"));
    expect(other.topics[0]?.partitions[0]?.errorCode).toBe(Errors.NONE);
    group.leave(one);
    group.pass(2);

    const empty = group.ask(ApiKeys.OFFSET_DELETE, request("orders"));
    expect(empty.topics[0]?.partitions[0]?.errorCode).toBe(Errors.NONE);
    expect(group.offsets()).toEqual({});
    expect(group.factsOf("offsets-removed")).toMatchObject([
      { why: "deleted", partitions: ["orders-0"], state: "Empty" },
    ]);
    expect(group.ask(ApiKeys.OFFSET_DELETE, { groupId: "x", topics: [] }).errorCode).toBe(
      Errors.GROUP_ID_NOT_FOUND,
    );
  });

  it("offsets: none of a group with members that are no consumers", () => {
    const group = new GroupHarness();
    group.stable(1, { protocolType: "connect" });

    expect(group.state).toBe("CompletingRebalance");
    expect(group.ask(ApiKeys.OFFSET_DELETE, { groupId: GROUP, topics: [] }).errorCode).toBe(
      Errors.NON_EMPTY_GROUP,
    );
  });

  it("a group: only an empty one, with all that it committed", () => {
    const group = new GroupHarness();
    const [one = ""] = group.stable(1);
    group.commit(one, 1, 5);
    group.pass(2);
    const request = { groupsNames: [GROUP, "x"] };
    expect(group.ask(ApiKeys.DELETE_GROUPS, request).results).toEqual([
      { groupId: GROUP, errorCode: Errors.NON_EMPTY_GROUP },
      { groupId: "x", errorCode: Errors.GROUP_ID_NOT_FOUND },
    ]);
    group.leave(one);
    group.pass(2);
    expect(group.ask(ApiKeys.DELETE_GROUPS, request).results[0]?.errorCode).toBe(Errors.NONE);

    expect(group.state).toBe("none");
    expect(group.offsets()).toEqual({});
    const { groups } = group.ask(ApiKeys.DESCRIBE_GROUPS, { groups: [GROUP] });
    expect(groups[0]).toMatchObject({ errorCode: Errors.GROUP_ID_NOT_FOUND, groupState: "Dead" });
    expect(group.partition.records(group.world.codecs).slice(-2)).toEqual([
      { kind: "offset", group: GROUP, topic: "orders", partition: 0, value: null },
      { kind: "group", group: GROUP, value: null },
    ]);
  });
});

describe("listing and describing", () => {
  it("tell of groups that are committed, in the states asked for", () => {
    const group = new GroupHarness();
    const [one = ""] = group.stable(1);
    group.commits = false;
    group.commit("", -1, 5, { groupId: "later" });
    const list = (statesFilter: string[], typesFilter: string[] = []) =>
      group.ask(ApiKeys.LIST_GROUPS, { statesFilter, typesFilter }).groups.map((g) => g.groupId);

    expect(list([])).toEqual([GROUP]);
    group.partition.commit();
    expect(list([])).toEqual([GROUP, "later"]);
    expect(list(["STABLE"])).toEqual([GROUP]);
    expect(list([], ["consumer"])).toEqual([]);
    const { groups } = group.ask(ApiKeys.DESCRIBE_GROUPS, { groups: [GROUP] });
    expect(groups[0]?.members).toMatchObject([
      {
        memberId: one,
        clientId: "client",
        clientHost: "host",
        memberMetadata: subscriptionTo("orders"),
      },
    ]);
    group.join(one, {});
    const rebalancing = group.ask(ApiKeys.DESCRIBE_GROUPS, { groups: [GROUP] }).groups[0];
    expect(rebalancing).toMatchObject({ groupState: "CompletingRebalance", protocolData: "" });
  });
});

describe("offsets.retention.minutes", () => {
  const settings = {
    "offsets.retention.minutes": 2,
    "offsets.retention.check.interval.ms": MINUTE_MS / 2,
  };

  it("counts from the commit for who never joined; the group goes with its last offset", () => {
    const group = new GroupHarness({ settings });
    group.commit("", -1, 3);
    group.pass(2 * MINUTE_MS - 1000);
    expect(group.offsets()).toEqual({ 0: 3 });
    group.pass(MINUTE_MS);

    expect(group.offsets()).toEqual({});
    expect(group.state).toBe("none");
    expect(group.factsOf("offsets-removed")).toMatchObject([
      { why: "expired", partitions: ["orders-0"], state: "Empty" },
    ]);
    expect(group.factsOf("group-state").at(-1)).toMatchObject({ from: "Empty", to: "Dead" });
    // With no group left nothing runs any more.
    expect(group.shard.timers.size).toBe(0);
  });

  it("does not count while there are members that subscribe to the topic", () => {
    const group = new GroupHarness({ settings });
    const long = { sessionTimeoutMs: 1000000 };
    const [one = ""] = group.stable(1, long);
    group.commit(one, 1, 3);
    group.commit(one, 1, 4, { topics: [otherTopic()] });
    group.pass(5 * MINUTE_MS);

    expect(group.offsets()).toEqual({ 0: 3 });
    expect(group.factsOf("offsets-removed")).toMatchObject([
      { partitions: ["other-0"], state: "Stable" },
    ]);
  });

  it("counts from when the group became empty", () => {
    const group = new GroupHarness({ settings });
    const long = { sessionTimeoutMs: 1000000 };
    const [one = ""] = group.stable(1, long);
    group.commit(one, 1, 3);
    group.pass(10 * MINUTE_MS);
    group.leave(one);
    group.pass(2 * MINUTE_MS - 1000);
    expect(group.offsets()).toEqual({ 0: 3 });
    group.pass(MINUTE_MS);

    expect(group.offsets()).toEqual({});
  });

  it("does not count while a group rebalances, be its offsets ever so old", () => {
    const group = new GroupHarness({
      settings: { ...settings, "group.initial.rebalance.delay.ms": 3 * MINUTE_MS },
    });
    const long = { sessionTimeoutMs: 1000000, rebalanceTimeoutMs: 1000000 };
    group.commit("", -1, 3);
    group.pass(MINUTE_MS);
    group.join(group.newId(long), long);
    group.pass(2.9 * MINUTE_MS);

    expect(group.state).toBe("PreparingRebalance");
    expect(group.offsets()).toEqual({ 0: 3 });
  });

  it("is looked at in the same rhythm, whether or not there was a group before", () => {
    const group = new GroupHarness({ settings });
    expect(group.shard.timers.size).toBe(0);
    group.pass(MINUTE_MS * 0.7);
    group.commit("", -1, 3);
    group.pass(2 * MINUTE_MS);
    // The commit is two minutes old at 2.7; the next look is at 3.
    expect(group.offsets()).toEqual({ 0: 3 });
    group.pass(MINUTE_MS * 0.31);
    expect(group.offsets()).toEqual({});
  });

  it("splits its tombstones over batches, and tries again when they cannot be written", () => {
    const group = new GroupHarness({ settings });
    for (let at = 0; at < 40; at++) group.commit("", -1, at, { groupId: `group ${at}` });
    group.pass(2);
    group.partition.log.settings = { ...group.partition.log.settings, "max.message.bytes": 500 };
    group.partition.refuses = Errors.KAFKA_STORAGE_ERROR;
    group.pass(2 * MINUTE_MS + 100);
    group.partition.refuses = Errors.NONE;
    const before = group.partition.log.batches.length;
    group.pass(1000);

    expect(group.shard.state.groups.size).toBe(0);
    expect(group.partition.log.batches.length - before).toBeGreaterThan(5);
  });
});

function otherTopic() {
  const partition = {
    partitionIndex: 0,
    committedOffset: 4,
    committedLeaderEpoch: 0,
    committedMetadata: "",
  };
  return { name: "other", partitions: [partition] };
}
