/** What is read of a partition where committed records were lost: offsets were given out twice there. */
import { describe, expect, test } from "vitest";
import type { Fact } from "../core/facts.ts";
import { Batch } from "../core/record/batch.ts";
import { PartitionGhost } from "./ghost/partition-ghost.ts";
import { bodyOf } from "./invariants/honest-story.testkit.ts";
import { Dispatcher } from "./observe.ts";
import { Progress } from "./progress.ts";

class Reading {
  readonly partition: PartitionGhost = new PartitionGhost("t-0", false);
  readonly progress: Progress = new Progress(new Map([["t-0", ["r1"]]]), new Set(["p1"]));
  readonly #dispatcher: Dispatcher = new Dispatcher([this.progress]);

  committed(offset: number, leaderEpoch: number): void {
    this.partition.committed.append(new Batch(offset, leaderEpoch, bodyOf("v")));
    this.partition.trueHighWatermark = offset + 1;
    const isr = [1];
    this.partition.registration = { leader: 1, leaderEpoch, partitionEpoch: 0, isr, replicas: isr };
  }

  told(leaderEpoch: number): void {
    const known = { client: "r1", partition: "t-0", leader: 1, leaderEpoch };
    this.#tell("r1", { kind: "client-metadata", ...known });
  }

  cutTo(offset: number): void {
    this.partition.committed.truncateTo(offset);
    this.partition.trueHighWatermark = offset;
  }

  acked(offset: number): void {
    this.#tell("p1", { kind: "send-acked", sendId: `s${offset}`, partition: "t-0", offset });
  }

  polled(offset: number, leaderEpoch: number): void {
    const record = { offset, leaderEpoch, timestamp: 0, key: null, value: null };
    const places = { position: offset, nextPosition: offset + 1 };
    this.#tell("r1", { kind: "polled", partition: "t-0", ...places, records: [record] });
  }

  get isDone(): boolean {
    return this.progress.unreadRecords === 0 && this.progress.hasReadAnew;
  }

  #tell(node: string, fact: Fact): void {
    this.#dispatcher.fact(fact, { at: 0, seq: 0, node, nodeId: -1, incarnation: 1 });
  }
}

describe("where what everybody reads was lost", () => {
  test("what comes in its place is to be read", () => {
    const reading = new Reading();
    reading.committed(0, 0);
    reading.committed(1, 2);
    reading.polled(0, 0);
    reading.polled(1, 2);
    reading.cutTo(1);
    reading.progress.lost(reading.partition, 1, true);
    expect(reading.isDone).toBe(true);
    reading.committed(1, 4);
    expect(reading.isDone).toBe(false);
    reading.polled(1, 2);
    expect(reading.isDone).toBe(false);
    reading.polled(1, 4);
    expect(reading.isDone).toBe(true);
  });
});

describe("where a reader stands beyond what was lost", () => {
  test("it goes back only if the new leader has it do so", () => {
    const reading = new Reading();
    reading.committed(0, 0);
    reading.polled(0, 0);
    reading.cutTo(0);
    reading.progress.lost(reading.partition, 0, true);
    reading.committed(0, 2);
    expect(reading.isDone).toBe(false);
    reading.told(2);
    expect(reading.isDone).toBe(true);
  });
});

describe("where only what a deposed leader wrote was lost", () => {
  function deposed(): Reading {
    const reading = new Reading();
    reading.committed(0, 0);
    reading.committed(1, 2);
    reading.polled(0, 0);
    reading.polled(1, 2);
    reading.progress.lost(reading.partition, 1, false);
    return reading;
  }

  test("all that was read still is", () => {
    expect(deposed().isDone).toBe(true);
  });

  test("what it acknowledges is not waited for", () => {
    const reading = deposed();
    reading.acked(7);
    expect(reading.isDone).toBe(true);
  });

  test("what it serves is not what everybody else reads there", () => {
    const reading = deposed();
    reading.committed(2, 2);
    reading.polled(2, 0);
    expect(reading.isDone).toBe(false);
    reading.polled(2, 2);
    expect(reading.isDone).toBe(true);
  });
});
