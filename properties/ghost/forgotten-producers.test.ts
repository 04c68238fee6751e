import { describe, expect, test } from "vitest";
import { Batch } from "../../core/record/batch.ts";
import { batches, bodyOf, producersOfLog } from "../invariants/honest-story.testkit.ts";
import { appendAgain, story, told } from "../invariants/lies.testkit.ts";
import {
  falsified,
  firedBy,
  inserted,
  runStory,
  without,
} from "../invariants/run-story.testkit.ts";
import type { Step } from "../invariants/story.testkit.ts";
import { PARTITION } from "../invariants/story.testkit.ts";
import type { Forgetting } from "./forgotten-producers.ts";

const DIRECTORY = "/data/t-0";
const CLEAN = "/data/.kafka_cleanshutdown";
const INDEX = `${DIRECTORY}/00000000000000000000.index`;
const SNAPSHOT = `${DIRECTORY}/00000000000000000003.snapshot`;

const lostSync = (path: string): Step => ({
  name: "lost-sync",
  node: "b1",
  event: { kind: "disk-damaged", how: "lost-sync", path, from: 0, to: 0 },
});

/** Broker 1 loses a sync of that directory, comes back to these files, and knows no producers. */
function forgetful(directory: string, ...files: readonly string[]): Step[] {
  const damaged = inserted(story, "append-1-lost", [lostSync(directory)]);
  return falsified(withFiles(damaged, ...files), "loaded-1", { clean: true, producers: [] });
}

function withFiles(steps: readonly Step[], ...files: readonly string[]): Step[] {
  return steps.map((step) => (step.name === "booted-1" ? { ...step, files } : step));
}

/** What broker 1 may have forgotten after that step. */
function forgettingAfter(steps: readonly Step[], last: string): Forgetting | null | undefined {
  const until = steps.slice(0, steps.findIndex(({ name }) => name === last) + 1);
  return runStory(until, []).ghost.partition(PARTITION).replica(1)?.forgetting;
}

describe("a broker may forget producers", () => {
  test("that closed its log, and whose snapshots a lost sync took", () => {
    const steps = forgetful(DIRECTORY, CLEAN, INDEX);

    expect(firedBy(steps, ["A8"])).toEqual([]);
    expect(forgettingAfter(steps, "booted-1")?.below).toBe(Infinity);
    expect(forgettingAfter(steps, "loaded-1")?.below).toBe(3);
  });

  test.each([
    ["no sync of that directory was lost", forgetful("/data/t-1", CLEAN, INDEX)],
    ["a snapshot is there", forgetful(DIRECTORY, CLEAN, INDEX, SNAPSHOT)],
    ["nothing says that the log was closed", forgetful(DIRECTORY, INDEX)],
    ["its segment has to be recovered", forgetful(DIRECTORY, CLEAN)],
  ])("but not where %s", (_why, steps) => {
    expect(firedBy(steps, ["A8"])).toEqual(["A8"]);
  });

  test("but not by a sync that was lost before the process that closed the log", () => {
    const again = [
      { name: "again", node: "b1", event: { kind: "ended", cause: "kill", reason: "f" } },
      { name: "up", node: "b1", event: { kind: "booted", disk: "same" } },
      // It opens its log whole, closes it, and comes back to the same files without a new fault.
      ...story.filter(({ name }) => name === "loaded-1"),
      { name: "again", node: "b1", event: { kind: "ended", cause: "exit", reason: "f" } },
      { name: "up-again", node: "b1", event: { kind: "booted", disk: "same" } },
    ] satisfies Step[];
    const steps = inserted(forgetful(DIRECTORY, CLEAN, INDEX), "booted-1", again);

    expect(forgettingAfter(steps, "up")?.below).toBe(Infinity);
    expect(forgettingAfter(steps, "up-again")).toBe(null);
  });

  test("a snapshot that belongs to no segment is removed, and does not help", () => {
    // One segment at 0 and one at 2: the snapshot at 1 is a stray one.
    const files = [CLEAN, INDEX, `${DIRECTORY}/00000000000000000001.snapshot`];
    const rolled = ["log", "index"].map((kind) => `${DIRECTORY}/00000000000000000002.${kind}`);

    expect(forgettingAfter(forgetful(DIRECTORY, ...files), "booted-1")).toBe(null);
    expect(forgettingAfter(forgetful(DIRECTORY, ...files, ...rolled), "booted-1")?.below).toBe(
      Infinity,
    );
  });
});

describe("what was forgotten", () => {
  const steps = forgetful(DIRECTORY, CLEAN, INDEX);

  test("is no more than what is left of it after a truncation", () => {
    expect(forgettingAfter(steps, "truncated-1")?.below).toBe(2);
    const cut = falsified(steps, "truncated-1", { toOffset: 0 });
    expect(forgettingAfter(cut, "truncated-1")).toBe(null);
  });

  const restart = (...files: readonly string[]): Step[] =>
    inserted(steps, "loaded-1", [
      { name: "down", node: "b1", event: { kind: "ended", cause: "kill", reason: "f" } },
      { name: "up", node: "b1", event: { kind: "booted", disk: "same" }, files },
    ]);

  test("stays forgotten below the snapshot that the next start finds", () => {
    expect(forgettingAfter(restart(INDEX, SNAPSHOT), "up")?.below).toBe(3);
    const older = `${DIRECTORY}/00000000000000000002.snapshot`;
    expect(forgettingAfter(restart(INDEX, older), "up")?.below).toBe(2);
  });

  test("is known again when the next start has to read the log", () => {
    expect(forgettingAfter(restart(INDEX), "up")).toBe(null);
  });

  test("is gone with the disk", () => {
    const emptied = restart().map((step) =>
      step.name === "up" ? { ...step, event: { kind: "booted", disk: "empty" } as const } : step,
    );
    expect(forgettingAfter(emptied, "up")).toBe(null);
  });
});

describe("a leader that has forgotten a producer", () => {
  /** Broker 1 leads in epoch 2, up to offset 3, and knows these producers. */
  const leads = (producers: typeof producersOfLog): Step[] => {
    const back = without(forgetful(DIRECTORY, CLEAN, INDEX), "followed-1", "truncated-1");
    const until = back.slice(0, back.findIndex(({ name }) => name === "loaded-1") + 1);
    return [
      ...until,
      told("led-1-again", "b1", {
        kind: "became-leader",
        partition: PARTITION,
        leaderEpoch: 2,
        partitionEpoch: 3,
        alreadyLed: false,
        endOffset: 3,
        highWatermark: 1,
        isr: [1],
        replicas: [1, 2, 3],
        producers,
      }),
    ];
  };
  const y = new Batch(3, 2, batches.y.body);
  const next = new Batch(4, 2, bodyOf("next", 2));
  const knowsLast = producersOfLog.map((entry) => ({
    ...entry,
    batches: [{ firstSequence: 2, lastSequence: 2, lastOffset: 2 }],
  }));

  test("takes any sequence of it, once, and the next ones in order", () => {
    const repeated = [...leads([]), appendAgain("y", "b1", y, 2)];

    expect(firedBy(leads([]), ["D6"])).toEqual([]);
    expect(firedBy(repeated, ["D1"])).toEqual([]);
    expect(firedBy([...repeated, appendAgain("next", "b1", next, 2)], ["D1"])).toEqual([]);
    const gap = new Batch(4, 2, bodyOf("gap", 5));
    expect(firedBy([...repeated, appendAgain("gap", "b1", gap, 2)], ["D1"])).toEqual(["D1"]);
    expect(runStory(repeated, []).ghost.partition(PARTITION).unrecognised).toMatchObject([
      { batch: y, node: "b1", forgetting: { below: 3 } },
    ]);
  });

  test("is held to what it does remember", () => {
    const repeated = [...leads(knowsLast), appendAgain("y", "b1", y, 2)];

    expect(firedBy(repeated, ["D1"])).toEqual(["D1"]);
    expect(runStory(repeated, []).ghost.partition(PARTITION).unrecognised).toEqual([]);
  });

  test("is held to what it appended since it forgot", () => {
    const since = [
      ...leads([]),
      appendAgain("y", "b1", y, 2),
      appendAgain("again", "b1", new Batch(4, 2, batches.y.body), 2),
    ];
    expect(firedBy(since, ["D1"])).toEqual(["D1"]);
  });

  test("refuses no sequence of it", () => {
    const refused = told("refused", "b1", {
      kind: "produce-refused",
      partition: PARTITION,
      error: 45,
      leaderEpoch: 2,
      producerId: 7,
      producerEpoch: 0,
      baseSequence: 9,
      client: "p1",
    });

    expect(firedBy([...leads([]), refused], ["D4"])).toEqual(["D4"]);
    expect(firedBy([...leads(knowsLast), refused], ["D4"])).toEqual([]);
  });
});
