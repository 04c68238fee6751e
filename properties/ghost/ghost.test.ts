import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Batch } from "../../core/record/batch.ts";
import { batches, bodyOf, honestStory } from "../invariants/honest-story.testkit.ts";
import { falsified, runStory, without } from "../invariants/run-story.testkit.ts";
import { PARTITION } from "../invariants/story.testkit.ts";
import { DiskScan, scanDisk } from "./disk-scan.ts";
import { firstDifference, GhostLog } from "./ghost-log.ts";

const { x, y, lost, z } = batches;

function logOf(...content: readonly Batch[]): GhostLog {
  const log = new GhostLog();
  for (const batch of content) log.append(batch);
  return log;
}

function cut(story: ReturnType<typeof honestStory>, last: string): ReturnType<typeof honestStory> {
  return story.slice(0, story.findIndex(({ name }) => name === last) + 1);
}

describe("the ghost", () => {
  const story = honestStory();

  test("knows leader, ISR, committed records and replicas at the end of the story", () => {
    const { ghost, history } = runStory(story);
    expect(ghost.leader(PARTITION)).toBe(2);
    expect(ghost.presumedLeader(PARTITION)).toBe(2);
    expect(ghost.partition(PARTITION).registration?.isr).toEqual([2, 3, 1]);
    expect(ghost.partition(PARTITION).trueHighWatermark).toBe(3);
    expect(ghost.partition(PARTITION).committed.batches).toEqual([x, y, z]);
    expect([1, 2, 3].map((node) => ghost.partition(PARTITION).replica(node)?.log.end)).toEqual([
      3, 3, 3,
    ]);
    expect([1, 2, 3].map((node) => ghost.holdsCommitted(PARTITION, node))).toEqual([
      true,
      true,
      true,
    ]);
    expect([ghost.leaderChanges, ghost.isrChanges, ghost.truncations]).toEqual([1, 2, 1]);
    expect([history.sends.length, history.acked, history.unknown, history.consumed]).toEqual([
      4, 3, 1, 3,
    ]);
  });

  test("tells belief from truth: a deposed leader presumes until it learns", () => {
    const partitioned = without(story, "power-loss-1");
    const { ghost } = runStory(cut(partitioned, "elected-2-committed"), []);
    expect(ghost.leader(PARTITION)).toBe(2);
    expect(ghost.presumedLeader(PARTITION)).toBe(1);
  });

  test("knows what a loss of power would take", () => {
    const { ghost } = runStory(cut(story, "append-1-lost"), []);
    expect(ghost.partition(PARTITION).replica(1)?.syncedEnd).toBe(2);
    expect(ghost.partition(PARTITION).replica(1)?.log.end).toBe(3);
    expect(ghost.partition(PARTITION).replica(2)?.syncedEnd).toBe(0);
  });

  test("holds a replica excused that lost its tail, until it is registered again", () => {
    const lossy = falsified(without(story, "elected-2-committed"), "loaded-1", {
      endOffset: 1,
    }).map((step) => (step.name === "booted-1" ? { ...step, disk: [x] } : step));
    const before = without(lossy, "registered-1-again");
    expect(
      runStory(cut(before, "loaded-1"), []).ghost.partition(PARTITION).replica(1)?.struck,
    ).toBe(true);
    expect(runStory(cut(lossy, "loaded-1"), []).ghost.partition(PARTITION).replica(1)?.struck).toBe(
      false,
    );
  });

  test("takes a recovered log from the disk, not from what was told before", () => {
    const crashed = falsified(story, "loaded-1", { endOffset: 4 }).map((step) =>
      step.name === "booted-1"
        ? { ...step, disk: [x, y, lost, new Batch(3, 0, bodyOf("untold", 3))] }
        : step,
    );
    const { ghost } = runStory(cut(crashed, "loaded-1"), []);
    expect(ghost.partition(PARTITION).replica(1)?.log.batches).toHaveLength(4);
  });
});

describe("a ghost log", () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ grow: fc.integer({ min: 0, max: 2 }) }),
      fc.record({ cutTo: fc.integer({ min: 0, max: 12 }) }),
    ),
    { maxLength: 30 },
  );
  const bodies = [bodyOf("a"), bodyOf("b"), bodyOf("c")];

  function play(log: GhostLog, moves: readonly ({ grow: number } | { cutTo: number })[]): void {
    for (const move of moves) {
      if ("cutTo" in move) log.truncateTo(move.cutTo);
      else log.append(new Batch(log.end, 0, bodies[move.grow] as (typeof bodies)[0]));
    }
  }

  test("compares prefixes as a walk over both logs does", () => {
    fc.assert(
      fc.property(steps, steps, fc.nat(12), (mine, theirs, bound) => {
        const a = logOf();
        const b = logOf();
        play(a, mine);
        play(b, theirs);
        const end = Math.min(bound, a.end, b.end);
        let equal = 0;
        while (equal < end && a.batchAt(equal)?.body === b.batchAt(equal)?.body) equal += 1;
        expect(a.samePrefix(b, end)).toBe(equal === end);
        if (equal < end) expect(firstDifference(a, b, end)).toBe(equal);
      }),
    );
  });

  test("finds the batch of each offset", () => {
    const log = logOf();
    play(
      log,
      Array.from({ length: 40 }, () => ({ grow: 1 })),
    );
    for (let offset = 0; offset < 40; offset += 1) {
      expect(log.batchAt(offset)?.baseOffset).toBe(offset);
      expect(log.countBelow(offset)).toBe(offset);
    }
    expect(log.batchAt(40)).toBeUndefined();
  });

  test("keeps the epochs that its batches imply", () => {
    const log = logOf(x, y, z);
    expect(log.epochs).toEqual([
      { epoch: 0, startOffset: 0 },
      { epoch: 1, startOffset: 2 },
    ]);
    log.truncateTo(2);
    expect(log.epochs).toEqual([{ epoch: 0, startOffset: 0 }]);
  });
});

describe("a scan of a disk", () => {
  const file = (...parts: readonly Uint8Array[]): Uint8Array =>
    new Uint8Array(parts.flatMap((part) => [...part]));

  function scan(segments: Readonly<Record<string, Uint8Array>>): DiskScan {
    const files = {
      list: () => Object.keys(segments),
      read: (_node: string, path: string) => segments[path] ?? null,
      damage: () => [],
    };
    return scanDisk(files, "b1", () => undefined).get("t-0") ?? new DiskScan([]);
  }

  test("ends recovery at the first batch that is torn or corrupt", () => {
    const torn = scan({ "/d/t-0/0.log": file(x.bytes(), y.bytes(), lost.bytes().subarray(0, 70)) });
    expect([torn.recoveredEnd(0), torn.end, torn.tornAtEnd]).toEqual([2, 2, true]);
    const bytes = file(x.bytes(), y.bytes(), lost.bytes());
    const at = x.sizeBytes + y.sizeBytes - 3;
    bytes[at] = (bytes[at] as number) ^ 1;
    const corrupt = scan({ "/d/t-0/0.log": bytes });
    expect([corrupt.recoveredEnd(0), corrupt.end]).toEqual([1, 3]);
  });

  test("does not verify segments below the one that holds the recovery point", () => {
    const first = file(x.bytes());
    first[66] = (first[66] as number) ^ 1;
    const segments = { "/d/t-0/0.log": first, "/d/t-0/1.log": file(y.bytes(), lost.bytes()) };
    expect(scan(segments).recoveredEnd(1)).toBe(3);
    expect(scan(segments).intactEnd).toBe(0);
  });

  test("sees a segment that is missing between two others", () => {
    expect(scan({ "/d/t-0/0.log": file(x.bytes()), "/d/t-0/2.log": file(z.bytes()) }).hasHole).toBe(
      true,
    );
  });
});
