import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { Batch, BatchBody } from "../record/batch.ts";
import { withAppendTime } from "../record/encode.ts";
import { DIRECTORY, LogFixture, START_MS, body } from "./log.testkit.ts";

/** The same batch with its bytes damaged behind the CRC. */
function damaged(good: BatchBody): BatchBody {
  const encoded = good.encoded.slice();
  encoded[encoded.length - 1] = (encoded[encoded.length - 1] as number) ^ 1;
  return new BatchBody(encoded, good);
}

describe("appending as leader", () => {
  it("gives offsets from the end and the leader's epoch, sharing the producer's bytes", () => {
    const { log, node } = new LogFixture();
    log.assignEpoch(4, 0);
    const first = body({ count: 3 });
    expect(log.appendAsLeader(first, 4, "client")).toMatchObject({ kind: "appended" });
    log.appendAsLeader(body(), 4, "client");
    expect(log.endOffset).toBe(4);
    const read = log.read(0, 1000000, 4, true);
    expect(read).toMatchObject({
      batches: [
        { baseOffset: 0, leaderEpoch: 4 },
        { baseOffset: 3, leaderEpoch: 4 },
      ],
    });
    expect("batches" in read && read.batches[0]?.body).toBe(first);
    expect(node.factsOf("appended").map((fact) => [fact.as, fact.batch.baseOffset])).toEqual([
      ["leader", 0],
      ["leader", 3],
    ]);
  });

  it("refuses what is too large, damaged, wrongly counted, a control batch or out of time", () => {
    const { log } = new LogFixture({ settings: { "max.message.bytes": 200 } });
    const errorOf = (given: BatchBody): number => {
      const result = log.appendAsLeader(given, 0, "client");
      return result.kind === "refused" ? result.error : 0;
    };
    expect(errorOf(body({ text: "x".repeat(200) }))).toBe(Errors.MESSAGE_TOO_LARGE);
    expect(errorOf(damaged(body()))).toBe(Errors.CORRUPT_MESSAGE);
    const good = body();
    const miscounted = new BatchBody(good.encoded, { ...good, lastOffsetDelta: 1 });
    miscounted.checkedCrc = "valid";
    expect(errorOf(miscounted)).toBe(Errors.INVALID_RECORD);
    const control = new BatchBody(good.encoded, { ...good, attributes: 0x20 });
    control.checkedCrc = "valid";
    expect(errorOf(control)).toBe(Errors.INVALID_RECORD);
    expect(errorOf(body({ timestamp: START_MS + 3600001 }))).toBe(Errors.INVALID_TIMESTAMP);
    expect(errorOf(body({ timestamp: START_MS + 3600000 }))).toBe(0);
    expect(log.endOffset).toBe(1);
  });

  it("refuses records without key in a compacted topic, and batches above segment.bytes", () => {
    const { log } = new LogFixture({ settings: { "cleanup.policy": "compact" } });
    expect(log.appendAsLeader(body(), 0, "client")).toMatchObject({ error: Errors.INVALID_RECORD });
    expect(log.appendAsLeader(body({ key: "k" }), 0, "client").kind).toBe("appended");
    const small = new LogFixture({ settings: { "segment.bytes": 70 } }).log;
    expect(small.appendAsLeader(body({ count: 2 }), 0, "client")).toMatchObject({
      error: Errors.RECORD_LIST_TOO_LARGE,
    });
  });

  it("refuses a batch that its topic's compression makes too large", () => {
    const sent = body({ text: "x".repeat(100) });
    const limit = { "max.message.bytes": sent.sizeBytes };
    // The codec of a manual world only adds a mark.
    const { log } = new LogFixture({ settings: { ...limit, "compression.type": "gzip" } });
    expect(log.appendAsLeader(sent, 0, "client")).toMatchObject({
      error: Errors.MESSAGE_TOO_LARGE,
    });
    expect(log.endOffset).toBe(0);
    const asSent = new LogFixture({ settings: limit }).log;
    expect(asSent.appendAsLeader(sent, 0, "client").kind).toBe("appended");
  });

  it("stores another compression or time when the topic asks for it", () => {
    const { log } = new LogFixture({
      settings: { "compression.type": "gzip", "message.timestamp.type": "LogAppendTime" },
    });
    const given = body({ count: 2, producerId: 5, sequence: 7, timestamp: 1000 });
    const result = log.appendAsLeader(given, 0, "client");
    expect(result).toMatchObject({
      batch: { body: { compression: "gzip", hasAppendTime: true, producerId: 5, baseSequence: 7 } },
    });
    expect(log.offsetForTimestamp(START_MS, 2)).toEqual({
      offset: 0,
      timestamp: START_MS,
      leaderEpoch: 0,
    });
    // The time is the leader's to give, not the producer's.
    expect(log.appendAsLeader(withAppendTime(given, 1000), 0, "client")).toMatchObject({
      error: Errors.INVALID_TIMESTAMP,
    });
  });

  it("notes the epoch before the first record of it", () => {
    const { log, node } = new LogFixture();
    log.assignEpoch(2, 0);
    log.appendAsLeader(body(), 2, "client");
    log.assignEpoch(5, 1);
    log.assignEpoch(5, 1);
    expect(log.epochEntries()).toEqual([
      { epoch: 2, startOffset: 0 },
      { epoch: 5, startOffset: 1 },
    ]);
    expect(log.latestEpoch).toBe(5);
    expect(node.factsOf("epoch-assigned").map((fact) => fact.epoch)).toEqual([2, 5]);
  });
});

describe("appending as follower", () => {
  it("keeps the leader's offsets and epochs and stops at the first newer epoch", () => {
    const { log } = new LogFixture();
    const batches = [new Batch(0, 1, body()), new Batch(1, 2, body()), new Batch(2, 4, body())];
    expect(log.appendAsFollower(batches, 3)).toEqual({ kind: "appended", count: 2 });
    expect(log.endOffset).toBe(2);
    expect(log.epochEntries()).toEqual([
      { epoch: 1, startOffset: 0 },
      { epoch: 2, startOffset: 1 },
    ]);
    expect(log.appendAsFollower(batches.slice(2), 4)).toEqual({ kind: "appended", count: 1 });
  });

  it("refuses a whole answer when one batch of it is damaged or not in order", () => {
    const { log } = new LogFixture();
    const good = new Batch(0, 1, body());
    const bad = new Batch(1, 1, damaged(body()));
    expect(log.appendAsFollower([good, bad], 1)).toMatchObject({ error: Errors.CORRUPT_MESSAGE });
    expect(log.appendAsFollower([good, good], 1)).toMatchObject({
      error: Errors.UNKNOWN_SERVER_ERROR,
    });
    expect(log.endOffset).toBe(0);
  });
});

describe("reading", () => {
  it("gives whole batches below the bound, and one that exceeds the size only when asked to", () => {
    const { log } = new LogFixture();
    for (let index = 0; index < 5; index++) log.appendAsLeader(body({ count: 2 }), 0, "client");
    const size = body({ count: 2 }).sizeBytes;
    const offsets = (from: number, max: number, upTo: number, one: boolean): unknown => {
      const read = log.read(from, max, upTo, one);
      return "batches" in read ? read.batches.map((batch) => batch.baseOffset) : read.error;
    };
    expect(offsets(0, 1e6, 10, true)).toEqual([0, 2, 4, 6, 8]);
    expect(offsets(3, 1e6, 10, true)).toEqual([2, 4, 6, 8]);
    expect(offsets(0, 1e6, 5, true)).toEqual([0, 2]);
    expect(offsets(0, 2 * size, 10, false)).toEqual([0, 2]);
    expect(offsets(0, 1, 10, true)).toEqual([0]);
    expect(offsets(0, 1, 10, false)).toEqual([]);
    expect(offsets(10, 1e6, 10, true)).toEqual([]);
    expect(offsets(6, 1e6, 4, true)).toEqual([]);
    expect(offsets(11, 1e6, 20, true)).toBe(Errors.OFFSET_OUT_OF_RANGE);
    expect(offsets(-1, 1e6, 20, true)).toBe(Errors.OFFSET_OUT_OF_RANGE);
  });

  it("begins with the first batch that reaches the offset, also behind a gap", () => {
    const { log } = new LogFixture();
    log.appendAsFollower([new Batch(0, 1, body()), new Batch(5, 1, body())], 1);
    expect(log.read(3, 1e6, 6, true)).toMatchObject({ batches: [{ baseOffset: 5 }] });
    expect(log.read(3, 1e6, 5, true)).toMatchObject({ batches: [] });
  });

  it("stops before a batch that rotted on disk and says CORRUPT_MESSAGE at it", () => {
    const { log, node } = new LogFixture();
    for (let index = 0; index < 3; index++) log.appendAsLeader(body(), 0, "client");
    const chunks = node.disk.files.get(`${DIRECTORY}/${"0".repeat(20)}.log`)?.chunks ?? [];
    const rotten = (chunks[1]?.bytes() as Uint8Array).slice();
    rotten[rotten.length - 2] = (rotten[rotten.length - 2] as number) ^ 4;
    chunks[1] = { sizeBytes: rotten.length, bytes: () => rotten };
    expect(log.read(0, 1e6, 3, true)).toMatchObject({ batches: [{ baseOffset: 0 }] });
    expect(log.read(1, 1e6, 3, true)).toEqual({ error: Errors.CORRUPT_MESSAGE });
    expect(log.read(2, 1e6, 3, true)).toMatchObject({ batches: [{ baseOffset: 2 }] });
  });

  it("finds the first record at or after a timestamp, also when times go back", () => {
    const { log } = new LogFixture({ settings: { "segment.bytes": 400 } });
    const times = [10, 50, 20, 40, 70, 60];
    for (const time of times) log.appendAsLeader(body({ count: 3, timestamp: time }), 0, "client");
    expect(log.offsetForTimestamp(0, 18)).toMatchObject({ offset: 0, timestamp: 10 });
    expect(log.offsetForTimestamp(12, 18)).toMatchObject({ offset: 2, timestamp: 12 });
    expect(log.offsetForTimestamp(13, 18)).toMatchObject({ offset: 3, timestamp: 50 });
    expect(log.offsetForTimestamp(53, 18)).toMatchObject({ offset: 12, timestamp: 70 });
    expect(log.offsetForTimestamp(53, 12)).toBeNull();
    expect(log.offsetForTimestamp(73, 18)).toBeNull();
  });
});

describe("rolling", () => {
  it("begins a segment when the next batch would not fit, and flushes the old one later", () => {
    const size = body().sizeBytes;
    const fixture = new LogFixture({ settings: { "segment.bytes": 2 * size } });
    const { log, node } = fixture;
    for (let index = 0; index < 5; index++) log.appendAsLeader(body(), 0, "client");
    expect(node.factsOf("segment-rolled").map((fact) => fact.baseOffset)).toEqual([2, 4]);
    expect(log.recoveryPoint).toBe(0);
    fixture.settle();
    expect(log.recoveryPoint).toBe(4);
    expect(node.factsOf("log-flushed").map((fact) => fact.upTo)).toEqual([2, 4]);
    expect(fixture.files(".snapshot")).toHaveLength(2);
  });

  it("begins a segment for time and for a full index", () => {
    const timed = new LogFixture({ settings: { "segment.ms": 1000 } });
    timed.log.appendAsLeader(body({ timestamp: START_MS }), 0, "client");
    timed.log.appendAsLeader(body({ timestamp: START_MS + 1000 }), 0, "client");
    timed.log.appendAsLeader(body({ timestamp: START_MS + 1001 }), 0, "client");
    expect(timed.files(".log")).toHaveLength(2);
    const indexed = new LogFixture({
      settings: { "segment.index.bytes": 24, "index.interval.bytes": 1 },
    });
    for (let index = 0; index < 6; index++) {
      indexed.log.appendAsLeader(body({ timestamp: START_MS + index }), 0, "client");
    }
    // The first batch of a segment has no entry, and of two places the time index keeps one free.
    expect(indexed.files(".log").map((name) => Number(name.slice(0, 20)))).toEqual([0, 2, 4]);
  });

  it("flushes after flush.messages, and flush.ms after an append", () => {
    const counted = new LogFixture({ settings: { "flush.messages": 2 } });
    counted.log.appendAsLeader(body(), 0, "client");
    expect(counted.log.recoveryPoint).toBe(0);
    counted.log.appendAsLeader(body(), 0, "client");
    expect(counted.log.recoveryPoint).toBe(2);
    const timed = new LogFixture({ settings: { "flush.ms": 50 } });
    timed.log.appendAsLeader(body(), 0, "client");
    timed.settle(49);
    expect(timed.log.recoveryPoint).toBe(0);
    timed.settle(1);
    expect(timed.log.recoveryPoint).toBe(1);
  });
});

describe("truncating", () => {
  function filled(): LogFixture {
    const fixture = new LogFixture({ settings: { "segment.bytes": 4 * body().sizeBytes } });
    for (let epoch = 0; epoch < 3; epoch++) {
      fixture.log.assignEpoch(epoch, fixture.log.endOffset);
      for (let index = 0; index < 3; index++) {
        fixture.log.appendAsLeader(
          body({ producerId: 9, sequence: fixture.log.endOffset }),
          epoch,
          "client",
        );
      }
    }
    fixture.settle();
    return fixture;
  }

  it("cuts records, segments, epochs, producers, recovery point and high watermark", () => {
    const { log, node } = filled();
    log.flush();
    log.setHighWatermark(7);
    log.truncateTo(4, "diverging", 3);
    expect(log.endOffset).toBe(4);
    expect(log.highWatermark).toBe(4);
    expect(log.recoveryPoint).toBe(4);
    expect(log.epochEntries()).toEqual([
      { epoch: 0, startOffset: 0 },
      { epoch: 1, startOffset: 3 },
    ]);
    expect(log.producers()[0]?.batches.at(-1)?.lastSequence).toBe(3);
    expect(node.factsOf("truncated")).toMatchObject([
      { fromOffset: 9, toOffset: 4, highWatermark: 7, epochsCut: 2, why: "diverging" },
    ]);
    expect(log.appendAsLeader(body({ producerId: 9, sequence: 4 }), 3, "client").kind).toBe(
      "appended",
    );
  });

  it("removes an epoch without data at the end, and nothing else, when the log is no longer", () => {
    const fixture = filled();
    const { log } = fixture;
    log.assignEpoch(7, 9);
    log.truncateTo(9, "diverging", 8);
    expect(log.endOffset).toBe(9);
    expect(log.latestEpoch).toBe(2);
    log.truncateTo(20, "diverging", 8);
    expect(log.latestEpoch).toBe(2);
    fixture.settle();
    expect(fixture.restart(false).latestEpoch).toBe(2);
  });

  it("starts over at an offset with nothing left but that offset", () => {
    const fixture = filled();
    const { log } = fixture;
    log.truncateFullyAndStartAt(50, 3);
    expect([log.logStartOffset, log.endOffset, log.highWatermark]).toEqual([50, 50, 50]);
    expect(log.epochEntries()).toEqual([]);
    expect(log.producers()).toEqual([]);
    expect(fixture.files(".log")).toEqual([`${"50".padStart(20, "0")}.log`]);
    expect(fixture.restart(false).endOffset).toBe(50);
  });

  it("keeps what is below a truncation when a crash comes right after it", () => {
    const fixture = filled();
    fixture.log.truncateTo(5, "diverging", 3);
    expect(fixture.restart(false).endOffset).toBe(5);
  });
});

describe("end offsets of epochs", () => {
  it("follow the table of KIP-101 and KIP-279", () => {
    const { log } = new LogFixture();
    for (const epoch of [1, 3, 3, 6]) log.appendAsLeader(body(), epoch, "client");
    // (1, 0), (3, 1), (6, 3), end 4.
    expect(log.endOffsetFor(-1)).toBeNull();
    expect(log.endOffsetFor(0)).toEqual({ epoch: 0, endOffset: 0 });
    expect(log.endOffsetFor(1)).toEqual({ epoch: 1, endOffset: 1 });
    expect(log.endOffsetFor(2)).toEqual({ epoch: 1, endOffset: 1 });
    expect(log.endOffsetFor(3)).toEqual({ epoch: 3, endOffset: 3 });
    expect(log.endOffsetFor(5)).toEqual({ epoch: 3, endOffset: 3 });
    expect(log.endOffsetFor(6)).toEqual({ epoch: 6, endOffset: 4 });
    expect(log.endOffsetFor(7)).toBeNull();
    expect([0, 1, 2, 3, 4].map((offset) => log.epochAt(offset))).toEqual([1, 3, 3, 6, 6]);
  });
});
