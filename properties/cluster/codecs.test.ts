import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, it } from "vitest";
import { codecs } from "./codecs.ts";

const LIMIT = 1 << 24;

function gzip(bytes: Uint8Array): Uint8Array {
  return codecs.compress("gzip", bytes);
}

it("makes streams that zlib and the consumers' own decoder read back", () => {
  const repetitive = fc
    .array(
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 30 })),
    )
    .map((parts) =>
      Uint8Array.from(
        parts.flatMap(([part, n]) =>
          Array(n)
            .fill([...part])
            .flat(),
        ),
      ),
    );
  const property = fc.property(fc.oneof(fc.uint8Array(), repetitive), (bytes) => {
    const stream = gzip(bytes);
    expect(new Uint8Array(gunzipSync(stream))).toEqual(bytes);
    expect(codecs.decompress("gzip", stream, LIMIT)).toEqual(bytes);
  });
  fc.assert(property, { numRuns: 300 });
});

it("makes text of records smaller, and noise hardly larger", () => {
  const text = Buffer.from(
    Array.from({ length: 20 }, (_, n) => `{"order":${n},"state":"paid"}`).join(","),
  );
  expect(gzip(text).length).toBeLessThan(text.length / 2);
  const noise = Uint8Array.from({ length: 1000 }, (_, at) => Math.imul(at + 1, 0x9e3779b1) >>> 13);
  expect(gzip(noise).length).toBeLessThan(1.13 * noise.length + 40);
});

it("refuses what is no stream, and what would be too large", () => {
  expect(() => codecs.decompress("gzip", new Uint8Array(5), LIMIT)).toThrow("no stream");
  expect(() => codecs.decompress("gzip", gzip(new Uint8Array(100)), 99)).toThrow("exceed 99");
  const broken = gzip(Buffer.from("abcabcabcabc"));
  broken[10]! ^= 0xff;
  expect(() => codecs.decompress("gzip", broken, LIMIT)).toThrow(RangeError);
});
