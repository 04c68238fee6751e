/** The bytes of `__consumer_offsets`. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RecordWriter } from "./bytes.ts";
import type { StoredRecord } from "./coordinator-record.ts";
import { decodeStoredRecord, encodeStoredRecord } from "./coordinator-record.ts";

const text = fc.string({ unit: "binary", maxLength: 20 });
const int32 = fc.integer();
const int64 = fc.maxSafeInteger();
const bytes = fc.uint8Array({ maxLength: 40 });

const offset = fc.record({
  kind: fc.constant("offset" as const),
  group: text,
  topic: text,
  partition: int32,
  value: fc.option(
    fc.record({
      offset: int64,
      leaderEpoch: int32,
      metadata: text,
      commitTimestamp: int64,
      expireTimestamp: fc.constant(-1),
    }),
  ),
});

const member = fc.record({
  memberId: text,
  groupInstanceId: fc.option(text),
  clientId: text,
  clientHost: text,
  rebalanceTimeoutMs: fc.nat(),
  sessionTimeoutMs: fc.nat(),
  subscription: bytes,
  assignment: bytes,
});

const group = fc.record({
  kind: fc.constant("group" as const),
  group: text,
  value: fc.option(
    fc.record({
      protocolType: text,
      generation: int32,
      protocol: fc.option(text),
      leader: fc.option(text),
      currentStateTimestamp: int64,
      members: fc.array(member, { maxLength: 4 }),
    }),
  ),
});

const anyRecord: fc.Arbitrary<StoredRecord> = fc.oneof(offset, group);

describe("a record of __consumer_offsets", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const encoded = encodeStoredRecord(record);
        expect(encoded).not.toBeNull();
        const decoded = decodeStoredRecord(encoded?.key ?? null, encoded?.value ?? null);
        expect(decoded).toEqual({ kind: "record", record });
      }),
    );
  });

  it("that was cut or has bytes too many is refused with what is wrong", () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(), fc.boolean(), (record, at, isLonger) => {
        const { key = null, value = null } = encodeStoredRecord(record) ?? {};
        const damage = (whole: Uint8Array): Uint8Array =>
          isLonger ? Uint8Array.of(...whole, 0) : whole.slice(0, at % whole.length);
        const damaged = value === null ? null : damage(value);
        if (key === null) throw new Error("a record has a key");
        const decoded =
          value === null ? decodeStoredRecord(damage(key), null) : decodeStoredRecord(key, damaged);
        expect(decoded.kind).toBe("bad");
      }),
    );
  });

  it("of any bytes is read, refused or unknown, and never throws", () => {
    fc.assert(
      fc.property(fc.option(bytes), fc.option(bytes), fc.nat(4), (key, value, version) => {
        const head = Uint8Array.of(0, version);
        const decoded = decodeStoredRecord(
          key === null ? null : Uint8Array.of(...head, ...key),
          value === null ? null : Uint8Array.of(0, version, ...value),
        );
        expect(["record", "bad", "unknown"]).toContain(decoded.kind);
      }),
    );
  });

  it("has Kafka's bytes", () => {
    const record: StoredRecord = {
      kind: "offset",
      group: "g",
      topic: "to",
      partition: 3,
      value: {
        offset: 258,
        leaderEpoch: 7,
        metadata: "m",
        commitTimestamp: 1,
        expireTimestamp: -1,
      },
    };
    const encoded = encodeStoredRecord(record);
    expect(hex(encoded?.key)).toBe("0001" + "0001" + "67" + "0002" + "746f" + "00000003");
    expect(hex(encoded?.value)).toBe(
      "0003" + "0000000000000102" + "00000007" + "0001" + "6d" + "0000000000000001",
    );
    const members = [
      {
        memberId: "a",
        groupInstanceId: null,
        clientId: "c",
        clientHost: "h",
        rebalanceTimeoutMs: 2,
        sessionTimeoutMs: 1,
        subscription: Uint8Array.of(9),
        assignment: Uint8Array.of(),
      },
    ];
    const value = {
      protocolType: "consumer",
      generation: 5,
      protocol: "r",
      leader: "a",
      currentStateTimestamp: -1,
      members,
    };
    const metadata = encodeStoredRecord({ kind: "group", group: "g", value });
    expect(hex(metadata?.key)).toBe("0002" + "0001" + "67");
    expect(hex(metadata?.value)).toBe(
      ["0003", "0008636f6e73756d6572", "00000005", "000172", "000161", "ffffffffffffffff"].join(
        "",
      ) +
        ["00000001", "000161", "ffff", "000163", "000168", "00000002", "00000001"].join("") +
        ["00000001", "09", "00000000"].join(""),
    );
  });

  it("of older versions is understood", () => {
    const key = new RecordWriter().int16(0).text("g").text("t").int32(1).done();
    const expiring = new RecordWriter().int16(1).int64(5).text("m").int64(10).int64(20).done();
    expect(decodeStoredRecord(key, expiring)).toMatchObject({
      record: { value: { offset: 5, leaderEpoch: -1, commitTimestamp: 10, expireTimestamp: 20 } },
    });
    const group2 = new RecordWriter().int16(2).text("g").done();
    const oldest = new RecordWriter()
      .int16(0)
      .text("consumer")
      .int32(4)
      .text("range")
      .text("a")
      .int32(1);
    oldest.text("a").text("c").text("h").int32(6000).bytes(Uint8Array.of()).bytes(Uint8Array.of());
    expect(decodeStoredRecord(group2, oldest.done())).toMatchObject({
      record: {
        value: {
          generation: 4,
          currentStateTimestamp: -1,
          members: [{ groupInstanceId: null, rebalanceTimeoutMs: 6000, sessionTimeoutMs: 6000 }],
        },
      },
    });
  });

  it("of a later Kafka is unknown by its key, and bad by its value", () => {
    const later = new RecordWriter().int16(9).text("g").done();
    expect(decodeStoredRecord(later, null)).toEqual({ kind: "unknown", version: 9 });
    const key = new RecordWriter().int16(2).text("g").done();
    const value = new RecordWriter().int16(4).done();
    expect(decodeStoredRecord(key, value)).toEqual({
      kind: "bad",
      problem: "group g: a group of unknown version 4",
    });
  });

  it("with a text of more than 32767 bytes cannot be written", () => {
    expect(encodeStoredRecord({ kind: "group", group: "x".repeat(32768), value: null })).toBeNull();
  });
});

function hex(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? new Uint8Array(0)).toString("hex");
}
