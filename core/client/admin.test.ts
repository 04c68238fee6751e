import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { LATEST_TIMESTAMP } from "../protocol/list-offsets.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { CreateTopicsResponse } from "../protocol/create-topics.ts";
import type { AdminSettings } from "../settings/client-settings.ts";
import { adminSettings } from "../settings/client-settings.ts";
import { resolveSettings } from "../settings/definition.ts";
import { Admin } from "./admin.ts";
import { FakeCluster } from "./fake-cluster.testkit.ts";

function bench(): { cluster: FakeCluster; admin: Admin; results: unknown[] } {
  const cluster = new FakeCluster(2, { t: 2 });
  const admin = new Admin(cluster.world.node("a1").ports, {
    clientId: "a1",
    bootstrap: cluster.hosts,
    settings: resolveSettings<AdminSettings>(adminSettings, {
      "default.api.timeout.ms": 2000,
      "request.timeout.ms": 300,
    }),
  });
  return { cluster, admin, results: [] };
}

function created(name: string, errorCode: number): CreateTopicsResponse {
  const topic = { name, topicId: "x", errorCode, errorMessage: null };
  return { topics: [{ ...topic, numPartitions: 1, replicationFactor: 1 }] };
}

describe("admin", () => {
  it("creates topics as asked, by counts or by assignment", () => {
    const { cluster, admin, results } = bench();
    cluster.intercept = (_, request) =>
      request.apiKey === ApiKeys.CREATE_TOPICS ? created("n", 0) : undefined;
    const topics = [
      { name: "n", partitions: 3, replicationFactor: 2, configs: { "min.insync.replicas": 2 } },
      { name: "m", assignment: [[1, 2], [2]] },
    ];
    admin.createTopics(topics, (result) => results.push(result));
    expect(results).toEqual([]);
    cluster.world.run(100);
    expect(results).toEqual([{ kind: "done", value: created("n", 0).topics }]);
    expect(cluster.requests(ApiKeys.CREATE_TOPICS)[0]?.body.topics).toEqual([
      {
        name: "n",
        numPartitions: 3,
        replicationFactor: 2,
        assignments: [],
        configs: [{ name: "min.insync.replicas", value: "2" }],
      },
      {
        name: "m",
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [
          { partitionIndex: 0, brokerIds: [1, 2] },
          { partitionIndex: 1, brokerIds: [2] },
        ],
        configs: [],
      },
    ]);
  });

  it("tries again what the controller could not do yet, and tells other errors as they are", () => {
    const { cluster, admin, results } = bench();
    let count = 0;
    cluster.intercept = (_, request) => {
      if (request.apiKey !== ApiKeys.CREATE_TOPICS) return undefined;
      count += 1;
      if (count === 1) return "silent";
      return created("n", count < 4 ? Errors.NOT_CONTROLLER : Errors.TOPIC_ALREADY_EXISTS);
    };
    admin.createTopics([{ name: "n" }], (result) => results.push(result));
    cluster.world.run(1900);
    expect(count).toBe(4);
    const value = created("n", Errors.TOPIC_ALREADY_EXISTS).topics;
    expect(results).toEqual([{ kind: "done", value }]);
  });

  it("gives up after default.api.timeout.ms", () => {
    const { cluster, admin, results } = bench();
    for (const host of cluster.hosts) cluster.world.node(host).kill();
    admin.describeTopics(null, (result) => results.push(result));
    cluster.world.run(1990);
    expect(results).toEqual([]);
    cluster.world.run(20);
    expect(results).toEqual([{ kind: "failed", error: "REQUEST_TIMED_OUT" }]);
  });

  it("makes topics larger, by count or with the brokers of each new partition", () => {
    const { cluster, admin, results } = bench();
    let count = 0;
    cluster.intercept = (_, request) => {
      if (request.apiKey !== ApiKeys.CREATE_PARTITIONS) return undefined;
      count += 1;
      if (count === 1) return "silent";
      const errorCode = count === 2 ? Errors.NOT_CONTROLLER : Errors.INVALID_PARTITIONS;
      return { results: [{ name: "t", errorCode, errorMessage: null }] };
    };
    const topics = [
      { name: "t", count: 4 },
      { name: "u", count: 3, assignment: [[2, 1]] },
    ];
    admin.createPartitions(topics, (result) => results.push(result));
    cluster.world.run(1900);
    expect(count).toBe(3);
    const errorCode = Errors.INVALID_PARTITIONS;
    const value = [{ name: "t", errorCode, errorMessage: null }];
    expect(results).toEqual([{ kind: "done", value }]);
    expect(cluster.requests(ApiKeys.CREATE_PARTITIONS)[0]?.body.topics).toEqual([
      { name: "t", count: 4, assignments: null },
      { name: "u", count: 3, assignments: [{ brokerIds: [2, 1] }] },
    ]);
  });

  it("lists offsets by the leaders, of new ones when they move, and gives up in the end", () => {
    const { cluster, admin, results } = bench();
    const partitions = [0, 1].map((partition) => ({ topic: "t", partition }));
    cluster.partition("t", 0).startOffset = 7;
    let refused = 0;
    cluster.intercept = (broker, request) => {
      if (request.apiKey !== ApiKeys.LIST_OFFSETS || broker !== 1) return undefined;
      // A leader that moves just now, to a broker that answers.
      if (refused++ > 0) throw new Error("broker 1 was asked again");
      cluster.elect("t", 0, 2);
      return undefined;
    };
    admin.listOffsets(partitions, LATEST_TIMESTAMP, (result) => results.push(result));
    cluster.world.run(1000);
    const value = [
      { topic: "t", partition: 0, offset: 7 },
      { topic: "t", partition: 1, offset: 0 },
    ];
    expect(results).toEqual([{ kind: "done", value }]);
    expect(refused).toBe(1);
    cluster.elect("t", 1, -1);
    admin.listOffsets(partitions, LATEST_TIMESTAMP, (result) => results.push(result));
    cluster.world.run(2100);
    expect(results.slice(1)).toEqual([{ kind: "failed", error: "REQUEST_TIMED_OUT" }]);
  });

  it("describes topics", () => {
    const { cluster, admin, results } = bench();
    admin.describeTopics(["t"], (result) => results.push(result));
    cluster.world.run(100);
    expect(results).toMatchObject([{ kind: "done", value: [{ name: "t", errorCode: 0 }] }]);
  });
});
