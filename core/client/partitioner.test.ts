import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8Encode } from "../record/utf8.ts";
import { makeRules } from "../rules.ts";
import type { SettingValue } from "../settings/definition.ts";
import { FakeCluster } from "./fake-cluster.testkit.ts";
import { murmur2 } from "./murmur2.ts";
import { Producer } from "./producer.ts";
import { ProducerRules } from "./producer-rules.ts";
import { resolveProducerSettings } from "./producer-settings.ts";

/** The partitions that records sent one after the other get, with all brokers silent. */
function place(
  count: number,
  settings: Record<string, SettingValue>,
  keyOf: (n: number) => string | null,
  spoil: (cluster: FakeCluster) => void = () => undefined,
): number[] {
  const cluster = new FakeCluster(2, { t: 4 });
  spoil(cluster);
  const node = cluster.world.node("p1");
  const producer = new Producer(node.ports, {
    clientId: "p1",
    bootstrap: cluster.hosts,
    settings: resolveProducerSettings(settings),
    rules: makeRules(),
  });
  for (let n = 0; n < count; n++) {
    const key = keyOf(n);
    const record = { topic: "t", value: new Uint8Array(50), timestamp: 1000 };
    const keyBytes = key === null ? null : utf8Encode(key);
    producer.send({ ...record, sendId: `${n}`, key: keyBytes }, () => undefined);
    if (n === 0) cluster.world.run(20);
  }
  cluster.world.run(50);
  return node.factsOf("send-batched").map((fact) => Number(fact.partition.slice(2)));
}

describe("partitioners", () => {
  it("keeps every key in one partition, also when a partition has no leader", () => {
    const placed = place(
      40,
      {},
      (n) => `key-${n % 10}`,
      (cluster) => (cluster.partition("t", 1).leader = -1),
    );
    const rules = new ProducerRules();
    const expected = Array.from({ length: 40 }, (_, n) =>
      rules.partitionOfHash(murmur2(utf8Encode(`key-${n % 10}`)), 4),
    );
    expect(placed).toEqual(expected);
    expect(new Set(placed)).toContain(1);
  });

  it("goes round in a strict cycle, whatever the keys, over the partitions with a leader", () => {
    const settings = { "partitioner.class": "round-robin", "batch.size": 100 };
    expect(place(9, settings, (n) => `k${n}`)).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0]);
    const without1 = place(
      7,
      settings,
      () => null,
      (cluster) => (cluster.partition("t", 1).leader = -1),
    );
    expect(without1).toEqual([0, 2, 3, 0, 2, 3, 0]);
  });

  it("stays on one partition until a batch is full, then draws among those with a leader", () => {
    const placed = place(
      200,
      { "batch.size": 500 },
      () => null,
      (cluster) => (cluster.partition("t", 3).leader = -1),
    );
    const runs: number[] = [];
    for (let n = 0; n < placed.length; n++) {
      if (n === 0 || placed[n] !== placed[n - 1]) runs.push(0);
      runs[runs.length - 1]! += 1;
    }
    expect(new Set(placed).has(3)).toBe(false);
    expect(new Set(placed).size).toBe(3);
    // A batch of 500 bytes holds 7 of these records.
    expect(Math.min(...runs.slice(0, -1))).toBeGreaterThanOrEqual(7);
  });

  it("tells each choice before the records that follow it, and nothing of keyed ones", () => {
    const cluster = new FakeCluster(2, { t: 4 });
    const node = cluster.world.node("p1");
    const producer = new Producer(node.ports, {
      clientId: "p1",
      bootstrap: cluster.hosts,
      settings: resolveProducerSettings({ "batch.size": 300 }),
      rules: makeRules(),
    });
    for (let n = 0; n < 40; n++) {
      const key = n % 4 === 0 ? utf8Encode(`key-${n}`) : null;
      const record = { sendId: key === null ? "plain" : "keyed", topic: "t", key };
      producer.send({ ...record, value: new Uint8Array(50), timestamp: 1000 }, () => undefined);
    }
    cluster.world.run(50);
    let chosen: string | null = null;
    let choices = 0;
    let followed = 0;
    for (const fact of node.facts) {
      if (fact.kind === "sticky-partition-chosen") {
        chosen = fact.partition;
        choices += 1;
      } else if (fact.kind === "send-batched" && fact.sendId === "plain") {
        expect(fact.partition).toBe(chosen);
        followed += 1;
      }
    }
    expect(followed).toBe(30);
    expect(choices).toBeGreaterThan(3);
  });

  it("switches at a full batch, and at twice the size in any case", () => {
    const rules = new ProducerRules();
    fc.assert(
      fc.property(
        fc.nat(100000),
        fc.integer({ min: 1, max: 30000 }),
        fc.boolean(),
        (n, size, full) => {
          const switches = rules.switchesPartition(n, size, full);
          expect(switches).toBe(n >= 2 * size || (full && n >= size));
        },
      ),
    );
  });

  it("prefers the partitions with the shorter queues", () => {
    // Broker 2 is gone, so what goes to partitions 1 and 3 stays in their queues.
    const cluster = new FakeCluster(2, { t: 4 });
    const node = cluster.world.node("p1");
    const producer = new Producer(node.ports, {
      clientId: "p1",
      bootstrap: ["b1"],
      settings: resolveProducerSettings({ "batch.size": 200, "linger.ms": 0 }),
      rules: makeRules(),
    });
    cluster.world.node("b2").kill();
    for (let n = 0; n < 600; n++) {
      const record = { sendId: `${n}`, topic: "t", key: null, value: new Uint8Array(50) };
      producer.send({ ...record, timestamp: 1000 }, () => undefined);
      cluster.world.run(4);
    }
    const placed = node.factsOf("send-batched").map((fact) => Number(fact.partition.slice(2)));
    const stuck = placed.filter((partition) => partition % 2 === 1).length;
    expect(stuck).toBeGreaterThan(0);
    expect(stuck).toBeLessThan(placed.length / 4);
  });

  it("takes in the partitions that a topic gets, once metadata tells of them", () => {
    const placedAfter = (settings: Record<string, SettingValue>, isKeyed: boolean): number[] => {
      const cluster = new FakeCluster(2, { t: 2 });
      const node = cluster.world.node("p1");
      const producer = new Producer(node.ports, {
        clientId: "p1",
        bootstrap: cluster.hosts,
        settings: resolveProducerSettings({ "metadata.max.age.ms": 500, ...settings }),
        rules: makeRules(),
      });
      const send = (n: number): void => {
        const key = isKeyed ? utf8Encode(`key-${n}`) : null;
        const record = { sendId: `${n}`, topic: "t", key, value: new Uint8Array(50) };
        producer.send({ ...record, timestamp: 1000 }, () => undefined);
        cluster.world.run(4);
      };
      for (let n = 0; n < 20; n++) send(n);
      const nothing = { leaderEpoch: 0, startOffset: 0 };
      for (const leader of [1, 2]) {
        cluster.topics.get("t")?.partitions.push({ ...nothing, leader, batches: [] });
      }
      cluster.world.run(1000);
      const before = node.factsOf("send-batched");
      expect(new Set(before.map(({ partition }) => partition)).size).toBe(2);
      for (let n = 0; n < 100; n++) send(n);
      const after = node.factsOf("send-batched").slice(before.length);
      return after.map((fact) => Number(fact.partition.slice(2)));
    };
    const rules = new ProducerRules();
    const byHash = Array.from({ length: 100 }, (_, n) =>
      rules.partitionOfHash(murmur2(utf8Encode(`key-${n}`)), 4),
    );
    expect(placedAfter({}, true)).toEqual(byHash);
    const inTurn = placedAfter({ "partitioner.class": "round-robin" }, false);
    expect(inTurn.slice(0, 8).sort()).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(new Set(placedAfter({ "batch.size": 100, "linger.ms": 0 }, false)).size).toBe(4);
  });
});
