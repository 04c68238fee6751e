import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import { Batch } from "../record/batch.ts";
import { DedupRules } from "./dedup-rules.ts";
import { DIRECTORY, LogFixture, START_MS, body } from "./log.testkit.ts";
import type { PartitionLog } from "./partition-log.ts";
import { decodeSnapshot, encodeSnapshot } from "./producer-snapshot.ts";

const { OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, NONE } = Errors;

function send(
  log: PartitionLog,
  sequence: number,
  epoch: number = 0,
  count: number = 1,
): ErrorCode {
  const given = body({ producerId: 7, epoch, sequence, count });
  const result = log.appendAsLeader(given, 0, "client");
  return result.kind === "refused" ? result.error : NONE;
}

describe("idempotence", () => {
  it("recognises a producer's last five batches by both sequences and tells their offsets", () => {
    const { log } = new LogFixture();
    for (let index = 0; index < 6; index++) expect(send(log, 2 * index, 0, 2)).toBe(NONE);
    const retry = (sequence: number, count: number): unknown =>
      log.appendAsLeader(body({ producerId: 7, sequence, count }), 0, "client");
    expect(retry(10, 2)).toEqual({ kind: "duplicate", baseOffset: 10, lastOffset: 11 });
    expect(retry(2, 2)).toEqual({ kind: "duplicate", baseOffset: 2, lastOffset: 3 });
    expect(retry(0, 2)).toEqual({ kind: "refused", error: OUT_OF_ORDER_SEQUENCE_NUMBER });
    expect(retry(10, 1)).toEqual({ kind: "refused", error: OUT_OF_ORDER_SEQUENCE_NUMBER });
    expect(log.endOffset).toBe(12);
  });

  it("accepts any first sequence of an unknown producer, then only the next one", () => {
    const { log } = new LogFixture();
    expect(send(log, 41)).toBe(NONE);
    expect(send(log, 43)).toBe(OUT_OF_ORDER_SEQUENCE_NUMBER);
    expect(send(log, 42)).toBe(NONE);
  });

  it("begins a new producer epoch at 0, forgets the old one's batches and refuses it", () => {
    const { log } = new LogFixture();
    send(log, 0);
    send(log, 1);
    expect(send(log, 2, 1)).toBe(OUT_OF_ORDER_SEQUENCE_NUMBER);
    expect(send(log, 0, 1)).toBe(NONE);
    expect(send(log, 1, 0)).toBe(INVALID_PRODUCER_EPOCH);
    expect(log.producers()).toEqual([
      {
        producerId: 7,
        producerEpoch: 1,
        lastTimestamp: START_MS,
        batches: [{ firstSequence: 0, lastSequence: 0, lastOffset: 2 }],
      },
    ]);
  });

  it("goes on at 0 after sequence 2^31 - 1, also within a batch", () => {
    const { log } = new LogFixture();
    expect(send(log, 0x7ffffffe, 0, 3)).toBe(NONE);
    expect(send(log, 1)).toBe(NONE);
    expect(send(log, 0x7ffffffe, 0, 3)).toBe(NONE);
    expect(log.endOffset).toBe(4);
    const other = new LogFixture().log;
    expect(send(other, 0x7fffffff)).toBe(NONE);
    expect(send(other, 0)).toBe(NONE);
  });

  it("is kept by followers, which do not refuse anything for it", () => {
    const { log } = new LogFixture();
    const batch = (offset: number, sequence: number): Batch =>
      new Batch(offset, 0, body({ producerId: 7, sequence }));
    expect(log.appendAsFollower([batch(0, 5), batch(1, 9)], 0)).toMatchObject({ count: 2 });
    expect(log.appendAsLeader(body({ producerId: 7, sequence: 9 }), 1, "client")).toEqual({
      kind: "duplicate",
      baseOffset: 1,
      lastOffset: 1,
    });
  });

  it("forgets producers that were silent for producer.id.expiration.ms", () => {
    const { log } = new LogFixture();
    send(log, 0);
    log.expireProducers(START_MS + 86399999);
    expect(log.producers()).toHaveLength(1);
    log.expireProducers(START_MS + 86400000);
    expect(log.producers()).toHaveLength(0);
  });
});

describe("snapshots", () => {
  it("keep a producer's last batch over a clean stop, and the log gives back the others", () => {
    const fixture = new LogFixture();
    for (let index = 0; index < 3; index++) send(fixture.log, index);
    fixture.log.close();
    expect(fixture.restart(true).producers()[0]?.batches).toHaveLength(1);
    expect(send(fixture.log, 2)).toBe(NONE);
    expect(fixture.log.endOffset).toBe(3);
    for (const path of fixture.node.disk.files.keys()) {
      if (path.endsWith(".snapshot")) fixture.node.disk.files.delete(path);
    }
    expect(fixture.restart(false).producers()[0]?.batches).toHaveLength(3);
  });

  it("are all that a clean stop leaves: without any, the log is not read", () => {
    const fixture = new LogFixture();
    for (let index = 0; index < 3; index++) send(fixture.log, index);
    fixture.log.close();
    for (const path of fixture.node.disk.files.keys()) {
      if (path.endsWith(".snapshot")) fixture.node.disk.files.delete(path);
    }
    expect(fixture.restart(true).producers()).toEqual([]);
    expect(fixture.log.endOffset).toBe(3);
  });

  it("are not missed where a segment without its index is recovered, also after a clean stop", () => {
    const fixture = new LogFixture();
    for (let index = 0; index < 3; index++) send(fixture.log, index);
    fixture.log.close();
    for (const path of fixture.node.disk.files.keys()) {
      if (path.endsWith(".snapshot") || path.endsWith(".index")) {
        fixture.node.disk.files.delete(path);
      }
    }
    expect(fixture.restart(true).producers()[0]?.batches).toHaveLength(3);
  });

  it("are passed over when they are torn", () => {
    const fixture = new LogFixture({ settings: { "segment.bytes": 2 * body().sizeBytes } });
    for (let index = 0; index < 5; index++) send(fixture.log, index);
    fixture.log.close();
    const newest = `${DIRECTORY}/${fixture.files(".snapshot").at(-1)}`;
    fixture.node.disk.files.get(newest)?.truncate(20);
    const log = fixture.restart(false);
    expect(log.producers()[0]?.batches.at(-1)).toMatchObject({ lastSequence: 4, lastOffset: 4 });
    expect(send(log, 5)).toBe(NONE);
  });

  it("read back what was written, and nothing from damaged bytes", () => {
    const entries = [
      {
        producerId: 2 ** 40,
        producerEpoch: 3,
        lastSequence: 1,
        lastOffset: 2 ** 45,
        offsetDelta: 2,
        lastTimestamp: START_MS,
      },
    ];
    const bytes = encodeSnapshot(entries);
    expect(decodeSnapshot(bytes)).toEqual(entries);
    expect(decodeSnapshot(encodeSnapshot([]))).toEqual([]);
    for (let at = 0; at < bytes.length; at++) {
      const rotten = bytes.slice();
      rotten[at] = (rotten[at] as number) ^ 0x10;
      expect(decodeSnapshot(rotten)).toBeNull();
      expect(decodeSnapshot(bytes.subarray(0, at))).toBeNull();
    }
  });
});

describe("rules of idempotence", () => {
  it("let a retry be appended again when sequences are not looked at", () => {
    const dedup = class extends DedupRules {
      override checksSequences(): boolean {
        return false;
      }
    };
    const { log } = new LogFixture({ rules: { dedup } });
    send(log, 0);
    send(log, 0);
    expect(log.endOffset).toBe(2);
  });

  it("say how many batches are remembered and whether followers remember any", () => {
    const dedup = class extends DedupRules {
      override rememberedBatches(): number {
        return 1;
      }
      override updatesState(role: "leader" | "follower"): boolean {
        return role === "leader";
      }
    };
    const { log } = new LogFixture({ rules: { dedup } });
    send(log, 0);
    send(log, 1);
    expect(send(log, 0)).toBe(OUT_OF_ORDER_SEQUENCE_NUMBER);
    log.appendAsFollower([new Batch(2, 0, body({ producerId: 8 }))], 0);
    expect(log.producers().map((entry) => entry.producerId)).toEqual([7]);
  });
});
