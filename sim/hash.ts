/**
 * Integer hashing in two 32-bit lanes, without BigInt: draws, the trace and the hashes of plans are
 * made of it. The mixing steps are those of MurmurHash3; the constants must never change, since
 * stored hashes depend on them.
 */

const C1 = 0x85ebca6b | 0;
const C2 = 0xc2b2ae35 | 0;
const C3 = 0xcc9e2d51 | 0;
const C4 = 0x1b873593 | 0;

/** Spreads a 32-bit integer over all 32 bits (the finaliser of MurmurHash3). */
export function finish(h: number): number {
  h = Math.imul(h ^ (h >>> 16), C1);
  h = Math.imul(h ^ (h >>> 13), C2);
  return h ^ (h >>> 16);
}

/** One step of the first lane. */
export function stepA(h: number, value: number): number {
  let k = Math.imul(value, C3);
  k = (k << 15) | (k >>> 17);
  h ^= Math.imul(k, C4);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

/** One step of the second lane: another rotation and other constants, so that they do not agree. */
export function stepB(h: number, value: number): number {
  let k = Math.imul(value, C1);
  k = (k << 16) | (k >>> 16);
  h ^= Math.imul(k, C2);
  h = (h << 17) | (h >>> 15);
  return (Math.imul(h, 9) + 0x38495ab5) | 0;
}

/** A 32-bit hash of a name. */
export function hashString(text: string): number {
  let h = text.length | 0;
  for (let i = 0; i < text.length; i++) h = stepA(h, text.charCodeAt(i));
  return finish(h);
}

/** Combines two 32-bit hashes; the order counts. */
export function combine(a: number, b: number): number {
  return finish(stepA(stepA(0x2545f491, a), b));
}

/** A 64-bit hash of a text as 16 hex digits, the same on every machine. */
export function stableHash(text: string): string {
  let a = 0x6a09e667 | 0;
  let b = 0xbb67ae85 | 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = stepA(a, unit);
    b = stepB(b, unit ^ (a >>> 7));
  }
  return hex64(finish(a ^ text.length), finish(b ^ a));
}

/** Two 32-bit integers as 16 hex digits. */
export function hex64(high: number, low: number): string {
  return hex32(high) + hex32(low);
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
