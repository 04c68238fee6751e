/**
 * A number for the content of a record (key and value), so that histories of millions of records fit
 * in memory. 53 bits: two different records share it once in some 10^15 pairs.
 */
export function contentHash(key: Uint8Array | null, value: Uint8Array | null): number {
  let high = 0x811c9dc5;
  let low = 0x1b873593;
  if (key !== null) {
    for (let index = 0; index < key.length; index += 1) {
      const byte = key[index] as number;
      high = Math.imul(high ^ byte, 0x01000193);
      low = Math.imul(low ^ byte, 0x85ebca6b);
    }
    high ^= key.length + 1;
  }
  low = Math.imul(low ^ (low >>> 15) ^ 0xff51, 0xc2b2ae35);
  if (value !== null) {
    for (let index = 0; index < value.length; index += 1) {
      const byte = value[index] as number;
      high = Math.imul(high ^ byte, 0x01000193);
      low = Math.imul(low ^ byte, 0x85ebca6b);
    }
    low ^= value.length + 1;
  }
  high = Math.imul(high ^ (high >>> 15), 0x27d4eb2f);
  low = Math.imul(low ^ (low >>> 13), 0x165667b1);
  return ((high ^ (low >>> 7)) >>> 0) * 0x200000 + ((low ^ (high >>> 16)) >>> 11);
}

/** Whether two keys or two values are the same bytes. */
export function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === b) return true;
  if (a === null || b === null || a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}
