/** Whole nodes on the manual network: what a cluster of real parts does together. */
import { describe, expect, test } from "vitest";
import { Errors } from "./errors.ts";
import type { Outcome } from "./network/client-channel.ts";
import { ClientChannel } from "./network/client-channel.ts";
import type { NodeConfig } from "./node.ts";
import { startNode } from "./node.ts";
import { ApiKeys } from "./protocol/message.ts";
import { makeRules } from "./rules.ts";
import { ManualDisk } from "./testkit/manual-storage.ts";
import { ManualCluster, quickSettings } from "./testkit/manual-cluster.ts";
import { ManualWorld } from "./testkit/manual-ports.ts";

describe("one controller and one broker", () => {
  test("boot, create a topic, take records and give them back", () => {
    const cluster = new ManualCluster(1);
    expect(cluster.createTopic("orders", [1])?.errorCode).toBe(0);
    expect(cluster.produce("b1", "orders", ["a", "b"])).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
    });
    expect(cluster.produce("b1", "orders", ["c"], 1)).toMatchObject({
      errorCode: 0,
      baseOffset: 2,
    });
    expect(cluster.consume("b1", "orders")).toEqual(["a", "b", "c"]);
  });

  test("do not serve before the broker is unfenced", () => {
    const cluster = new ManualCluster(0);
    cluster.world.cut("b1", "c100");
    cluster.start("b1");
    const request = { topics: null, allowAutoTopicCreation: false };
    const outcome = cluster.ask("b1", ApiKeys.METADATA, request);
    expect(outcome.kind).toBe("disconnected");
    cluster.world.mend("b1", "c100");
    cluster.world.run(5000);
    const { brokers } = cluster.answer("b1", ApiKeys.METADATA, request);
    expect(brokers.map((broker) => broker.nodeId)).toEqual([1]);
  });

  test("tell a client what the controller refuses", () => {
    const cluster = new ManualCluster(1);
    expect(cluster.createTopic("orders", [1])?.errorCode).toBe(0);
    expect(cluster.createTopic("orders", [1])?.errorCode).toBe(Errors.TOPIC_ALREADY_EXISTS);
    expect(cluster.createTopic("more", [2])?.errorCode).toBe(Errors.INVALID_REPLICA_ASSIGNMENT);
  });

  test("give ids to producers, never one twice, also over a restart", () => {
    const cluster = new ManualCluster(1);
    const request = {
      transactionalId: null,
      transactionTimeoutMs: 0,
      producerId: -1,
      producerEpoch: -1,
    };
    const ids: number[] = [];
    for (let i = 0; i < 3; i++) {
      ids.push(cluster.answer("b1", ApiKeys.INIT_PRODUCER_ID, request).producerId);
    }
    cluster.start("b1");
    cluster.world.run(5000);
    cluster.ask("b1", ApiKeys.METADATA, { topics: [], allowAutoTopicCreation: false });
    ids.push(cluster.answer("b1", ApiKeys.INIT_PRODUCER_ID, request).producerId);
    expect(new Set(ids).size).toBe(4);
  });

  test("change a topic's settings while it is used", () => {
    const cluster = new ManualCluster(1);
    cluster.createTopic("orders", [1]);
    const change = { name: "max.message.bytes", configOperation: 0, value: "100" };
    const resource = { resourceType: 2, resourceName: "orders", configs: [change] };
    const { responses } = cluster.answer("b1", ApiKeys.INCREMENTAL_ALTER_CONFIGS, {
      resources: [resource],
      validateOnly: false,
    });
    expect(responses[0]?.errorCode).toBe(0);
    cluster.world.run(1000);
    expect(cluster.produce("b1", "orders", ["x".repeat(200)]).errorCode).toBe(
      Errors.MESSAGE_TOO_LARGE,
    );
    const { results } = cluster.answer("b1", ApiKeys.DESCRIBE_CONFIGS, {
      resources: [
        { resourceType: 2, resourceName: "orders", configurationKeys: ["max.message.bytes"] },
      ],
    });
    expect(results[0]?.configs).toEqual([
      { name: "max.message.bytes", value: "100", isDefault: false },
    ]);
  });

  test("keep everything over a controlled shutdown and a clean start", () => {
    const cluster = new ManualCluster(1);
    cluster.createTopic("orders", [1]);
    cluster.produce("b1", "orders", ["a", "b"]);
    cluster.terminate("b1");
    cluster.world.run(5000);
    const node = cluster.node("b1");
    expect(node.exitReason).toBe("shut down");
    expect(node.factsOf("broker-state").map((fact) => fact.state)).toEqual([
      "STARTING",
      "RECOVERY",
      "RUNNING",
      "PENDING_CONTROLLED_SHUTDOWN",
      "SHUTTING_DOWN",
    ]);
    node.facts = [];
    cluster.start("b1");
    cluster.world.run(5000);
    const loaded = node.factsOf("log-loaded").filter((fact) => fact.partition === "orders-0");
    expect(loaded).toMatchObject([{ clean: true, endOffset: 2 }]);
    const registered = cluster.node("c100").factsOf("broker-registered");
    expect(registered.map((fact) => fact.cleanly)).toEqual([expect.anything(), true]);
    cluster.ask("b1", ApiKeys.METADATA, { topics: [], allowAutoTopicCreation: false });
    expect(cluster.consume("b1", "orders")).toEqual(["a", "b"]);
  });

  test("keep everything over a kill, and recover what was not closed", () => {
    const cluster = new ManualCluster(1);
    cluster.createTopic("orders", [1]);
    cluster.produce("b1", "orders", ["a", "b"]);
    cluster.node("b1").facts = [];
    cluster.start("b1");
    cluster.world.run(10000);
    const loaded = cluster.node("b1").factsOf("log-loaded");
    expect(loaded.filter((fact) => fact.partition === "orders-0")).toMatchObject([
      { clean: false, endOffset: 2 },
    ]);
    cluster.ask("b1", ApiKeys.METADATA, { topics: [], allowAutoTopicCreation: false });
    expect(cluster.consume("b1", "orders")).toEqual(["a", "b"]);
  });

  test("go on when the controller restarts, by kill or in order", () => {
    const cluster = new ManualCluster(1);
    cluster.createTopic("orders", [1]);
    cluster.start("c100");
    cluster.world.run(2000);
    expect(cluster.createTopic("more", [1])?.errorCode).toBe(0);
    cluster.terminate("c100");
    cluster.world.run(100);
    expect(cluster.node("c100").exitReason).toBe("shut down");
    cluster.start("c100");
    cluster.world.run(2000);
    expect(cluster.createTopic("again", [1])?.errorCode).toBe(0);
    expect(cluster.produce("b1", "orders", ["a"]).errorCode).toBe(0);
    const kinds = cluster.node("c100").factsOf("controller-activated");
    expect(kinds.length).toBe(3);
  });

  test("answer a forwarded request when the controller is back", () => {
    const cluster = new ManualCluster(1);
    cluster.node("c100").kill();
    cluster.world.later(cluster.node("client"), 3000, () => cluster.start("c100"));
    expect(cluster.createTopic("orders", [1])?.errorCode).toBe(0);
    expect(cluster.produce("b1", "orders", ["a"]).errorCode).toBe(0);
  });

  test("make a topic that a client asks for, when that is allowed", () => {
    const cluster = new ManualCluster(1, {
      "auto.create.topics.enable": true,
      "num.partitions": 2,
    });
    const request = {
      topics: [{ topicId: null, name: "orders" }],
      allowAutoTopicCreation: true,
    };
    const first = cluster.answer("b1", ApiKeys.METADATA, request);
    expect(first.topics[0]?.errorCode).toBe(Errors.UNKNOWN_TOPIC_OR_PARTITION);
    cluster.world.run(1000);
    const second = cluster.answer("b1", ApiKeys.METADATA, request);
    expect(second.topics[0]?.partitions.map((each) => each.leaderId)).toEqual([1, 1]);
  });

  test("end the broker, by name, when its disk is full", () => {
    const cluster = new ManualCluster(1);
    cluster.createTopic("orders", [1]);
    const node = cluster.node("b1");
    node.disk.failure = { under: "data/orders-0", code: "ENOSPC" };
    const { topicId } = cluster.topic("orders", "b1");
    expect(topicId).not.toBe("");
    expect(() => cluster.produce("b1", "orders", ["a"])).toThrow();
    expect(node.exitReason).toContain("log directory failed: ENOSPC");
    expect(node.factsOf("log-dir-failed")).toEqual([{ kind: "log-dir-failed", code: "ENOSPC" }]);
    node.disk.failure = null;
    cluster.start("b1");
    cluster.world.run(10000);
    cluster.ask("b1", ApiKeys.METADATA, { topics: [], allowAutoTopicCreation: false });
    expect(cluster.produce("b1", "orders", ["b"]).errorCode).toBe(0);
  });
});

describe("a node", () => {
  const config: NodeConfig = {
    clusterId: "test-cluster-id-000000",
    nodeId: 1,
    host: "n1",
    roles: ["broker", "controller"],
    rack: null,
    voters: [{ id: 1, host: "n1" }],
    settings: quickSettings,
  };

  test("can be broker and controller at once, and stop in order", () => {
    const world = new ManualWorld();
    const node = world.node("n1");
    const running = startNode(node.ports, config, makeRules());
    world.run(5000);
    expect(node.factsOf("broker-state").at(-1)?.state).toBe("RUNNING");
    const channel = new ClientChannel(world.node("client").ports, {
      lane: "client",
      host: "n1",
      channel: "test",
      clientId: "client",
      requestTimeoutMs: 5000,
      reconnectBackoffMs: 50,
      reconnectBackoffMaxMs: 50,
    });
    const outcomes: Outcome<typeof ApiKeys.CREATE_TOPICS>[] = [];
    const topic = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
    const topics = [{ name: "orders", ...topic }];
    const request = { topics, timeoutMs: 1000, validateOnly: false };
    channel.send(ApiKeys.CREATE_TOPICS, request, (outcome) => outcomes.push(outcome));
    world.run(1000);
    expect(outcomes).toMatchObject([
      { kind: "response", body: { topics: [{ name: "orders", errorCode: 0 }] } },
    ]);
    expect(node.factsOf("became-leader").map((fact) => fact.partition)).toEqual(["orders-0"]);
    node.perform(() => running.terminate());
    world.run(5000);
    expect(node.exitReason).toBe("shut down");
  });

  test("refuses a disk of another node or another cluster, by name", () => {
    for (const other of [{ nodeId: 2 }, { clusterId: "another-cluster-000000" }]) {
      const world = new ManualWorld();
      const node = world.node("n1");
      startNode(node.ports, config, makeRules());
      world.run(100);
      node.perform(() => startNode(node.restart(), { ...config, ...other }, makeRules()));
      expect(node.exitReason).toMatch(/^(foreign node.id|InconsistentClusterId): data is of /);
    }
  });

  test("ends, by name, when its disk fails at the start or under the metadata log", () => {
    const world = new ManualWorld();
    const node = world.node("n1");
    node.disk.failure = { under: "data", code: "EIO" };
    node.perform(() => startNode(node.ports, config, makeRules()));
    expect(node.exitReason).toContain("log directory failed: EIO");
    expect(node.factsOf("log-dir-failed")).toHaveLength(1);
    node.disk.failure = null;
    startNode(node.restart(), config, makeRules());
    world.run(3000);
    node.disk.failure = { under: "data/__cluster_metadata-0", code: "ENOSPC" };
    world.run(3000);
    expect(node.exitReason).toContain("ENOSPC");
  });

  test("refuses a setting that does not exist", () => {
    const given = { ...config, settings: { "no.such.setting": 1 } };
    expect(() => startNode(new ManualWorld().node("n1").ports, given, makeRules())).toThrow(
      "setting no.such.setting: there is no such setting",
    );
  });
});

describe("one controller and three brokers", () => {
  test("replicate a record before it is acknowledged with acks=all", () => {
    const cluster = new ManualCluster(3);
    cluster.createTopic("orders", [1, 2, 3], { "min.insync.replicas": "2" });
    expect(cluster.isr("orders", "b3")).toEqual([1, 2, 3]);
    cluster.produce("b1", "orders", ["a", "b", "c"]);
    for (const broker of ["b2", "b3"]) {
      const appended = cluster.node(broker).factsOf("appended");
      expect(appended.filter((fact) => fact.partition === "orders-0")).toHaveLength(1);
    }
    expect(cluster.consume("b1", "orders")).toEqual(["a", "b", "c"]);
  });

  test("elect another leader when the leader is killed, and take it back as a follower", () => {
    const cluster = new ManualCluster(3);
    cluster.createTopic("orders", [1, 2, 3], { "min.insync.replicas": "2" });
    cluster.produce("b1", "orders", ["a"]);
    cluster.node("b1").kill();
    const leader = cluster.waitForLeader("orders", "b2", (id) => id > 1);
    cluster.world.run(1000);
    expect(cluster.produce(`b${leader}`, "orders", ["b"]).errorCode).toBe(0);
    cluster.start("b1");
    cluster.world.run(10000);
    expect(cluster.isr("orders", "b2")).toEqual([1, 2, 3]);
    expect(cluster.consume(`b${leader}`, "orders")).toEqual(["a", "b"]);
  });

  test("take a broker back whose disk was replaced, and tell the controller of the new disk", () => {
    const cluster = new ManualCluster(3);
    cluster.createTopic("orders", [1, 2, 3], { "min.insync.replicas": "2" });
    cluster.produce("b1", "orders", ["a"]);
    cluster.node("b1").kill();
    const leader = cluster.waitForLeader("orders", "b2", (id) => id > 1);
    cluster.node("b1").disk = new ManualDisk();
    cluster.start("b1");
    cluster.world.run(10000);
    const told = cluster.node("c100").factsOf("partition-decided");
    expect(told.filter((fact) => fact.why === "directory-assigned")).toHaveLength(1);
    expect(cluster.isr("orders", "b2")).toEqual([1, 2, 3]);
    expect(cluster.consume(`b${leader}`, "orders")).toEqual(["a"]);
  });

  test("give no leader to a partition whose only replica lost its disk", () => {
    const cluster = new ManualCluster(2);
    cluster.createTopic("orders", [1]);
    cluster.produce("b1", "orders", ["a"]);
    cluster.node("b1").kill();
    cluster.node("b1").disk = new ManualDisk();
    cluster.start("b1");
    cluster.world.run(10000);
    expect(cluster.leader("orders", "b2")).toBe(-1);
  });

  test("move the leadership in a controlled shutdown before the broker stops", () => {
    const cluster = new ManualCluster(3);
    cluster.createTopic("orders", [1, 2, 3]);
    cluster.produce("b1", "orders", ["a"]);
    cluster.terminate("b1");
    cluster.world.run(4000);
    expect(cluster.node("b1").exitReason).toBe("shut down");
    const granted = cluster.node("c100").factsOf("controlled-shutdown-granted");
    expect(granted.map((fact) => fact.broker)).toEqual([1]);
    const leader = cluster.waitForLeader("orders", "b2", (id) => id > 1);
    expect(cluster.node("c100").factsOf("broker-fenced").length).toBeGreaterThan(0);
    expect(cluster.consume(`b${leader}`, "orders")).toEqual(["a"]);
  });

  test("shrink the ISR when a follower is cut off, and expand it when it is back", () => {
    const cluster = new ManualCluster(3);
    cluster.createTopic("orders", [1, 2, 3], { "min.insync.replicas": "2" });
    cluster.world.cut("b1", "b3");
    cluster.world.run(500);
    expect(cluster.produce("b1", "orders", ["a"], 1).errorCode).toBe(0);
    cluster.world.run(8000);
    expect(cluster.isr("orders", "b2")).toEqual([1, 2]);
    expect(cluster.produce("b1", "orders", ["b"]).errorCode).toBe(0);
    cluster.world.mend("b1", "b3");
    cluster.world.run(5000);
    expect(cluster.isr("orders", "b2")).toEqual([1, 2, 3]);
  });

  test("refuse acks=all when too few replicas are in sync", () => {
    const cluster = new ManualCluster(3);
    cluster.createTopic("orders", [1, 2, 3], { "min.insync.replicas": "2" });
    cluster.produce("b1", "orders", ["a"]);
    cluster.node("b2").kill();
    cluster.node("b3").kill();
    cluster.world.run(10000);
    expect(cluster.produce("b1", "orders", ["b"]).errorCode).toBe(Errors.NOT_ENOUGH_REPLICAS);
    expect(cluster.consume("b1", "orders")).toEqual(["a"]);
    cluster.start("b2");
    cluster.world.run(10000);
    expect(cluster.produce("b1", "orders", ["c"]).errorCode).toBe(0);
    expect(cluster.consume("b1", "orders")).toEqual(["a", "c"]);
  });

  test("do the same in the same order each time", () => {
    const story = (): string => {
      const cluster = new ManualCluster(3);
      cluster.createTopic("orders", [1, 2, 3]);
      cluster.produce("b1", "orders", ["a"]);
      cluster.node("b1").kill();
      cluster.world.run(5000);
      const facts = [...cluster.world.nodes.values()].map((node) => [node.name, node.facts]);
      return JSON.stringify(facts);
    };
    expect(story()).toBe(story());
  });
});

describe("a topic that grows", () => {
  const describeTopic = (cluster: ManualCluster, from: string): (readonly number[])[] =>
    cluster.topic("orders", from).partitions.map(({ replicaNodes }) => replicaNodes);

  test("gets new partitions on its brokers, which take records and know them after a restart", () => {
    const cluster = new ManualCluster(3);
    cluster.createTopic("orders", [1, 2], { "min.insync.replicas": "2" });
    const brokerIds = [2, 3];
    const { results } = cluster.answer("b3", ApiKeys.CREATE_PARTITIONS, {
      topics: [{ name: "orders", count: 2, assignments: [{ brokerIds }] }],
      timeoutMs: 5000,
      validateOnly: false,
    });
    expect(results).toEqual([{ name: "orders", errorCode: 0, errorMessage: null }]);
    cluster.world.run(1000);
    for (const broker of ["b1", "b2", "b3"]) {
      expect(describeTopic(cluster, broker)).toEqual([
        [1, 2],
        [2, 3],
      ]);
    }
    const fact = { partition: "orders-1" };
    expect(cluster.node("b2").factsOf("became-leader")).toMatchObject([fact]);
    expect(cluster.node("b3").factsOf("became-follower")).toMatchObject([fact]);
    expect(cluster.produce("b2", "orders", ["a"], -1, 1).errorCode).toBe(0);
    cluster.start("b2");
    cluster.world.run(10000);
    const leader = cluster.topic("orders", "b3").partitions[1]?.leaderId;
    expect(cluster.consume(`b${leader}`, "orders", 1)).toEqual(["a"]);
  });

  test("puts them on brokers that came later, and a client is told what the controller refuses", () => {
    const cluster = new ManualCluster(2);
    cluster.createTopic("orders", [1, 2]);
    cluster.start("b3");
    cluster.world.run(5000);
    const grow = (count: number): number | undefined =>
      cluster.answer("b1", ApiKeys.CREATE_PARTITIONS, {
        topics: [{ name: "orders", count, assignments: null }],
        timeoutMs: 5000,
        validateOnly: false,
      }).results[0]?.errorCode;
    expect(grow(1)).toBe(Errors.INVALID_PARTITIONS);
    expect(grow(4)).toBe(0);
    cluster.world.run(1000);
    const added = cluster.node("b3").factsOf("became-leader");
    expect(added).toHaveLength(1);
    expect(describeTopic(cluster, "b3").slice(1).flat().sort()).toEqual([1, 1, 2, 2, 3, 3]);
  });
});
