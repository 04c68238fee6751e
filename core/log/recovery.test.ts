import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Offset } from "../ids.ts";
import type { Batch } from "../record/batch.ts";
import { LogRules } from "./log-rules.ts";
import { DedupRules } from "./dedup-rules.ts";
import { EpochRules } from "./epoch-rules.ts";
import { DIRECTORY, LogFixture, body } from "./log.testkit.ts";
import type { PartitionLog } from "./partition-log.ts";

const LOG_0 = `${DIRECTORY}/${"0".repeat(20)}.log`;

function appended(fixture: LogFixture, count: number, epoch: number = 0): void {
  for (let index = 0; index < count; index++) {
    fixture.log.appendAsLeader(body(), epoch, "client");
  }
}

function contents(log: PartitionLog): Batch[] {
  const batches: Batch[] = [];
  let at: Offset = log.logStartOffset;
  while (at < log.endOffset) {
    const read = log.read(at, 1e9, log.endOffset, true);
    if ("error" in read) throw new Error(`error ${read.error} at ${at}`);
    batches.push(...read.batches);
    at = (read.batches.at(-1) as Batch).nextOffset;
  }
  return batches;
}

describe("opening a log after an unclean stop", () => {
  it("cuts a torn batch at the end and keeps the very batches before it", () => {
    const fixture = new LogFixture();
    appended(fixture, 3);
    const before = contents(fixture.log);
    const size = body().sizeBytes;
    fixture.node.disk.files.get(LOG_0)?.truncate(3 * size - 5);
    const log = fixture.restart(false);
    expect(log.endOffset).toBe(2);
    expect(contents(log)).toEqual(before.slice(0, 2));
    expect(contents(log)[0]).toBe(before[0]);
    expect(fixture.node.disk.files.get(LOG_0)?.sizeBytes).toBe(2 * size);
    expect(fixture.node.factsOf("log-loaded").at(-1)).toMatchObject({
      clean: false,
      endOffset: 2,
      cutBytes: size - 5,
      lastBatch: before[1],
    });
  });

  it("cuts at a batch that rotted above the recovery point and drops later segments", () => {
    const size = body().sizeBytes;
    const fixture = new LogFixture({ settings: { "segment.bytes": 2 * size } });
    appended(fixture, 6);
    const chunks = fixture.node.disk.files.get(LOG_0)?.chunks ?? [];
    const rotten = (chunks[1]?.bytes() as Uint8Array).slice();
    rotten[40] = (rotten[40] as number) ^ 1;
    chunks[1] = { sizeBytes: size, bytes: () => rotten };
    const log = fixture.restart(false);
    expect(log.endOffset).toBe(1);
    expect(fixture.files(".log")).toHaveLength(1);
    expect(fixture.files(".index")).toHaveLength(1);
    appended(fixture, 1);
    expect(contents(log).map((batch) => batch.baseOffset)).toEqual([0, 1]);
  });

  it("does not look at batches below the recovery point", () => {
    const size = body().sizeBytes;
    const fixture = new LogFixture({ settings: { "segment.bytes": 2 * size } });
    appended(fixture, 5);
    const chunks = fixture.node.disk.files.get(LOG_0)?.chunks ?? [];
    const rotten = (chunks[0]?.bytes() as Uint8Array).slice();
    rotten[64] = (rotten[64] as number) ^ 1;
    chunks[0] = { sizeBytes: size, bytes: () => rotten };
    expect(fixture.restart(false, { recoveryPoint: 2 }).endOffset).toBe(5);
    expect(fixture.log.recoveryPoint).toBe(2);
    expect(fixture.restart(false, { recoveryPoint: 1 }).endOffset).toBe(0);
  });

  it("ends the log at a gap between two segments above the recovery point", () => {
    const size = body().sizeBytes;
    const fixture = new LogFixture({ settings: { "segment.bytes": 2 * size } });
    appended(fixture, 5);
    fixture.node.disk.files.get(LOG_0)?.truncate(size);
    expect(fixture.restart(false).endOffset).toBe(1);
  });

  it("makes missing and disordered indexes anew", () => {
    const fixture = new LogFixture({ settings: { "index.interval.bytes": 1 } });
    appended(fixture, 4);
    const index = LOG_0.replace(".log", ".index");
    const bytes = (): number[] =>
      (fixture.node.disk.files.get(index)?.chunks ?? []).flatMap((chunk) => [...chunk.bytes()]);
    const before = bytes();
    expect(before).toHaveLength(24);
    fixture.node.disk.files.delete(index);
    fixture.restart(true);
    expect(bytes()).toEqual(before);
    fixture.node.disk.files.get(index)?.truncate(13);
    fixture.restart(true);
    expect(bytes()).toEqual(before);
  });

  it("takes the high watermark from its checkpoint, but never from beyond the log", () => {
    const fixture = new LogFixture();
    appended(fixture, 3);
    expect(fixture.restart(false, { highWatermark: 2 }).highWatermark).toBe(2);
    expect(fixture.restart(false, { highWatermark: 9 }).highWatermark).toBe(3);
    expect(fixture.restart(true).recoveryPoint).toBe(3);
  });

  it("starts over when nothing reaches the log start of the checkpoint", () => {
    const fixture = new LogFixture();
    appended(fixture, 3);
    const log = fixture.restart(false, { logStartOffset: 10 });
    expect([log.logStartOffset, log.endOffset]).toEqual([10, 10]);
    expect(log.epochEntries()).toEqual([]);
  });

  it("trims the epoch cache to the log and learns epochs that only batches know", () => {
    const fixture = new LogFixture();
    appended(fixture, 2, 1);
    appended(fixture, 2, 3);
    fixture.log.assignEpoch(5, 4);
    expect(fixture.restart(false).epochEntries()).toEqual([
      { epoch: 1, startOffset: 0 },
      { epoch: 3, startOffset: 2 },
    ]);
    fixture.node.disk.files.delete(`${DIRECTORY}/leader-epoch-checkpoint`);
    expect(fixture.restart(false).epochEntries()).toEqual([
      { epoch: 1, startOffset: 0 },
      { epoch: 3, startOffset: 2 },
    ]);
  });

  it("fails by name when the epoch file makes no sense", () => {
    const fixture = new LogFixture();
    appended(fixture, 1);
    fixture.node.disk.files.get(`${DIRECTORY}/leader-epoch-checkpoint`)?.truncate(3);
    expect(() => fixture.restart(false)).toThrow(/leader-epoch-checkpoint/);
  });
});

describe("what a crash leaves", () => {
  const size = body().sizeBytes;
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant("append" as const) },
    { weight: 1, arbitrary: fc.constant("flush" as const) },
    { weight: 1, arbitrary: fc.constant("truncate" as const) },
    { weight: 1, arbitrary: fc.constant("settle" as const) },
    { weight: 1, arbitrary: fc.constant("new epoch" as const) },
    { weight: 1, arbitrary: fc.constant("kill" as const) },
    { weight: 1, arbitrary: fc.constant("power loss" as const) },
    { weight: 1, arbitrary: fc.constant("clean stop" as const) },
  );

  it("is a prefix of the log that holds all that was flushed, with its epochs and producers", () => {
    const run = fc.array(fc.tuple(step, fc.nat(999)), { minLength: 5, maxLength: 40 });
    fc.assert(
      fc.property(run, (steps) => {
        const fixture = new LogFixture({
          settings: { "segment.bytes": 4 * size, "index.interval.bytes": 100 },
        });
        let model: Batch[] = [];
        let epoch = 0;
        let recoveryPoint = 0;
        const end = (): Offset => model.at(-1)?.nextOffset ?? 0;
        const lose = (draw: number): void => {
          // Each log file keeps what was synced and a drawn part of the rest.
          for (const [path, file] of fixture.node.disk.files) {
            const lost = file.sizeBytes - file.syncedBytes;
            const kept = path.endsWith(".log") ? Math.floor((lost * draw) / 999) : 0;
            file.truncate(file.syncedBytes + kept);
          }
        };
        const reopen = (clean: boolean): void => {
          const floor = fixture.log.recoveryPoint;
          const log = fixture.restart(clean, { recoveryPoint });
          expect(log.endOffset).toBeGreaterThanOrEqual(floor);
          expect(contents(log)).toEqual(model.slice(0, contents(log).length));
          model = model.slice(0, contents(log).length);
          recoveryPoint = Math.min(recoveryPoint, log.endOffset);
        };
        for (const [what, draw] of steps) {
          const { log } = fixture;
          if (what === "append") {
            const given = body({ count: 1 + (draw % 2), producerId: draw % 3, sequence: 0 });
            const batch = log.appendAsLeader(given, epoch, "coordinator");
            if (batch.kind === "appended") model.push(batch.batch);
          } else if (what === "flush") {
            log.flush();
            recoveryPoint = log.recoveryPoint;
          } else if (what === "truncate") {
            model = model.slice(0, Math.floor((model.length * draw) / 999));
            log.truncateTo(end(), "diverging", epoch);
            recoveryPoint = Math.min(recoveryPoint, end());
          } else if (what === "settle") {
            fixture.settle();
          } else if (what === "new epoch") {
            epoch += 1;
            log.assignEpoch(epoch, log.endOffset);
          } else if (what === "kill") {
            reopen(false);
          } else if (what === "power loss") {
            fixture.node.kill();
            lose(draw);
            reopen(false);
          } else {
            log.close();
            recoveryPoint = log.recoveryPoint;
            reopen(true);
          }
          expect(fixture.log.endOffset).toBe(end());
          expectDerivedState(fixture.log, model);
        }
      }),
      { numRuns: 150 },
    );
  });

  /** Epoch cache and producers are what a scan of the log gives. */
  function expectDerivedState(log: PartitionLog, model: readonly Batch[]): void {
    const starts = new Map<number, Offset>();
    const last = new Map<number, Offset>();
    for (const batch of model) {
      if (!starts.has(batch.leaderEpoch)) starts.set(batch.leaderEpoch, batch.baseOffset);
      last.set(batch.body.producerId, batch.lastOffset);
    }
    const withData = log.epochEntries().filter(({ startOffset }) => startOffset < log.endOffset);
    expect(withData.map(({ epoch, startOffset }) => [epoch, startOffset])).toEqual([...starts]);
    const known = log
      .producers()
      .map((entry) => [entry.producerId, entry.batches.at(-1)?.lastOffset]);
    expect(new Map(known as [number, Offset][])).toEqual(last);
  }
});

describe("opening a log after a clean stop, as it seems", () => {
  it("ends before a torn batch, whose bytes are cut, and goes on there", () => {
    const fixture = new LogFixture();
    appended(fixture, 3);
    fixture.log.close();
    const size = body().sizeBytes;
    fixture.node.disk.files.get(LOG_0)?.truncate(3 * size - 5);
    const log = fixture.restart(true);
    expect([log.endOffset, log.recoveryPoint]).toEqual([2, 2]);
    expect(fixture.node.disk.files.get(LOG_0)?.sizeBytes).toBe(2 * size);
    appended(fixture, 1, 1);
    expect(contents(log).map(({ leaderEpoch }) => leaderEpoch)).toEqual([0, 0, 1]);
  });

  it("forgets a producer's batch that was torn, although a snapshot has it", () => {
    const fixture = new LogFixture();
    for (let sequence = 0; sequence < 3; sequence++) {
      fixture.log.appendAsLeader(body({ producerId: 3, sequence }), 0, "client");
    }
    fixture.log.close();
    fixture.node.disk.files.get(LOG_0)?.truncate(3 * body().sizeBytes - 5);
    expect(fixture.restart(true).producers()[0]?.batches.at(-1)).toMatchObject({ lastOffset: 1 });
  });
});

describe("rules of recovery", () => {
  it("decide whether batches are verified (a torn one is believed otherwise)", () => {
    const log = class extends LogRules {
      override verifiesAtStart(): boolean {
        return false;
      }
    };
    const fixture = new LogFixture({ rules: { log } });
    appended(fixture, 3);
    fixture.node.disk.files.get(LOG_0)?.truncate(3 * body().sizeBytes - 2);
    expect(fixture.restart(false).endOffset).toBe(3);
    expect(fixture.log.read(2, 1e6, 3, true)).toHaveProperty("error");
    appended(fixture, 1);
    expect(fixture.log.read(3, 1e6, 4, true)).toMatchObject({ batches: [{ baseOffset: 3 }] });
  });

  it("decide whether the high watermark is clamped and producers survive", () => {
    const log = class extends LogRules {
      override highWatermarkAtStart(checkpoint: Offset): Offset {
        return checkpoint;
      }
    };
    const dedup = class extends DedupRules {
      override restoresState(): boolean {
        return false;
      }
    };
    const fixture = new LogFixture({ rules: { log, dedup } });
    fixture.log.appendAsLeader(body({ producerId: 3 }), 0, "client");
    fixture.restart(false, { highWatermark: 9 });
    expect(fixture.log.highWatermark).toBe(9);
    expect(fixture.log.producers()).toEqual([]);
  });

  it("decide whether an assigned epoch is on disk at once", () => {
    const epochs = class extends EpochRules {
      override assignmentIsWritten(): boolean {
        return false;
      }
    };
    const fixture = new LogFixture({ rules: { epochs } });
    appended(fixture, 1, 4);
    fixture.settle(1000);
    fixture.log.flush();
    expect(fixture.restart(true).epochEntries()).toEqual([]);
  });
});
