/** Which bytes on a node's disk a checksum vouches for: only there does anybody notice rot. */
import type { DiskView } from "../../sim/disk/disk.ts";
import type { RotPlace } from "../../sim/faults/fault.ts";

const HEADER_BYTES = 61;
/** Of a batch: base offset, then length of what follows, then leader epoch, then magic, CRC and the rest. */
const LENGTH_AT = 8;
const LENGTH_END = 12;
const MAGIC_AT = 16;

/**
 * Files of record batches (logs, snapshots of the metadata) have a checksum for each, which covers neither
 * base offset nor length nor leader epoch; snapshots of producers have one for all. Checkpoints, indexes, the state of
 * the quorum and meta.properties have none.
 */
export function isChecked(disk: DiskView, { path, position }: RotPlace): boolean {
  if (path.endsWith(".snapshot")) return true;
  if (!path.endsWith(".log") && !path.endsWith(".checkpoint")) return false;
  const bytes = disk.content(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const sizeBytes = view.getInt32(at + LENGTH_AT) + LENGTH_END;
    if (sizeBytes < HEADER_BYTES) return true;
    if (position < at + sizeBytes) return position >= at + MAGIC_AT;
    at += sizeBytes;
  }
  return true;
}
