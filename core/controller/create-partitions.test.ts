import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import type { CreatePartitionsRequest } from "../protocol/create-partitions.ts";
import { ApiKeys } from "../protocol/message.ts";
import { ControllerCluster } from "./controller-node.testkit.ts";

type Asked = CreatePartitionsRequest["topics"][number];

function ask(
  cluster: ControllerCluster,
  topics: readonly (Omit<Asked, "assignments"> & { assign?: number[][] })[],
  validateOnly: boolean = false,
): [name: string, errorCode: number][] {
  const { results } = cluster.ask(ApiKeys.CREATE_PARTITIONS, {
    topics: topics.map(({ name, count, assign }) => ({
      name,
      count,
      assignments: assign?.map((brokerIds) => ({ brokerIds })) ?? null,
    })),
    timeoutMs: 1000,
    validateOnly,
  });
  return results.map(({ name, errorCode }) => [name, errorCode]);
}

describe("CreatePartitions", () => {
  it("refuses by the error that says why", () => {
    const cluster = new ControllerCluster();
    cluster.join(1, 2);
    cluster.register(3);
    cluster.createTopic("t", [[1, 2]]);
    const cases: [Parameters<typeof ask>[1][number], number][] = [
      [{ name: "u", count: 2 }, Errors.UNKNOWN_TOPIC_OR_PARTITION],
      [{ name: "t", count: 1 }, Errors.INVALID_PARTITIONS],
      [{ name: "t", count: 0 }, Errors.INVALID_PARTITIONS],
      [{ name: "t", count: 1, assign: [[9]] }, Errors.INVALID_PARTITIONS],
      [{ name: "t", count: 3, assign: [[1, 2]] }, Errors.INVALID_REPLICA_ASSIGNMENT],
      [{ name: "t", count: 2, assign: [] }, Errors.INVALID_REPLICA_ASSIGNMENT],
      [{ name: "t", count: 2, assign: [[]] }, Errors.INVALID_REPLICA_ASSIGNMENT],
      [{ name: "t", count: 2, assign: [[1, 9]] }, Errors.INVALID_REPLICA_ASSIGNMENT],
      [{ name: "t", count: 2, assign: [[1, 1]] }, Errors.INVALID_REPLICA_ASSIGNMENT],
      [{ name: "t", count: 2, assign: [[1]] }, Errors.INVALID_REPLICA_ASSIGNMENT],
    ];
    for (const [topic, error] of cases) {
      expect([topic, ask(cluster, [topic])]).toEqual([topic, [[topic.name, error]]]);
    }
    cluster.createTopic("lonely", [[1]]);
    expect(ask(cluster, [{ name: "lonely", count: 2, assign: [[3]] }])).toEqual([
      ["lonely", Errors.INVALID_REPLICA_ASSIGNMENT],
    ]);
    expect(cluster.image.topicsByName.get("t")?.partitions).toHaveLength(1);
    expect(cluster.image.topicsByName.get("lonely")?.partitions).toHaveLength(1);
  });

  it("refuses when too few brokers are registered, or none is active, for as many replicas", () => {
    const cluster = new ControllerCluster();
    cluster.join(1);
    cluster.createTopic("t", [[1]]);
    cluster.heartbeat(1, { fence: true });
    const asked = [{ name: "t", count: 2 }];
    expect(ask(cluster, asked)).toEqual([["t", Errors.INVALID_REPLICATION_FACTOR]]);
    cluster.heartbeat(1);
    expect(ask(cluster, asked)).toEqual([["t", Errors.NONE]]);
  });

  it("refuses a name given twice once, and answers the others after it", () => {
    const cluster = new ControllerCluster();
    cluster.join(1);
    cluster.createTopic("t", [[1]]);
    cluster.createTopic("u", [[1]]);
    const count = 2;
    const asked = [
      { name: "t", count },
      { name: "u", count },
      { name: "t", count: 3 },
    ];
    expect(ask(cluster, asked)).toEqual([
      ["t", Errors.INVALID_REQUEST],
      ["u", Errors.NONE],
    ]);
    expect(cluster.image.topicsByName.get("t")?.partitions).toHaveLength(1);
    expect(cluster.image.topicsByName.get("u")?.partitions).toHaveLength(2);
  });

  it("only says whether it could, when that is all that is asked", () => {
    const cluster = new ControllerCluster();
    cluster.join(1);
    cluster.createTopic("t", [[1]]);
    expect(ask(cluster, [{ name: "t", count: 4 }], true)).toEqual([["t", Errors.NONE]]);
    expect(cluster.image.topicsByName.get("t")?.partitions).toHaveLength(1);
  });

  it("takes assigned replicas as they are, and only the active ones into the ISR", () => {
    const cluster = new ControllerCluster();
    cluster.join(1, 2);
    cluster.register(3);
    cluster.createTopic("t", [[1, 2]]);
    const asked = {
      name: "t",
      count: 3,
      assign: [
        [3, 2],
        [2, 1],
      ],
    };
    expect(ask(cluster, [asked])).toEqual([["t", Errors.NONE]]);
    expect(cluster.partition("t", 1)).toEqual({
      replicas: [3, 2],
      isr: [2],
      leader: 2,
      leaderRecoveryState: 0,
      leaderEpoch: 0,
      partitionEpoch: 0,
      directories: ["dir-3", "dir-2"],
    });
    expect(cluster.partition("t", 2)).toMatchObject({ replicas: [2, 1], isr: [2, 1], leader: 2 });
  });

  it("places as many replicas as the topic has, unfenced brokers first, racks alternating", () => {
    const cluster = new ControllerCluster();
    for (const id of [1, 2, 3, 4]) {
      cluster.register(id, { rack: id % 2 === 0 ? "a" : "b" });
      cluster.heartbeat(id);
    }
    cluster.register(5, { rack: "c" });
    cluster.createTopic("t", [[1, 2]]);
    ask(cluster, [{ name: "t", count: 9 }]);
    const added = cluster.image.topicsByName.get("t")?.partitions.slice(1) ?? [];
    expect(added.map(({ leader }) => leader).sort()).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
    for (const { replicas } of added) {
      expect(replicas).toHaveLength(2);
      expect(new Set(replicas.map((id) => id % 2)).size).toBe(2);
    }
  });

  it("writes all new partitions of a request as one batch, and tells that they were created", () => {
    const cluster = new ControllerCluster();
    cluster.join(1, 2);
    cluster.createTopic("t", [[1, 2]]);
    cluster.createTopic("u", [[2]]);
    cluster.node.facts = [];
    ask(cluster, [
      { name: "t", count: 3 },
      { name: "u", count: 2 },
    ]);
    const decided = cluster.node.factsOf("partition-decided");
    expect(decided).toMatchObject([
      { partition: "t-1", why: "created", previousIsr: [], previousLeader: -1 },
      { partition: "t-2", why: "created" },
      { partition: "u-1", why: "created" },
    ]);
    const ends = cluster.node
      .factsOf("metadata-committed")
      .filter(({ record }) => record.type === "Partition")
      .map(({ endsBatch }) => endsBatch);
    expect(ends).toEqual([false, false, true]);
    const before = cluster.image.copy();
    cluster.restart(true);
    expect(cluster.image.topicsByName).toEqual(before.topicsByName);
  });
});
