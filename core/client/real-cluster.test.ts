/** The clients against whole brokers and a controller. */
import { describe, expect, it } from "vitest";
import { utf8Decode, utf8Encode } from "../record/utf8.ts";
import { makeRules } from "../rules.ts";
import type {
  AdminSettings,
  ConsumerSettings,
  ProducerSettings,
} from "../settings/client-settings.ts";
import { adminSettings, consumerSettings, producerSettings } from "../settings/client-settings.ts";
import type { SettingValue } from "../settings/definition.ts";
import { resolveSettings } from "../settings/definition.ts";
import { ManualCluster } from "../testkit/manual-cluster.ts";
import { Admin } from "./admin.ts";
import { Consumer } from "./consumer.ts";
import type { SendResult } from "./producer.ts";
import { Producer } from "./producer.ts";

const bootstrap = ["b1", "b2", "b3"];
const quick: Record<string, SettingValue> = {
  "request.timeout.ms": 2000,
  "metadata.max.age.ms": 5000,
  "reconnect.backoff.max.ms": 500,
};

function start(assignment: number[][], configs: Record<string, SettingValue> = {}) {
  const cluster = new ManualCluster(3);
  const rules = makeRules();
  const admin = new Admin(cluster.world.node("a1").ports, {
    clientId: "a1",
    bootstrap,
    settings: resolveSettings<AdminSettings>(adminSettings, quick),
  });
  const told: unknown[] = [];
  admin.createTopics([{ name: "orders", assignment, configs }], (result) => told.push(result));
  cluster.world.runUntil(() => told.length > 0);
  const producer = new Producer(cluster.world.node("p1").ports, {
    clientId: "p1",
    bootstrap,
    rules,
    settings: resolveSettings<ProducerSettings>(producerSettings, quick),
  });
  const consumer = new Consumer(cluster.world.node("k1").ports, {
    clientId: "k1",
    bootstrap,
    rules,
    settings: resolveSettings<ConsumerSettings>(consumerSettings, {
      ...quick,
      "auto.offset.reset": "earliest",
    }),
  });
  consumer.assign(assignment.map((_, partition) => ({ topic: "orders", partition })));
  const read: string[] = [];
  const errors: string[] = [];
  const loop = (): void =>
    consumer.poll(1000, (result) => {
      if (result.kind === "error") errors.push(result.error);
      else for (const { value } of result.records) read.push(utf8Decode(value as Uint8Array));
      loop();
    });
  loop();
  const results = new Map<string, SendResult>();
  const send = (id: string): void => {
    const key = utf8Encode(id.slice(0, 2));
    const record = { sendId: id, topic: "orders", key, value: utf8Encode(id) };
    producer.send({ ...record, timestamp: 1767225600000 }, (result) => results.set(id, result));
  };
  return { cluster, admin, told, producer, consumer, send, results, read, errors };
}

describe("clients of a real cluster", () => {
  it("produce, replicate and read back in order per key", () => {
    const bench = start([
      [1, 2, 3],
      [2, 3, 1],
      [3, 1, 2],
    ]);
    for (let n = 0; n < 60; n++) {
      bench.send(`k${n % 5}-${n}`);
      bench.cluster.world.run(7);
    }
    bench.cluster.world.run(1500);
    expect([...bench.results.values()].filter((result) => result.kind === "acked")).toHaveLength(
      60,
    );
    for (let key = 0; key < 5; key++) {
      const mine = bench.read.filter((value) => value.startsWith(`k${key}-`));
      expect(mine).toEqual(Array.from({ length: 12 }, (_, n) => `k${key}-${n * 5 + key}`));
    }
    expect(bench.errors).toEqual([]);
  });

  it("lose and double nothing when the leader is killed and comes back", () => {
    const bench = start([[1, 2, 3]], { "min.insync.replicas": 2 });
    const { world } = bench.cluster;
    const ids: string[] = [];
    const sendSome = (count: number): void => {
      for (let n = 0; n < count; n++) {
        const id = `k0-${ids.length}`;
        ids.push(id);
        bench.send(id);
        world.run(20);
      }
    };
    sendSome(10);
    world.node("b1").kill();
    sendSome(20);
    world.run(15000);
    bench.cluster.start("b1");
    sendSome(10);
    world.run(15000);
    expect([...bench.results.values()].map((result) => result.kind)).toEqual(
      ids.map(() => "acked"),
    );
    expect(bench.read).toEqual(ids);
    expect(bench.errors).toEqual([]);
  });

  it("describe and alter", () => {
    const { cluster, admin } = start([[1, 2, 3]]);
    const results: unknown[] = [];
    admin.incrementalAlterConfigs("orders", { "min.insync.replicas": 3 }, (result) =>
      results.push(result),
    );
    cluster.world.run(1000);
    admin.describeConfigs(["orders"], (result) => results.push(result));
    admin.describeTopics(["orders"], (result) => results.push(result));
    admin.electLeaders(0, [{ topic: "orders", partitions: [0] }], (result) => results.push(result));
    cluster.world.run(1000);
    expect(results).toMatchObject([
      { kind: "done", value: { errorCode: 0 } },
      { kind: "done", value: [{ errorCode: 0 }] },
      { kind: "done", value: [{ name: "orders", errorCode: 0 }] },
      { kind: "done" },
    ]);
    expect(JSON.stringify(results[1])).toContain(
      '{"name":"min.insync.replicas","value":"3","isDefault":false}',
    );
  });
});
