import { describe, expect, test } from "vitest";
import type { MetadataDelta } from "../metadata/image.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import { BrokerRules } from "./broker-rules.ts";
import type { CommittedRecord } from "./metadata-publisher.ts";
import { MetadataPublisher } from "./metadata-publisher.ts";

function topicRecord(offset: number): CommittedRecord {
  return { offset, record: { type: "Topic", name: `t${offset}`, topicId: `id${offset}` } };
}

function start() {
  const world = new ManualWorld();
  const node = world.node("b1");
  const published: { topics: string[]; isFirst: boolean }[] = [];
  const loads: (() => void)[] = [];
  const log = { highWatermark: -1, knowsItself: true };
  const publisher = new MetadataPublisher({
    ports: node.ports,
    rules: new BrokerRules(),
    highWatermark: () => log.highWatermark,
    knowsItself: () => log.knowsItself,
    subscriber: {
      load: (done) => loads.push(done),
      publish: (delta: MetadataDelta, isFirst) =>
        published.push({ topics: [...delta.createdTopics], isFirst }),
    },
  });
  return { world, node, publisher, published, loads, log };
}

describe("the metadata publisher", () => {
  test("publishes nothing before it has all that was committed when it looked", () => {
    const { publisher, published, loads, log } = start();
    publisher.committedRun([topicRecord(1)], 1, 1);
    log.highWatermark = 5;
    publisher.committedRun([topicRecord(2)], 1, 3);
    expect([loads.length, published.length]).toEqual([0, 0]);
    expect([publisher.committed, publisher.published]).toEqual([3, -1]);
    publisher.committedRun([], 1, 4);
    expect(loads).toHaveLength(1);
  });

  test("publishes nothing before it has the registration of its own process", () => {
    const { publisher, loads, log } = start();
    log.highWatermark = 3;
    log.knowsItself = false;
    publisher.committedRun([topicRecord(1)], 1, 2);
    expect(loads).toEqual([]);
    log.knowsItself = true;
    publisher.committedRun([], 1, 3);
    expect(loads).toHaveLength(1);
  });

  test("loads the logs, then publishes all it knows as one first delta", () => {
    const { world, node, publisher, published, loads, log } = start();
    log.highWatermark = 3;
    publisher.committedRun([topicRecord(1)], 1, 1);
    publisher.committedRun([topicRecord(2)], 1, 2);
    expect(published).toEqual([]);
    loads[0]?.();
    world.run(1);
    expect(published).toEqual([{ topics: ["id1", "id2"], isFirst: true }]);
    expect(node.factsOf("metadata-applied")).toEqual([
      { kind: "metadata-applied", offset: 2, epoch: 1 },
    ]);
  });

  test("keeps what arrives while the logs load, and publishes it in order after", () => {
    const { world, publisher, published, loads, log } = start();
    log.highWatermark = 2;
    publisher.committedRun([topicRecord(1)], 1, 1);
    log.highWatermark = 4;
    publisher.committedRun([topicRecord(2)], 1, 2);
    publisher.committedRun([topicRecord(3)], 2, 3);
    expect(publisher.image.topicsById.size).toBe(1);
    loads[0]?.();
    world.run(1);
    expect(published.map((each) => each.topics)).toEqual([["id1"], ["id2"], ["id3"]]);
    expect(published.map((each) => each.isFirst)).toEqual([true, false, false]);
    expect([publisher.published, publisher.image.epoch]).toEqual([3, 2]);
  });

  test("publishes each later run at once, and covers control records", () => {
    const { world, publisher, published, loads, log } = start();
    log.highWatermark = 1;
    publisher.committedRun([], 1, 0);
    loads[0]?.();
    world.run(1);
    publisher.committedRun([topicRecord(4)], 1, 4);
    publisher.committedRun([], 2, 5);
    expect(published.map((each) => each.topics)).toEqual([[], ["id4"], []]);
    expect(publisher.published).toBe(5);
    expect(loads).toHaveLength(1);
  });
});
