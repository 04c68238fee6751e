/** Members of a group against whole brokers, their coordinator and its log. */
import { describe, expect, it } from "vitest";
import { utf8Decode, utf8Encode } from "../../record/utf8.ts";
import { makeRules } from "../../rules.ts";
import type { ConsumerSettings, ProducerSettings } from "../../settings/client-settings.ts";
import { consumerSettings, producerSettings } from "../../settings/client-settings.ts";
import type { SettingValue } from "../../settings/definition.ts";
import { resolveSettings } from "../../settings/definition.ts";
import { ManualCluster } from "../../testkit/manual-cluster.ts";
import { Consumer } from "../consumer.ts";
import { Producer } from "../producer.ts";
import { namesOf } from "./member-bench.testkit.ts";

const bootstrap = ["b1", "b2", "b3"];
const quick: Record<string, SettingValue> = {
  "request.timeout.ms": 2000,
  "metadata.max.age.ms": 3000,
  "reconnect.backoff.max.ms": 500,
};
const member: Record<string, SettingValue> = {
  ...quick,
  "group.id": "g",
  "auto.offset.reset": "earliest",
  "session.timeout.ms": 3000,
  "heartbeat.interval.ms": 500,
  "max.poll.interval.ms": 5000,
  "auto.commit.interval.ms": 500,
};

class Reader {
  readonly consumer: Consumer;
  readonly read: string[] = [];
  readonly errors: string[] = [];
  isStopped = false;
  readonly #cluster: ManualCluster;
  readonly #name: string;

  constructor(cluster: ManualCluster, name: string, settings: Record<string, SettingValue>) {
    this.#cluster = cluster;
    this.#name = name;
    this.consumer = new Consumer(cluster.world.node(name).ports, {
      clientId: name,
      bootstrap,
      rules: makeRules(),
      settings: resolveSettings<ConsumerSettings>(consumerSettings, { ...member, ...settings }),
    });
    this.consumer.subscribe(["orders"]);
    this.#loop();
  }

  get owned(): string[] {
    return namesOf(this.consumer.assignment);
  }

  kill(): void {
    this.isStopped = true;
    this.#cluster.node(this.#name).kill();
  }

  #loop(): void {
    if (this.isStopped) return;
    this.consumer.poll(500, (result) => {
      if (result.kind === "error") this.errors.push(result.error);
      else for (const { value } of result.records) this.read.push(utf8Decode(value as Uint8Array));
      this.#loop();
    });
  }
}

function start(settings: Record<string, SettingValue> = {}) {
  const cluster = new ManualCluster(3, {
    "group.initial.rebalance.delay.ms": 100,
    "group.min.session.timeout.ms": 1000,
    "offsets.topic.num.partitions": 3,
  });
  for (const [name, replicas] of [["orders", [1, 2, 3]]] as const)
    cluster.createTopic(name, replicas);
  const producer = new Producer(cluster.world.node("p1").ports, {
    clientId: "p1",
    bootstrap,
    rules: makeRules(),
    settings: resolveSettings<ProducerSettings>(producerSettings, quick),
  });
  let sent = 0;
  const send = (count: number): void => {
    for (let n = 0; n < count; n++) {
      const value = utf8Encode(`r${sent}`);
      const record = { sendId: `s${sent++}`, topic: "orders", key: null, value };
      producer.send({ ...record, timestamp: 1767225600000 }, () => undefined);
    }
  };
  const reader = (name: string): Reader => new Reader(cluster, name, settings);
  const all = (): string[] => Array.from({ length: sent }, (_, n) => `r${n}`);
  return { cluster, send, reader, all };
}

describe.each(["range", "cooperative-sticky"])("a group of a real cluster (%s)", (strategy) => {
  const settings = { "partition.assignment.strategy": strategy };

  it("hands a partition on without loss or repetition when a member closes", () => {
    const { cluster, send, reader, all } = start(settings);
    const one = reader("k1");
    send(20);
    cluster.world.runUntil(() => one.read.length === 20);
    let isClosed = false;
    one.isStopped = true;
    one.consumer.close(5000, () => (isClosed = true));
    cluster.world.runUntil(() => isClosed);
    const two = reader("k2");
    send(20);
    cluster.world.runUntil(() => two.read.length >= 20);
    cluster.world.run(2000);
    expect([...one.read, ...two.read]).toEqual(all());
    expect([one.errors, two.errors]).toEqual([[], []]);
  });

  it("takes over from a member that died, at what it had committed", () => {
    const { cluster, send, reader, all } = start(settings);
    const one = reader("k1");
    send(20);
    cluster.world.runUntil(() => one.read.length === 20);
    cluster.world.run(1500);
    one.kill();
    const two = reader("k2");
    send(10);
    cluster.world.runUntil(() => two.read.length >= 10);
    cluster.world.run(2000);
    expect([...one.read, ...two.read]).toEqual(all());
    expect(two.errors).toEqual([]);
  });

  it("survives the death of its coordinator", () => {
    const { cluster, send, reader, all } = start(settings);
    const one = reader("k1");
    send(20);
    cluster.world.runUntil(() => one.read.length === 20);
    cluster.world.run(1500);
    const loaded = bootstrap.filter(
      (name) =>
        cluster
          .node(name)
          .factsOf("group-answered")
          .filter(({ api }) => api === "sync").length > 0,
    );
    expect(loaded).toHaveLength(1);
    cluster.node(loaded[0]!).kill();
    cluster.world.run(8000);
    send(10);
    cluster.world.runUntil(() => one.read.length >= 30);
    cluster.world.run(3000);
    expect(one.read).toEqual(all());
    expect(one.errors).toEqual([]);
    expect(one.owned).toEqual(["orders-0"]);
    const beats = bootstrap
      .filter((name) => name !== loaded[0])
      .flatMap((name) => cluster.node(name).factsOf("group-answered"))
      .filter(({ api, error }) => api === "heartbeat" && error === 0);
    expect(beats.length).toBeGreaterThan(2);
  });
});
