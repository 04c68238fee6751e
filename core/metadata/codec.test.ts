import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMetadataRecord, encodeMetadataRecord, encodeVersioned } from "./codec.ts";
import type { MetadataRecord } from "./records.ts";

const id = fc.integer({ min: -1, max: 1000 });
const ids = fc.array(id, { maxLength: 5 });
const nullable = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(one, { nil: null });

const record: fc.Arbitrary<MetadataRecord> = fc.oneof(
  fc.record({
    type: fc.constant("Config" as const),
    resourceType: id,
    resourceName: fc.string({ unit: "grapheme" }),
    name: fc.string(),
    value: nullable(fc.string({ unit: "grapheme" })),
  }),
  fc.record({
    type: fc.constant("PartitionChange" as const),
    topicId: fc.string(),
    partitionId: id,
    isr: nullable(ids),
    leader: nullable(id),
    leaderRecoveryState: fc.constantFrom(null, 0 as const, 1 as const),
  }),
  fc.record({
    type: fc.constant("ProducerIds" as const),
    brokerId: id,
    brokerEpoch: fc.nat(Number.MAX_SAFE_INTEGER),
    nextProducerId: fc.nat(Number.MAX_SAFE_INTEGER),
  }),
);

describe("metadata records", () => {
  it("are decoded as they were encoded", () => {
    fc.assert(
      fc.property(record, (one) => {
        expect(decodeMetadataRecord(encodeMetadataRecord(one))).toEqual(one);
      }),
    );
  });

  it("of another version or type are not understood", () => {
    const bytes = encodeMetadataRecord({ type: "NoOp" });
    bytes[0] = 2;
    expect(decodeMetadataRecord(bytes)).toBeNull();
    expect(decodeMetadataRecord(encodeVersioned({ type: "Future" }))).toBeNull();
    expect(decodeMetadataRecord(encodeVersioned({ type: "toString" }))).toBeNull();
    expect(decodeMetadataRecord(null)).toBeNull();
  });
});
