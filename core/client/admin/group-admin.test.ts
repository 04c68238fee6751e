import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { ApiKey, RequestBody, ResponseBody } from "../../protocol/message.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { AdminSettings } from "../../settings/client-settings.ts";
import { adminSettings } from "../../settings/client-settings.ts";
import { resolveSettings } from "../../settings/definition.ts";
import { Admin } from "../admin.ts";
import { FakeCluster } from "../fake-cluster.testkit.ts";

type Answer = ResponseBody<ApiKey> | "silent" | undefined;

/** Two brokers; what they say of groups is scripted, by the request. */
class Bench {
  readonly cluster: FakeCluster = new FakeCluster(2, { t: 2 });
  readonly results: unknown[] = [];
  readonly tell = (result: unknown): number => this.results.push(result);
  /** Who coordinates every group, or why nobody does. */
  coordinator: number | ErrorCode[] = 1;
  answers: Partial<Record<ApiKey, (broker: number, body: unknown, nth: number) => Answer>> = {};
  readonly admin: Admin;
  readonly #counts: Map<number, number> = new Map();

  constructor() {
    this.admin = new Admin(this.cluster.world.node("a1").ports, {
      clientId: "a1",
      bootstrap: this.cluster.hosts,
      settings: resolveSettings<AdminSettings>(adminSettings, {
        "default.api.timeout.ms": 2000,
        "request.timeout.ms": 300,
      }),
    });
    this.cluster.intercept = (broker, request) => {
      const { apiKey, body } = request;
      if (apiKey === ApiKeys.FIND_COORDINATOR) return this.#find(body as RequestBody<10>);
      const nth = this.#counts.get(apiKey) ?? 0;
      this.#counts.set(apiKey, nth + 1);
      return this.answers[apiKey]?.(broker, body, nth);
    };
  }

  #find({ coordinatorKeys }: RequestBody<10>): ResponseBody<10> {
    const errors = this.coordinator;
    const errorCode = typeof errors === "number" ? 0 : (errors.shift() ?? 0);
    const nodeId = errorCode === 0 ? (typeof errors === "number" ? errors : 1) : -1;
    return {
      coordinators: coordinatorKeys.map((key) => {
        return { key, nodeId, host: nodeId < 0 ? "" : `b${nodeId}`, errorCode, errorMessage: null };
      }),
    };
  }

  /** The brokers that were asked, in turn. */
  asked(apiKey: ApiKey): number[] {
    return this.cluster.seen
      .filter(({ request }) => request.apiKey === apiKey)
      .map(({ broker }) => broker);
  }
}

function deletedWith(errorCode: number): (_: number, body: unknown) => Answer {
  return (_, body) => {
    const { groupsNames } = body as RequestBody<42>;
    return { results: groupsNames.map((groupId) => ({ groupId, errorCode })) };
  };
}

describe("finding the coordinator", () => {
  it("asks until there is one, and tells what cannot be helped", () => {
    const bench = new Bench();
    bench.coordinator = [Errors.COORDINATOR_NOT_AVAILABLE, Errors.COORDINATOR_LOAD_IN_PROGRESS];
    bench.answers[ApiKeys.DELETE_GROUPS] = deletedWith(0);
    bench.admin.groups.delete(["g"], bench.tell);
    bench.cluster.world.run(1500);
    expect(bench.results).toEqual([[{ group: "g", result: { kind: "done", value: null } }]]);
    expect(bench.asked(ApiKeys.FIND_COORDINATOR)).toHaveLength(3);
    bench.coordinator = [Errors.INVALID_GROUP_ID];
    bench.admin.groups.delete([""], bench.tell);
    bench.cluster.world.run(100);
    const result = { kind: "failed", error: "INVALID_GROUP_ID" };
    expect(bench.results[1]).toEqual([{ group: "", result }]);
  });

  it("finds it again when it is another one, and waits for one that loads", () => {
    const bench = new Bench();
    const errors = [
      Errors.NOT_COORDINATOR,
      Errors.COORDINATOR_LOAD_IN_PROGRESS,
      Errors.COORDINATOR_NOT_AVAILABLE,
      Errors.NON_EMPTY_GROUP,
    ];
    bench.answers[ApiKeys.DELETE_GROUPS] = (broker, body, nth) => {
      bench.coordinator = 2;
      return deletedWith(errors[nth] as number)(broker, body);
    };
    bench.admin.groups.delete(["g"], bench.tell);
    bench.cluster.world.run(1900);
    expect(bench.asked(ApiKeys.DELETE_GROUPS)).toEqual([1, 2, 2, 2]);
    expect(bench.asked(ApiKeys.FIND_COORDINATOR)).toHaveLength(3);
    const result = { kind: "failed", error: "NON_EMPTY_GROUP" };
    expect(bench.results).toEqual([[{ group: "g", result }]]);
  });

  it("finds it again when it cannot be reached or does not answer", () => {
    const bench = new Bench();
    bench.cluster.world.node("b2").kill();
    bench.coordinator = 2;
    bench.answers[ApiKeys.DELETE_GROUPS] = (broker, body, nth) =>
      nth === 0 ? "silent" : deletedWith(0)(broker, body);
    bench.admin.groups.delete(["g"], bench.tell);
    bench.cluster.world.run(500);
    expect(bench.results).toEqual([]);
    bench.coordinator = 1;
    bench.cluster.world.run(1400);
    expect(bench.asked(ApiKeys.DELETE_GROUPS)).toEqual([1, 1]);
    expect(bench.results).toEqual([[{ group: "g", result: { kind: "done", value: null } }]]);
  });

  it("gives up after default.api.timeout.ms, for each group by itself", () => {
    const bench = new Bench();
    bench.answers[ApiKeys.DELETE_GROUPS] = (broker, body) => {
      const { groupsNames } = body as RequestBody<42>;
      const isLost = groupsNames[0] === "g";
      return deletedWith(isLost ? Errors.NOT_COORDINATOR : 0)(broker, body);
    };
    bench.admin.groups.delete(["g", "h"], bench.tell);
    bench.cluster.world.run(1990);
    expect(bench.results).toEqual([]);
    bench.cluster.world.run(20);
    expect(bench.results).toEqual([
      [
        { group: "g", result: { kind: "failed", error: "REQUEST_TIMED_OUT" } },
        { group: "h", result: { kind: "done", value: null } },
      ],
    ]);
  });
});

describe("groups", () => {
  const listed = (groupId: string): ResponseBody<16>["groups"][number] => {
    return { groupId, protocolType: "consumer", groupState: "Stable", groupType: "classic" };
  };

  it("are listed by every broker, once each, with the errors of the others", () => {
    const bench = new Bench();
    bench.answers[ApiKeys.LIST_GROUPS] = (broker, _, nth) => {
      if (nth === 0) return { errorCode: Errors.COORDINATOR_LOAD_IN_PROGRESS, groups: [] };
      const groups = broker === 1 ? ["z", "b"] : ["b", "a"];
      return { errorCode: 0, groups: groups.map(listed) };
    };
    bench.admin.groups.list(bench.tell);
    bench.cluster.world.run(1000);
    const value = { groups: ["a", "b", "z"].map(listed), errors: [] };
    expect(bench.results).toEqual([{ kind: "done", value }]);
    bench.cluster.world.node("b2").kill();
    bench.admin.groups.list(bench.tell);
    bench.cluster.world.run(2100);
    expect(bench.results[1]).toEqual({
      kind: "done",
      value: {
        groups: ["b", "z"].map(listed),
        errors: [{ broker: 2, error: "REQUEST_TIMED_OUT" }],
      },
    });
  });

  it("are described one by one; none at all is an answer of its own", () => {
    const bench = new Bench();
    const described = (groupId: string, errorCode: number): ResponseBody<15>["groups"][number] => {
      const none = { protocolType: "consumer", protocolData: "", members: [] };
      return { ...none, groupId, errorCode, errorMessage: null, groupState: "Empty" };
    };
    bench.answers[ApiKeys.DESCRIBE_GROUPS] = (_, body) => {
      const { groups } = body as RequestBody<15>;
      const error = (group: string): number => (group === "g" ? 0 : Errors.GROUP_ID_NOT_FOUND);
      return { groups: groups.map((group) => described(group, error(group))) };
    };
    bench.admin.groups.describe(["g", "h"], bench.tell);
    bench.admin.groups.describe([], bench.tell);
    expect(bench.results).toEqual([]);
    bench.cluster.world.run(200);
    expect(bench.results).toEqual([
      [],
      [
        { group: "g", result: { kind: "done", value: described("g", 0) } },
        { group: "h", result: { kind: "failed", error: "GROUP_ID_NOT_FOUND" } },
      ],
    ]);
  });

  it("have their offsets altered by somebody who is no member, again while they rebalance", () => {
    const bench = new Bench();
    const errors = [Errors.REBALANCE_IN_PROGRESS, Errors.NOT_COORDINATOR, Errors.UNKNOWN_MEMBER_ID];
    bench.answers[ApiKeys.OFFSET_COMMIT] = (_, body, nth) => ({
      topics: (body as RequestBody<8>).topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => {
          return { partitionIndex, errorCode: errors[nth] as number };
        }),
      })),
    });
    const offsets = [
      { topic: "t", partition: 0, offset: 5 },
      { topic: "u", partition: 0, offset: 6 },
      { topic: "t", partition: 1, offset: 7, leaderEpoch: 3, metadata: "m" },
    ];
    bench.admin.groups.alterOffsets("g", offsets, bench.tell);
    bench.cluster.world.run(1900);
    const errorCode = Errors.UNKNOWN_MEMBER_ID;
    expect(bench.results).toEqual([
      {
        kind: "done",
        value: [
          { topic: "t", partition: 0, errorCode },
          { topic: "t", partition: 1, errorCode },
          { topic: "u", partition: 0, errorCode },
        ],
      },
    ]);
    const [request] = bench.cluster.requests(ApiKeys.OFFSET_COMMIT);
    expect(request?.body).toEqual({
      groupId: "g",
      generationIdOrMemberEpoch: -1,
      memberId: "",
      groupInstanceId: null,
      topics: [
        {
          name: "t",
          partitions: [
            {
              partitionIndex: 0,
              committedOffset: 5,
              committedLeaderEpoch: -1,
              committedMetadata: null,
            },
            {
              partitionIndex: 1,
              committedOffset: 7,
              committedLeaderEpoch: 3,
              committedMetadata: "m",
            },
          ],
        },
        {
          name: "u",
          partitions: [
            {
              partitionIndex: 0,
              committedOffset: 6,
              committedLeaderEpoch: -1,
              committedMetadata: null,
            },
          ],
        },
      ],
    });
  });

  it("have offsets deleted, with the error of the group or of each partition", () => {
    const bench = new Bench();
    bench.answers[ApiKeys.OFFSET_DELETE] = (_, body, nth) =>
      nth > 0
        ? { errorCode: Errors.GROUP_ID_NOT_FOUND, topics: [] }
        : {
            errorCode: 0,
            topics: (body as RequestBody<47>).topics.map(({ name, partitions }) => ({
              name,
              partitions: partitions.map(({ partitionIndex }) => {
                return { partitionIndex, errorCode: Errors.GROUP_SUBSCRIBED_TO_TOPIC };
              }),
            })),
          };
    const partition = { topic: "t", partition: 1 };
    bench.admin.groups.deleteOffsets("g", [partition], bench.tell);
    bench.cluster.world.run(100);
    bench.admin.groups.deleteOffsets("h", [partition], bench.tell);
    bench.cluster.world.run(100);
    const errorCode = Errors.GROUP_SUBSCRIBED_TO_TOPIC;
    expect(bench.results).toEqual([
      { kind: "done", value: [{ ...partition, errorCode }] },
      { kind: "failed", error: "GROUP_ID_NOT_FOUND" },
    ]);
  });

  it("lag by what they have not committed of what is in the logs", () => {
    const bench = new Bench();
    const committed = (partitionIndex: number, committedOffset: number) => {
      const nothing = { committedLeaderEpoch: -1, metadata: "", errorCode: 0 };
      return { ...nothing, partitionIndex, committedOffset };
    };
    bench.answers[ApiKeys.OFFSET_FETCH] = (_, body) => ({
      groups: (body as RequestBody<9>).groups.map(({ groupId }) => ({
        groupId,
        errorCode: 0,
        topics: [{ name: "t", partitions: [committed(0, -1), committed(1, 4)] }],
      })),
    });
    bench.cluster.partition("t", 1).startOffset = 9;
    bench.admin.groups.lag("g", bench.tell);
    bench.cluster.world.run(200);
    const value = [{ topic: "t", partition: 1, committed: 4, end: 9, lag: 5 }];
    expect(bench.results).toEqual([{ kind: "done", value }]);
    expect(bench.cluster.requests(ApiKeys.OFFSET_FETCH)[0]?.body).toEqual({
      groups: [{ groupId: "g", memberId: null, memberEpoch: -1, topics: null }],
      requireStable: false,
    });
  });

  it("tell their offsets, of some partitions if so asked", () => {
    const bench = new Bench();
    bench.answers[ApiKeys.OFFSET_FETCH] = (_, body) => ({
      groups: (body as RequestBody<9>).groups.map(({ groupId, topics }) => ({
        groupId,
        errorCode: 0,
        topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
          name,
          partitions: partitionIndexes.map((partitionIndex) => ({
            partitionIndex,
            committedOffset: 3,
            committedLeaderEpoch: 2,
            metadata: "m",
            errorCode: 0,
          })),
        })),
      })),
    });
    bench.admin.groups.listOffsets("g", [{ topic: "t", partition: 1 }], bench.tell);
    bench.cluster.world.run(200);
    const offset = { offset: 3, leaderEpoch: 2, metadata: "m", errorCode: 0 };
    const value = [{ topic: "t", partition: 1, ...offset }];
    expect(bench.results).toEqual([{ kind: "done", value }]);
  });
});
