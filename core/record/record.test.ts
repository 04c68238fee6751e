import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Codecs } from "../ports.ts";
import { Batch } from "./batch.ts";
import { ByteSlab } from "./byte-slab.ts";
import { crc32c } from "./crc32c.ts";
import { crcIsValid, decodeRecords, parseBatch } from "./decode.ts";
import type { NewRecord } from "./encode.ts";
import { encodeBatch, withAppendTime, withProducerState } from "./encode.ts";
import { utf8Decode, utf8Encode } from "./utf8.ts";
import { RecordReader, sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from "./varint.ts";

/** "Compresses" by adding 1 to each byte. */
const codecs: Codecs = {
  compress: (_type, bytes) => bytes.map((byte) => byte + 1),
  decompress: (_type, bytes) => bytes.map((byte) => byte - 1),
};

const bytes = fc.uint8Array({ maxLength: 40 });
const record: fc.Arbitrary<NewRecord> = fc.record({
  timestamp: fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 }),
  key: fc.option(bytes, { nil: null }),
  value: fc.option(bytes, { nil: null }),
  headers: fc.array(fc.record({ key: fc.string(), value: fc.option(bytes, { nil: null }) }), {
    maxLength: 3,
  }),
});
const records = fc.array(record, { minLength: 1, maxLength: 8 });
const producer = fc.record({
  producerId: fc.integer({ min: 0, max: 2 ** 50 }),
  producerEpoch: fc.integer({ min: 0, max: 32767 }),
  baseSequence: fc.integer({ min: 0, max: 0x7fffffff }),
});

describe("crc32c", () => {
  it("gives the check value of the polynomial for 123456789", () => {
    expect(crc32c(utf8Encode("123456789"))).toBe(0xe3069283);
  });

  it("is the same for a span as for its copy, at every alignment and length", () => {
    const data = Uint8Array.from({ length: 64 }, (_, index) => (index * 37 + 11) & 0xff);
    for (let from = 0; from < 10; from++) {
      for (let to = from; to <= data.length; to++) {
        expect(crc32c(data, from, to)).toBe(crc32c(data.slice(from, to)));
      }
    }
  });
});

describe("varint", () => {
  it("reads back any 32-bit integer from as many bytes as announced", () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        const written = new Uint8Array(10);
        const end = writeVarint(written, 0, value);
        expect(end).toBe(sizeOfVarint(value));
        expect(new RecordReader(written, 0).varint()).toBe(value);
      }),
    );
  });

  it("reads back any integer below 2^52 from as many bytes as announced", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 - 1 }), (value) => {
        const written = new Uint8Array(10);
        const end = writeVarlong(written, 0, value);
        expect(end).toBe(sizeOfVarlong(value));
        expect(new RecordReader(written, 0).varint()).toBe(value);
      }),
    );
  });

  it("writes small 64-bit integers as Kafka does", () => {
    const written = new Uint8Array(10);
    expect(writeVarlong(written, 0, -2147483649)).toBe(5);
    expect([...written.subarray(0, 5)]).toEqual([0x81, 0x80, 0x80, 0x80, 0x10]);
  });
});

describe("utf8", () => {
  const platform = { encode: new TextEncoder(), decode: new TextDecoder("utf-8") };

  it("encodes every string as the platform does, lone surrogates included", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) }),
        ),
        (given) => {
          expect([...utf8Encode(given)]).toEqual([...platform.encode.encode(given)]);
        },
      ),
    );
  });

  it("decodes every byte string as the platform does, broken sequences included", () => {
    const nasty = fc.array(
      fc.oneof(fc.nat(255), fc.constantFrom(0xe0, 0xed, 0xf0, 0xf4, 0x80, 0xbf, 0xa0, 0xc2)),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(nasty, (given) => {
        const data = Uint8Array.from([0x61, ...given]);
        expect(utf8Decode(data)).toBe(platform.decode.decode(data));
      }),
      { numRuns: 500 },
    );
  });
});

describe("record batches", () => {
  it("decode to the records they were made of, whatever the compression", () => {
    fc.assert(
      fc.property(
        records,
        producer,
        fc.constantFrom("none" as const, "gzip" as const),
        fc.nat(1e9),
        (given, state, compression, baseOffset) => {
          const body = encodeBatch(given, { ...state, compression, codecs });
          const decoded = decodeRecords(new Batch(baseOffset, 3, body), codecs);
          expect(decoded).toEqual(
            given.map((item, index) => ({ ...item, offset: baseOffset + index })),
          );
          expect(body.maxTimestamp).toBe(Math.max(...given.map((item) => item.timestamp)));
        },
      ),
    );
  });

  it("are parsed from their stamped bytes to the same body, offset and epoch", () => {
    fc.assert(
      fc.property(records, producer, fc.nat(2 ** 40), fc.nat(1e6), (given, state, base, epoch) => {
        const slab = new ByteSlab();
        const body = encodeBatch(given, { ...state, compression: "none", codecs, slab });
        const { batch } = parseBatch(new Batch(base, epoch, body).bytes(), 0);
        expect(batch?.baseOffset).toBe(base);
        expect(batch?.leaderEpoch).toBe(epoch);
        expect([...(batch?.body.encoded ?? [])]).toEqual([...body.encoded]);
        expect(batch?.body.producerId).toBe(state.producerId);
        expect(batch?.body.lastSequence).toBe(body.lastSequence);
      }),
    );
  });

  it("are refused with one bit turned over behind the CRC, and when they are cut short", () => {
    const options = { producerId: 7, producerEpoch: 0, baseSequence: 5, codecs };
    fc.assert(
      fc.property(records, fc.nat(), fc.nat(7), (given, at, bit) => {
        const body = encodeBatch(given, { ...options, compression: "none" });
        const whole = new Batch(9, 1, body).bytes();
        const position = 21 + (at % (whole.length - 21));
        const rotten = whole.slice();
        rotten[position] = (rotten[position] as number) ^ (1 << bit);
        expect(parseBatch(rotten, 0).error).toBe("bad-crc");
        expect(parseBatch(whole.subarray(0, position), 0).error).toBe("too-short");
      }),
    );
  });

  it("keep their records under another producer epoch, with a CRC that holds", () => {
    fc.assert(
      fc.property(records, producer, (given, state) => {
        const plain = { producerId: 1, producerEpoch: 0, baseSequence: 0, codecs };
        const body = encodeBatch(given, { ...plain, compression: "none" });
        const { producerId, producerEpoch, baseSequence } = state;
        const bumped = withProducerState(body, producerId, producerEpoch, baseSequence);
        const direct = encodeBatch(given, { ...state, compression: "none", codecs });
        expect([...bumped.encoded]).toEqual([...direct.encoded]);
        expect(crcIsValid(bumped)).toBe(true);
        expect(body.producerEpoch).toBe(0);
      }),
    );
  });

  it("take the append time for all their records", () => {
    const given = [5, 3].map((timestamp) => ({ timestamp, key: null, value: null, headers: [] }));
    const options = { producerId: -1, producerEpoch: -1, baseSequence: -1, codecs };
    const body = withAppendTime(encodeBatch(given, { ...options, compression: "none" }), 99);
    const { batch } = parseBatch(new Batch(0, 0, body).bytes(), 0);
    expect(batch?.body.maxTimestamp).toBe(99);
    expect(decodeRecords(batch as Batch, codecs).map((item) => item.timestamp)).toEqual([99, 99]);
  });

  it("wrap their last sequence at 2^31 - 1", () => {
    const given = [1, 2, 3].map((timestamp) => ({
      timestamp,
      key: null,
      value: null,
      headers: [],
    }));
    const options = { producerId: 1, producerEpoch: 0, codecs, compression: "none" as const };
    expect(encodeBatch(given, { ...options, baseSequence: 0x7fffffff }).lastSequence).toBe(1);
    expect(encodeBatch(given, { ...options, baseSequence: 0x7ffffffd }).lastSequence).toBe(
      0x7fffffff,
    );
  });
});

describe("ByteSlab", () => {
  it("gives spans that never overlap", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40000 }), { maxLength: 20 }), (sizes) => {
        const slab = new ByteSlab();
        const spans = sizes.map((size) => slab.take(size));
        spans.forEach((span, index) => span.fill(index + 1));
        spans.forEach((span, index) => {
          expect(span.length).toBe(sizes[index]);
          expect(span.every((byte) => byte === index + 1)).toBe(true);
        });
      }),
      { numRuns: 20 },
    );
  });
});
