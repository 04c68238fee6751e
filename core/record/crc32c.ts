/**
 * CRC-32C (Castagnoli), as record batches carry it (Crc32C.java). Eight tables take eight bytes a
 * step ("slicing by 8"): every batch of a run is summed once, so this is one of the hottest loops.
 */
const POLYNOMIAL = 0x82f63b78;

/** Table k holds the effect of a byte that is followed by k zero bytes. */
const tables: readonly Int32Array[] = makeTables();
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/** The CRC-32C of `bytes[from, to)`, as an unsigned 32-bit integer. */
export function crc32c(bytes: Uint8Array, from: number = 0, to: number = bytes.length): number {
  let crc = -1;
  let at = from;
  const end8 = to - 7;
  while (at < end8) {
    crc =
      (t7[(crc ^ (bytes[at] as number)) & 0xff] as number) ^
      (t6[((crc >>> 8) ^ (bytes[at + 1] as number)) & 0xff] as number) ^
      (t5[((crc >>> 16) ^ (bytes[at + 2] as number)) & 0xff] as number) ^
      (t4[((crc >>> 24) ^ (bytes[at + 3] as number)) & 0xff] as number) ^
      (t3[bytes[at + 4] as number] as number) ^
      (t2[bytes[at + 5] as number] as number) ^
      (t1[bytes[at + 6] as number] as number) ^
      (t0[bytes[at + 7] as number] as number);
    at += 8;
  }
  while (at < to) {
    crc = (t0[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
    at += 1;
  }
  return ~crc >>> 0;
}

function makeTables(): Int32Array[] {
  const made = Array.from({ length: 8 }, () => new Int32Array(256));
  const first = made[0] as Int32Array;
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? POLYNOMIAL ^ (crc >>> 1) : crc >>> 1;
    first[byte] = crc;
  }
  for (let byte = 0; byte < 256; byte++) {
    for (let k = 1; k < 8; k++) {
      const shorter = (made[k - 1] as Int32Array)[byte] as number;
      (made[k] as Int32Array)[byte] = (first[shorter & 0xff] as number) ^ (shorter >>> 8);
    }
  }
  return made;
}
