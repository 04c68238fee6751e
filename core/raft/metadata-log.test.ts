import { describe, expect, it } from "vitest";
import {
  CONTROLLER_HOST,
  CONTROLLER_ID,
  startController,
  startObserver,
} from "../controller/controller-node.testkit.ts";
import type { LeaderEpoch, Offset } from "../ids.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import type { ManualNode } from "../testkit/manual-ports.ts";
import type { CommittedRecord, LeaderAndEpoch, MetadataLogListener } from "./committed-reader.ts";
import { METADATA_PARTITION } from "./metadata-store.ts";
import { makeRules } from "../rules.ts";
import { RaftRules } from "./raft-rules.ts";

class Heard implements MetadataLogListener {
  readonly records: { readonly record: MetadataRecord; readonly offset: Offset }[] = [];
  readonly leaders: LeaderAndEpoch[] = [];
  lastOffset: Offset = -1;

  committed(records: readonly CommittedRecord[], _epoch: LeaderEpoch, lastOffset: Offset): void {
    for (const { record, offset } of records) this.records.push({ record, offset });
    this.lastOffset = lastOffset;
  }

  leaderChanged(leader: LeaderAndEpoch): void {
    this.leaders.push(leader);
  }
}

function feature(name: string): MetadataRecord {
  return { type: "FeatureLevel", name, featureLevel: 1 };
}

function batchesOf(node: ManualNode): string[] {
  return node
    .factsOf("appended")
    .filter((fact) => fact.partition === METADATA_PARTITION)
    .map(({ batch }) => `${batch.baseOffset}@${batch.leaderEpoch}:${batch.body.crc}`);
}

describe("MetadataLog", () => {
  it("elects the only voter, in an epoch of its own after each start", () => {
    const world = new ManualWorld();
    const node = world.node(CONTROLLER_HOST);
    const first = startController(node).log;
    world.run(100);
    expect(first.leader).toEqual({ id: CONTROLLER_ID, epoch: 1 });
    node.losePower();
    node.restart();
    const second = startController(node).log;
    expect(second.leader.id).toBe(-1);
    world.run(100);
    expect(second.leader).toEqual({ id: CONTROLLER_ID, epoch: 2 });
  });

  it("commits what the leader flushed, and not before", () => {
    const world = new ManualWorld();
    const node = world.node(CONTROLLER_HOST);
    const { log } = startController(node);
    world.run(100);
    const before = log.highWatermark;
    const offset = log.append([feature("a"), feature("b")], 1);
    expect(offset).toBe(before);
    expect(log.nextOffset).toBe(before + 2);
    world.run(24);
    expect(log.highWatermark).toBe(before);
    world.run(2);
    expect(log.highWatermark).toBe(before + 2);
    const facts = node.facts.filter((fact) => "partition" in fact);
    const last = facts.map((fact) => fact.kind).slice(-3);
    expect(last).toEqual(["appended", "log-flushed", "high-watermark"]);
  });

  it("refuses records that were decided in another epoch", () => {
    const world = new ManualWorld();
    const { log } = startController(world.node(CONTROLLER_HOST));
    world.run(100);
    expect(log.append([feature("a")], 0)).toBeNull();
    expect(log.append([feature("a")], 2)).toBeNull();
    const observer = startObserver(world.node("b1"), 1, new Heard());
    world.run(100);
    expect(observer.append([feature("a")], 1)).toBeNull();
  });

  it("loses nothing that was committed when the leader loses power", () => {
    const world = new ManualWorld();
    const node = world.node(CONTROLLER_HOST);
    const { log } = startController(node);
    world.run(100);
    for (let at = 0; at < 20; at++) {
      log.append([feature(`f${at}`)], 1);
      world.run(10);
    }
    world.run(100);
    const committed = log.highWatermark;
    node.losePower();
    node.restart();
    const { log: again, controller } = startController(node);
    world.run(100);
    expect(again.highWatermark).toBeGreaterThan(committed);
    for (let at = 0; at < 20; at++) expect(controller.image.features.get(`f${at}`)).toBe(1);
  });

  it("gives observers the same batches, and tells them what is committed in order", () => {
    const world = new ManualWorld();
    const controller = world.node(CONTROLLER_HOST);
    const { log } = startController(controller);
    const heard = [1, 2].map((id) => {
      const listener = new Heard();
      startObserver(world.node(`b${id}`), id, listener);
      return listener;
    });
    world.run(200);
    for (let at = 0; at < 10; at++) {
      log.append([feature(`a${at}`), feature(`b${at}`)], 1);
      world.run(17);
    }
    world.run(200);
    for (const [at, listener] of heard.entries()) {
      expect(batchesOf(world.node(`b${at + 1}`))).toEqual(batchesOf(controller));
      expect(listener.records.map(({ offset }) => offset)).toEqual(
        listener.records.map((_, index) => 3 + index),
      );
      expect(listener.lastOffset).toBe(log.highWatermark - 1);
      expect(listener.leaders).toEqual([{ id: CONTROLLER_ID, epoch: 1 }]);
    }
  });

  it("tells an observer of a commit within a round trip, without polling meanwhile", () => {
    const world = new ManualWorld({ delayMs: 5 });
    const { log } = startController(world.node(CONTROLLER_HOST), {
      "metadata.max.idle.interval.ms": 0,
    });
    const heard = new Heard();
    startObserver(world.node("b1"), 1, heard);
    world.run(1000);
    const records = heard.records.length;
    log.append([feature("a")], 1);
    world.run(25 + 5);
    expect(heard.records.length).toBe(records + 1);
  });

  it("lets a restarted observer hand over its own log once it knows the high watermark", () => {
    const world = new ManualWorld();
    const { log } = startController(world.node(CONTROLLER_HOST));
    const node = world.node("b1");
    startObserver(node, 1, new Heard());
    world.run(200);
    log.append([feature("a")], 1);
    world.run(200);
    const received = batchesOf(node).length;
    world.cut("b1", CONTROLLER_HOST);
    node.restart();
    const heard = new Heard();
    const observer = startObserver(node, 1, heard);
    world.run(300);
    expect(observer.highWatermark).toBe(-1);
    expect(heard.records).toEqual([]);
    world.mend("b1", CONTROLLER_HOST);
    world.run(2000);
    expect(heard.records.some(({ record }) => record.type === "FeatureLevel")).toBe(true);
    // What it had is not fetched again.
    const fetchedTwice = batchesOf(node).filter((batch, at, all) => all.indexOf(batch) !== at);
    expect(fetchedTwice).toEqual([]);
    expect(batchesOf(node).length).toBeGreaterThan(received);
  });

  it("fetches again what an observer's disk lost", () => {
    const world = new ManualWorld();
    const controller = world.node(CONTROLLER_HOST);
    const { log } = startController(controller);
    const node = world.node("b1");
    startObserver(node, 1, new Heard());
    world.run(200);
    log.append([feature("a")], 1);
    world.run(200);
    node.losePower();
    node.restart();
    const heard = new Heard();
    const observer = startObserver(node, 1, heard);
    world.run(1000);
    expect(observer.log.endOffset).toBe(log.log.endOffset);
    expect(heard.lastOffset).toBe(log.highWatermark - 1);
  });

  it("lets observers follow a controller that restarts, in its new epoch", () => {
    const world = new ManualWorld();
    const node = world.node(CONTROLLER_HOST);
    startController(node);
    const heard = new Heard();
    const observer = startObserver(world.node("b1"), 1, heard);
    world.run(500);
    node.kill();
    world.run(3000);
    node.restart();
    const { log } = startController(node);
    world.run(1500);
    expect(observer.leader).toEqual({ id: CONTROLLER_ID, epoch: 2 });
    expect(heard.leaders.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(heard.lastOffset).toBe(log.highWatermark - 1);
    const hws = world
      .node("b1")
      .factsOf("high-watermark")
      .map((fact) => fact.highWatermark);
    expect(hws).toEqual([...hws].sort((a, b) => a - b));
  });

  it("commits records of an earlier epoch only with one of its own", () => {
    const world = new ManualWorld();
    const node = world.node(CONTROLLER_HOST);
    startController(node);
    world.run(100);
    node.restart();
    startController(node);
    world.run(100);
    const first = node
      .factsOf("high-watermark")
      .find((fact) => fact.leaderEpoch === 2 && fact.as === "leader");
    const own = node.factsOf("appended").find((fact) => fact.batch.leaderEpoch === 2);
    expect(first?.highWatermark).toBeGreaterThan(own?.batch.baseOffset ?? Infinity);
  });

  it("counts unflushed records when the rule about them is broken", () => {
    class Hasty extends RaftRules {
      override leaderCounts(_flushedEnd: Offset, end: Offset): Offset {
        return end;
      }
    }
    const world = new ManualWorld();
    const node = world.node(CONTROLLER_HOST);
    const { log } = startController(node, {}, makeRules({ raft: Hasty }));
    world.run(100);
    expect(log.highWatermark).toBeGreaterThan(0);
  });

  it("ends the process when its disk is full", () => {
    const world = new ManualWorld();
    startController(world.node(CONTROLLER_HOST));
    const node = world.node("b1");
    startObserver(node, 1, new Heard());
    world.run(200);
    node.disk.failure = { under: "data", code: "ENOSPC" };
    world.run(1000);
    expect(node.exitReason).toBe("metadata log failed: ENOSPC");
    expect(node.factsOf("log-dir-failed")).toEqual([{ kind: "log-dir-failed", code: "ENOSPC" }]);
  });
});
