import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import type { Codecs } from "../../core/ports.ts";
import { Batch } from "../../core/record/batch.ts";
import { decodeRecords, parseBatch } from "../../core/record/decode.ts";
import { encodeBatch } from "../../core/record/encode.ts";

/** What Kafka's own MemoryRecords made and read; byte strings are hex. */
interface GoldenBatch {
  readonly name: string;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly leaderEpoch: number;
  readonly crc: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly transactional: boolean;
  readonly control: boolean;
  readonly compression: "none" | "gzip";
  readonly maxTimestamp: number;
  readonly sizeInBytes: number;
  readonly records: readonly {
    readonly offset: number;
    readonly timestamp: number;
    readonly key: string | null;
    readonly value: string | null;
    readonly headers: readonly (readonly [string, string | null])[];
  }[];
  readonly bytes: string;
}

const goldens = JSON.parse(
  readFileSync(new URL("record-batches.json", import.meta.url), "utf8"),
) as GoldenBatch[];

const codecs: Codecs = {
  compress: (type, bytes) => (type === "gzip" ? gzipSync(bytes) : bytes),
  decompress: (type, bytes) => (type === "gzip" ? gunzipSync(bytes) : bytes),
};

function fromHex(hex: string | null): Uint8Array | null {
  return hex === null ? null : Uint8Array.from(Buffer.from(hex, "hex"));
}

function recordsOf(golden: GoldenBatch) {
  return golden.records.map(({ offset, timestamp, key, value, headers }) => ({
    offset,
    timestamp,
    key: fromHex(key),
    value: fromHex(value),
    headers: headers.map(([name, content]) => ({ key: name, value: fromHex(content) })),
  }));
}

describe("record batches made by Kafka's own Java code", () => {
  it("are 60, some of them gzip", () => {
    expect(goldens).toHaveLength(60);
    expect(goldens.filter((golden) => golden.compression === "gzip").length).toBeGreaterThan(3);
  });

  it.each(goldens.map((golden) => [golden.name, golden] as const))(
    "decode to the same fields and records (%s)",
    (_name, golden) => {
      const { batch } = parseBatch(fromHex(golden.bytes) as Uint8Array, 0);
      expect(batch).toBeInstanceOf(Batch);
      const { body } = batch as Batch;
      expect({
        baseOffset: batch?.baseOffset,
        lastOffset: batch?.lastOffset,
        leaderEpoch: batch?.leaderEpoch,
        crc: body.crc,
        producerId: body.producerId,
        producerEpoch: body.producerEpoch,
        baseSequence: body.baseSequence,
        transactional: body.isTransactional,
        control: body.isControl,
        compression: body.compression,
        maxTimestamp: body.maxTimestamp,
        sizeInBytes: body.sizeBytes,
      }).toEqual({
        baseOffset: golden.baseOffset,
        lastOffset: golden.lastOffset,
        leaderEpoch: golden.leaderEpoch,
        crc: golden.crc,
        producerId: golden.producerId,
        producerEpoch: golden.producerEpoch,
        baseSequence: golden.baseSequence,
        transactional: golden.transactional,
        control: golden.control,
        compression: golden.compression,
        maxTimestamp: golden.maxTimestamp,
        sizeInBytes: golden.sizeInBytes,
      });
      expect(decodeRecords(batch as Batch, codecs)).toEqual(recordsOf(golden));
      // Stamped again they are the very bytes that Java wrote.
      expect([...(batch as Batch).bytes()]).toEqual([...(fromHex(golden.bytes) as Uint8Array)]);
    },
  );

  it.each(
    goldens
      .filter((golden) => golden.compression === "none")
      .map((golden) => [golden.name, golden] as const),
  )("are encoded to the same bytes (%s)", (_name, golden) => {
    const body = encodeBatch(recordsOf(golden), { ...golden, codecs });
    const bytes = new Batch(golden.baseOffset, golden.leaderEpoch, body).bytes();
    expect(Buffer.from(bytes).toString("hex")).toBe(golden.bytes);
  });
});
