import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { ApiKeys } from "../protocol/message.ts";
import { RaftRules } from "../raft/raft-rules.ts";
import { makeRules } from "../rules.ts";
import { ControllerCluster } from "./controller-node.testkit.ts";
import { LifecycleRules } from "./lifecycle-rules.ts";

describe("Controller", () => {
  it("becomes active and writes the features of a new cluster once", () => {
    const cluster = new ControllerCluster();
    expect(cluster.image.features.get("metadata.version")).toBe(27);
    cluster.restart();
    const written = cluster.node
      .factsOf("metadata-committed")
      .filter((fact) => fact.record.type === "FeatureLevel")
      .map((fact) => fact.offset);
    // Told by both processes, written by the first.
    expect(written).toHaveLength(2);
    expect(new Set(written).size).toBe(1);
  });

  it("has the same image again after a loss of power", () => {
    const cluster = new ControllerCluster();
    cluster.join(1, 2);
    cluster.createTopic("t", [[1, 2]], { "min.insync.replicas": "2" });
    cluster.ask(ApiKeys.ALLOCATE_PRODUCER_IDS, { brokerId: 1, brokerEpoch: cluster.epochOf(1) });
    const before = cluster.image.copy();
    cluster.restart(true);
    expect(cluster.image.topicsByName).toEqual(before.topicsByName);
    expect(cluster.image.brokers).toEqual(before.brokers);
    expect(cluster.image.topicConfigs).toEqual(before.topicConfigs);
    expect(cluster.image.nextProducerId).toBe(1000);
  });

  it("answers only when what it decided is committed", () => {
    const cluster = new ControllerCluster();
    cluster.register(1);
    const facts = cluster.node.facts;
    const at = facts.findIndex((fact) => fact.kind === "broker-registered");
    const flushed = facts.findIndex((fact, index) => index > at && fact.kind === "log-flushed");
    // A request that is never committed, since the disk fails at the flush, is never answered.
    expect(flushed).toBeGreaterThan(at);
    cluster.node.disk.failure = { under: "data", code: "EIO" };
    let answered = false;
    cluster.send(
      ApiKeys.ALLOCATE_PRODUCER_IDS,
      { brokerId: 1, brokerEpoch: cluster.epochOf(1) },
      () => (answered = true),
    );
    cluster.world.run(1000);
    expect(answered).toBe(false);
    expect(cluster.node.exitReason).toBe("metadata log failed: EIO");
    expect(cluster.node.factsOf("log-dir-failed")).toHaveLength(1);
  });

  it("answers too early when the rule about replies says so", () => {
    class Hasty extends RaftRules {
      override mayReply(): boolean {
        return true;
      }
    }
    const cluster = new ControllerCluster({}, makeRules({ raft: Hasty }));
    cluster.register(1);
    cluster.node.disk.failure = { under: "data", code: "EIO" };
    const answer = cluster.ask(ApiKeys.ALLOCATE_PRODUCER_IDS, {
      brokerId: 1,
      brokerEpoch: cluster.epochOf(1),
    });
    expect(answer.errorCode).toBe(Errors.NONE);
  });

  it("never gives out a producer id twice, also across restarts", () => {
    const cluster = new ControllerCluster();
    cluster.register(1);
    const body = { brokerId: 1, brokerEpoch: cluster.epochOf(1) };
    expect(cluster.ask(ApiKeys.ALLOCATE_PRODUCER_IDS, body).producerIdStart).toBe(0);
    cluster.restart(true);
    expect(cluster.ask(ApiKeys.ALLOCATE_PRODUCER_IDS, body)).toEqual({
      errorCode: Errors.NONE,
      producerIdStart: 1000,
      producerIdLen: 1000,
    });
    const stale = cluster.ask(ApiKeys.ALLOCATE_PRODUCER_IDS, { ...body, brokerEpoch: 1 });
    expect(stale.errorCode).toBe(Errors.STALE_BROKER_EPOCH);
  });

  it("gives out a block twice when the log does not remember it", () => {
    class Forgetful extends LifecycleRules {
      override nextProducerId(first: number): number {
        return first;
      }
    }
    const cluster = new ControllerCluster({}, makeRules({ lifecycle: Forgetful }));
    cluster.register(1);
    const body = { brokerId: 1, brokerEpoch: cluster.epochOf(1) };
    cluster.ask(ApiKeys.ALLOCATE_PRODUCER_IDS, body);
    expect(cluster.ask(ApiKeys.ALLOCATE_PRODUCER_IDS, body).producerIdStart).toBe(0);
  });

  it("writes a no-op record only when it has written nothing for a while", () => {
    const cluster = new ControllerCluster();
    const noOps = (): number =>
      cluster.node.factsOf("metadata-committed").filter((fact) => fact.record.type === "NoOp")
        .length;
    const before = noOps();
    cluster.world.run(5000);
    expect(noOps() - before).toBe(10);
  });

  it("tells each committed record in order, without gaps but for control records", () => {
    const cluster = new ControllerCluster();
    cluster.join(1, 2, 3);
    cluster.createTopic("t", [[1, 2, 3]]);
    cluster.world.run(2000);
    const offsets = cluster.node.factsOf("metadata-committed").map((fact) => fact.offset);
    const first = offsets[0] as number;
    // LeaderChange, KRaftVersion and Voters come first.
    expect(offsets).toEqual(offsets.map((_, at) => first + at));
    expect(first).toBe(3);
    expect(cluster.node.factsOf("controller-activated")).toHaveLength(1);
  });
});

describe("CreateTopics", () => {
  function create(
    cluster: ControllerCluster,
    topic: Partial<{
      name: string;
      numPartitions: number;
      replicationFactor: number;
      assignments: { partitionIndex: number; brokerIds: number[] }[];
      configs: { name: string; value: string | null }[];
    }>,
  ): { errorCode: number; errorMessage: string | null; topicId: string } {
    const answer = cluster.ask(ApiKeys.CREATE_TOPICS, {
      topics: [
        {
          name: "t",
          numPartitions: 1,
          replicationFactor: 1,
          assignments: [],
          configs: [],
          ...topic,
        },
      ],
      timeoutMs: 1000,
      validateOnly: false,
    });
    return answer.topics[0] as ReturnType<typeof create>;
  }

  it("refuses by the error that says why", () => {
    const cluster = new ControllerCluster();
    cluster.join(1, 2, 3);
    cluster.register(4);
    expect(create(cluster, { name: "there_is" }).errorCode).toBe(Errors.NONE);
    const assigned = (...replicas: number[][]) => ({
      numPartitions: -1,
      replicationFactor: -1,
      assignments: replicas.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
    });
    const cases: [Parameters<typeof create>[1], number][] = [
      [{ name: "" }, Errors.INVALID_TOPIC_EXCEPTION],
      [{ name: "." }, Errors.INVALID_TOPIC_EXCEPTION],
      [{ name: "a/b" }, Errors.INVALID_TOPIC_EXCEPTION],
      [{ name: "x".repeat(250) }, Errors.INVALID_TOPIC_EXCEPTION],
      [{ name: "there.is" }, Errors.INVALID_TOPIC_EXCEPTION],
      [{ name: "there_is" }, Errors.TOPIC_ALREADY_EXISTS],
      [{ numPartitions: 0 }, Errors.INVALID_PARTITIONS],
      [{ numPartitions: -2 }, Errors.INVALID_PARTITIONS],
      [{ replicationFactor: 0 }, Errors.INVALID_REPLICATION_FACTOR],
      [{ replicationFactor: 5 }, Errors.INVALID_REPLICATION_FACTOR],
      [{ ...assigned([1]), numPartitions: 1 }, Errors.INVALID_REQUEST],
      [assigned([1, 1]), Errors.INVALID_REPLICA_ASSIGNMENT],
      [assigned([9]), Errors.INVALID_REPLICA_ASSIGNMENT],
      [assigned([1], [1, 2]), Errors.INVALID_REPLICA_ASSIGNMENT],
      [assigned([]), Errors.INVALID_REPLICA_ASSIGNMENT],
      [assigned([4]), Errors.INVALID_REPLICA_ASSIGNMENT],
      [{ configs: [{ name: "no.such", value: "1" }] }, Errors.INVALID_CONFIG],
      [{ configs: [{ name: "min.insync.replicas", value: "0" }] }, Errors.INVALID_CONFIG],
      [{ configs: [{ name: "min.insync.replicas", value: null }] }, Errors.INVALID_CONFIG],
    ];
    for (const [topic, error] of cases) {
      expect([topic, create(cluster, topic).errorCode]).toEqual([topic, error]);
    }
    expect(cluster.image.topicsByName.size).toBe(1);
  });

  it("puts a fenced replica into no ISR", () => {
    const cluster = new ControllerCluster();
    cluster.join(1, 2);
    cluster.register(3);
    cluster.createTopic("t", [[3, 1, 2]]);
    expect(cluster.partition("t")).toMatchObject({ replicas: [3, 1, 2], isr: [1, 2], leader: 1 });
  });

  it("draws an id of 22 base64url characters for each topic", () => {
    const cluster = new ControllerCluster();
    cluster.join(1);
    const ids = ["a", "b", "c"].map((name) => create(cluster, { name }).topicId);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{20}[AQgw]$/);
  });

  it("spreads leaders evenly and uses each broker once in a partition", () => {
    const cluster = new ControllerCluster();
    cluster.join(1, 2, 3);
    create(cluster, { numPartitions: 6, replicationFactor: 2 });
    const partitions = cluster.image.topicsByName.get("t")?.partitions ?? [];
    const leaders = partitions.map((partition) => partition.leader).sort();
    expect(leaders).toEqual([1, 1, 2, 2, 3, 3]);
    for (const { replicas } of partitions) expect(new Set(replicas).size).toBe(2);
  });
});

describe("IncrementalAlterConfigs", () => {
  it("sets and deletes, and refuses what is wrong as a whole", () => {
    const cluster = new ControllerCluster();
    cluster.join(1);
    cluster.createTopic("t", [[1]]);
    const alter = (resourceName: string, ...configs: [string, number, string | null][]) =>
      cluster.ask(ApiKeys.INCREMENTAL_ALTER_CONFIGS, {
        resources: [
          {
            resourceType: 2,
            resourceName,
            configs: configs.map(([name, configOperation, value]) => ({
              name,
              configOperation,
              value,
            })),
          },
        ],
        validateOnly: false,
      }).responses[0]?.errorCode;
    expect(alter("t", ["flush.messages", 0, "1"])).toBe(Errors.NONE);
    expect(cluster.image.topicConfigs.get("t")?.get("flush.messages")).toBe("1");
    expect(alter("t", ["flush.ms", 0, "5"], ["segment.bytes", 0, "x"])).toBe(Errors.INVALID_CONFIG);
    expect(cluster.image.topicConfigs.get("t")?.has("flush.ms")).toBe(false);
    expect(alter("t", ["flush.messages", 1, null])).toBe(Errors.NONE);
    expect(cluster.image.topicConfigs.get("t")?.has("flush.messages")).toBe(false);
    expect(alter("t", ["flush.messages", 7, "1"])).toBe(Errors.INVALID_REQUEST);
    expect(alter("u", ["flush.messages", 0, "1"])).toBe(Errors.UNKNOWN_TOPIC_OR_PARTITION);
  });
});
