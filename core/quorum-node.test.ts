/** Whole nodes with several controllers: what brokers and clients see of a failover. */
import { describe, expect, it } from "vitest";
import type { NodeConfig } from "./node.ts";
import { startNode } from "./node.ts";
import { Errors } from "./errors.ts";
import { VotersError } from "./raft/metadata-log.ts";
import { makeRules } from "./rules.ts";
import { ApiKeys } from "./protocol/message.ts";
import { ManualCluster, quickSettings } from "./testkit/manual-cluster.ts";
import { ManualWorld } from "./testkit/manual-ports.ts";

const CONTROLLERS = ["c100", "c101", "c102"];
const COMBINED = ["b1", "b2", "b3"];
const QUICK = {
  "controller.quorum.election.timeout.ms": 300,
  "controller.quorum.fetch.timeout.ms": 600,
  "controller.quorum.request.timeout.ms": 500,
};

/** The one that was activated last and has not resigned. */
function active(cluster: ManualCluster, names: readonly string[]): string {
  const epochOf = (name: string): number => {
    const node = cluster.node(name);
    const activated = node.factsOf("controller-activated").at(-1)?.epoch ?? -1;
    const resigned = node.factsOf("controller-resigned").at(-1)?.epoch ?? -1;
    return node.isAlive && activated > resigned ? activated : -1;
  };
  return [...names].sort((a, b) => epochOf(b) - epochOf(a))[0] as string;
}

describe("three controllers", () => {
  it("go on when the active one is killed, and nobody forgets a topic", () => {
    const cluster = new ManualCluster(3, QUICK, CONTROLLERS);
    expect(cluster.createTopic("first", [1, 2, 3])?.errorCode).toBe(0);
    const before = active(cluster, CONTROLLERS);
    cluster.node(before).kill();
    cluster.world.run(3000);
    const after = active(cluster, CONTROLLERS);
    expect(after).not.toBe(before);
    expect(cluster.createTopic("second", [1, 2, 3])?.errorCode).toBe(0);
    expect(cluster.createTopic("first", [1])?.errorCode).toBe(Errors.TOPIC_ALREADY_EXISTS);
    const leader = `b${cluster.leader("first", "b1")}`;
    expect(cluster.produce(leader, "first", ["a"])).toMatchObject({ errorCode: 0 });
    cluster.start(before);
    cluster.world.run(3000);
    expect(cluster.consume(leader, "first")).toEqual(["a"]);
  });

  it("hand over when the active one is terminated", () => {
    const cluster = new ManualCluster(1, QUICK, CONTROLLERS);
    const before = active(cluster, CONTROLLERS);
    cluster.terminate(before);
    cluster.world.run(600);
    expect(cluster.node(before).exitReason).toBe("shut down");
    expect(active(cluster, CONTROLLERS)).not.toBe(before);
    expect(cluster.createTopic("orders", [1])?.errorCode).toBe(0);
  });

  it("decide about a broker's death under the next active controller", () => {
    const cluster = new ManualCluster(3, QUICK, CONTROLLERS);
    cluster.createTopic("orders", [1, 2, 3]);
    const before = active(cluster, CONTROLLERS);
    cluster.node(before).pause();
    cluster.node("b1").kill();
    cluster.waitForLeader("orders", "b2", (leader) => leader !== 1 && leader !== -1);
    cluster.node(before).resume();
    cluster.world.run(3000);
    expect(active(cluster, CONTROLLERS)).not.toBe(before);
    const resigned = cluster.node(before).factsOf("controller-resigned");
    expect(resigned.length).toBeGreaterThan(0);
    cluster.start("b1");
    cluster.world.run(5000);
    expect(cluster.createTopic("more", [2, 3])?.errorCode).toBe(0);
  });

  it("forget what a deposed one decided and nobody else knows", () => {
    const cluster = new ManualCluster(3, QUICK, CONTROLLERS);
    cluster.createTopic("orders", [1, 2, 3]);
    const before = active(cluster, CONTROLLERS);
    const others = CONTROLLERS.filter((name) => name !== before);
    cluster.node("b1").kill();
    // Its session ends when the active controller has no majority any more, but leads still.
    cluster.world.run(2400);
    for (const other of others) cluster.world.cut(before, other);
    const fenced = (): boolean =>
      cluster
        .node(before)
        .factsOf("broker-fenced")
        .some(({ broker }) => broker === 1);
    cluster.world.runUntil(fenced, 800);
    cluster.start("b1");
    cluster.world.run(4000);
    const after = active(cluster, CONTROLLERS);
    expect(others).toContain(after);
    for (const other of others) cluster.world.mend(before, other);
    cluster.world.run(3000);
    expect(cluster.node(before).factsOf("truncated").length).toBeGreaterThan(0);
    const ends = CONTROLLERS.map(
      (name) =>
        cluster
          .node(name)
          .factsOf("high-watermark")
          .filter(({ partition }) => partition.startsWith("__cluster_metadata"))
          .at(-1)?.highWatermark,
    );
    expect(Math.max(...(ends as number[])) - Math.min(...(ends as number[]))).toBeLessThan(3);
    expect(cluster.isr("orders", "b2")).toEqual([1, 2, 3]);
    expect(cluster.createTopic("more", [1, 2, 3])?.errorCode).toBe(0);
  });

  it("take snapshots that a new broker starts from", () => {
    const given = {
      ...QUICK,
      "metadata.log.max.record.bytes.between.snapshots": 2000,
      "metadata.max.retention.bytes": 2000,
      "metadata.log.segment.bytes": 1500,
    };
    const cluster = new ManualCluster(2, given, CONTROLLERS);
    for (let at = 0; at < 5; at++) cluster.createTopic(`topic-${at}`, [1, 2]);
    const grow = { name: "topic-3", count: 4, assignments: null };
    const request = { topics: [grow], timeoutMs: 5000, validateOnly: false };
    expect(cluster.answer("b1", ApiKeys.CREATE_PARTITIONS, request).results[0]?.errorCode).toBe(0);
    cluster.world.run(15000);
    const name = active(cluster, CONTROLLERS);
    expect(cluster.node(name).factsOf("log-prefix-deleted").length).toBeGreaterThan(0);
    cluster.start("b3");
    cluster.world.run(5000);
    expect(cluster.node("b3").factsOf("snapshot-loaded").length).toBeGreaterThan(0);
    expect(cluster.topic("topic-4", "b3").partitions).toHaveLength(1);
    expect(cluster.topic("topic-3", "b3").partitions).toHaveLength(4);
    expect(cluster.createTopic("last", [3])?.errorCode).toBe(0);
    cluster.node("b1").losePower();
    cluster.start("b1");
    cluster.world.run(6000);
    expect(cluster.leader("topic-0", "b1")).toBeGreaterThan(0);
    expect(cluster.produce(`b${cluster.leader("topic-0", "b1")}`, "topic-0", ["x"])).toMatchObject({
      errorCode: 0,
    });
  });
});

describe("three combined nodes", () => {
  it("are brokers and voters at once, and go on without one", () => {
    const cluster = new ManualCluster(3, QUICK, COMBINED);
    expect(cluster.createTopic("orders", [1, 2, 3])?.errorCode).toBe(0);
    const before = active(cluster, COMBINED);
    cluster.node(before).losePower();
    const other = COMBINED.find((name) => name !== before) as string;
    const leader = cluster.waitForLeader("orders", other, (id) => id !== -1 && `b${id}` !== before);
    cluster.world.run(5000);
    expect(cluster.produce(`b${leader}`, "orders", ["a"])).toMatchObject({ errorCode: 0 });
    cluster.start(before);
    cluster.world.run(8000);
    expect(cluster.isr("orders", other)).toEqual([1, 2, 3]);
  });
});

describe("a node refuses by name", () => {
  const boot = (voters: NodeConfig["voters"]): void => {
    const { ports } = new ManualWorld().node("c100");
    const config: NodeConfig = {
      clusterId: "test-cluster-id-000000",
      nodeId: 100,
      host: "c100",
      roles: ["controller"],
      rack: null,
      voters,
      settings: quickSettings,
    };
    startNode(ports, config, makeRules());
  };

  it("an empty list of voters", () => {
    expect(() => boot([])).toThrow(VotersError);
    expect(() => boot([])).toThrow("controller.quorum.voters names nobody");
  });

  it("two voters of one id", () => {
    const twice = [
      { id: 100, host: "c100" },
      { id: 100, host: "c101" },
    ];
    expect(() => boot(twice)).toThrow("controller.quorum.voters names node 100 twice");
  });
});
