/**
 * The .snapshot files beside a log (ProducerStateManager.java, ProducerSnapshot.json): what each
 * producer last appended below the offset in the name, so that a start need not read the whole log.
 * Only a producer's last batch is kept: after a restart older ones are not recognised as duplicates.
 */
import type { Offset, ProducerEpoch, ProducerId, Sequence } from "../ids.ts";
import { crc32c } from "../record/crc32c.ts";
import { getInt64, setInt64 } from "../record/encode.ts";

export interface ProducerSnapshotEntry {
  readonly producerId: ProducerId;
  readonly producerEpoch: ProducerEpoch;
  /** -1 when the epoch has no batch. */
  readonly lastSequence: Sequence;
  readonly lastOffset: Offset;
  readonly offsetDelta: number;
  readonly lastTimestamp: number;
}

const VERSION = 1;
const CRC_AT = 2;
const ENTRIES_FROM = 10;
const ENTRY_BYTES = 46;
const NONE = -1;

export function encodeSnapshot(entries: readonly ProducerSnapshotEntry[]): Uint8Array {
  const bytes = new Uint8Array(ENTRIES_FROM + entries.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt16(0, VERSION);
  view.setInt32(6, entries.length);
  let at = ENTRIES_FROM;
  for (const entry of entries) {
    setInt64(view, at, entry.producerId);
    view.setInt16(at + 8, entry.producerEpoch);
    view.setInt32(at + 10, entry.lastSequence);
    setInt64(view, at + 14, entry.lastOffset);
    view.setInt32(at + 22, entry.offsetDelta);
    setInt64(view, at + 26, entry.lastTimestamp);
    // Coordinator epoch, and first offset of the open transaction: there are none.
    view.setInt32(at + 34, NONE);
    setInt64(view, at + 38, NONE);
    at += ENTRY_BYTES;
  }
  view.setUint32(CRC_AT, crc32c(bytes, CRC_AT + 4));
  return bytes;
}

/** The entries; null when the bytes are no whole snapshot. */
export function decodeSnapshot(bytes: Uint8Array): readonly ProducerSnapshotEntry[] | null {
  if (bytes.length < ENTRIES_FROM) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getInt32(6);
  if (view.getInt16(0) !== VERSION || bytes.length !== ENTRIES_FROM + count * ENTRY_BYTES) {
    return null;
  }
  if (view.getUint32(CRC_AT) !== crc32c(bytes, CRC_AT + 4)) return null;
  const entries: ProducerSnapshotEntry[] = [];
  for (let at = ENTRIES_FROM; at < bytes.length; at += ENTRY_BYTES) {
    entries.push({
      producerId: getInt64(view, at),
      producerEpoch: view.getInt16(at + 8),
      lastSequence: view.getInt32(at + 10),
      lastOffset: getInt64(view, at + 14),
      offsetDelta: view.getInt32(at + 22),
      lastTimestamp: getInt64(view, at + 26),
    });
  }
  return entries;
}
