/**
 * What a snapshot file holds (RecordsSnapshotWriter.java, KIP-630): a control batch with header, kraft
 * version and voters, then the state machine's records, then a control batch with the footer.
 */
import { assert } from "../assert.ts";
import { decodeMetadataRecord, encodeMetadataRecord } from "../metadata/codec.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { Codecs } from "../ports.ts";
import type { SnapshotId } from "../protocol/fetch-snapshot.ts";
import { Batch } from "../record/batch.ts";
import { decodeRecords, parseBatch } from "../record/decode.ts";
import type { NewRecord } from "../record/encode.ts";
import { encodeBatch } from "../record/encode.ts";
import type { ControlRecord, Voter } from "./control-records.ts";
import { decodeControlRecord, encodeControlRecord } from "./control-records.ts";

/** All that was committed below the end offset of its id. */
export interface SnapshotContent {
  readonly voters: readonly Voter[];
  readonly records: readonly MetadataRecord[];
  /** Of the last record that it covers, ms since 1970. */
  readonly timestampMs: number;
}

export interface DecodedSnapshot extends SnapshotContent {
  readonly hash: number;
}

/** BatchAccumulator.java writes batches of bounded size. */
const RECORDS_PER_BATCH = 512;
const NOT_IDEMPOTENT = {
  compression: "none",
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
} as const;

/** The batches of the file, in order. Equal content of equal id gives equal bytes. */
export function encodeSnapshot(
  id: SnapshotId,
  content: SnapshotContent,
  kRaftVersion: number,
  codecs: Codecs,
): readonly Batch[] {
  const { voters, records, timestampMs } = content;
  const batches: Batch[] = [];
  const add = (encoded: readonly NewRecord[], control: boolean): void => {
    const body = encodeBatch(encoded, { ...NOT_IDEMPOTENT, codecs, control });
    batches.push(new Batch(batches.at(-1)?.nextOffset ?? 0, id.epoch, body));
  };
  const addControl = (controls: readonly ControlRecord[]): void =>
    add(
      controls.map((record) => encodeControlRecord(record, timestampMs)),
      true,
    );
  addControl([
    { type: "SnapshotHeader", lastContainedLogTimestamp: timestampMs },
    { type: "KRaftVersion", kRaftVersion },
    { type: "Voters", voters },
  ]);
  for (let from = 0; from < records.length; from += RECORDS_PER_BATCH) {
    const piece = records.slice(from, from + RECORDS_PER_BATCH);
    add(
      piece.map((record) => ({
        timestamp: timestampMs,
        key: null,
        value: encodeMetadataRecord(record),
        headers: [],
      })),
      false,
    );
  }
  addControl([{ type: "SnapshotFooter" }]);
  return batches;
}

/** Of the batches of a snapshot: their CRCs, mixed. */
export function snapshotHash(batches: readonly Batch[]): number {
  let hash = 0;
  for (const { body } of batches) hash = (Math.imul(hash, 31) + body.crc) >>> 0;
  return hash;
}

/** The snapshot again; "damaged" when it is not whole, "unknown" when it has a record of no known kind. */
export function decodeSnapshot(
  bytes: Uint8Array,
  id: SnapshotId,
  codecs: Codecs,
): DecodedSnapshot | "damaged" | "unknown" {
  const batches = parseAll(bytes, id);
  if (batches === null) return "damaged";
  const controls: ControlRecord[] = [];
  const records: MetadataRecord[] = [];
  for (const batch of batches) {
    for (const encoded of decodeRecords(batch, codecs)) {
      if (batch.body.isControl) {
        const control = decodeControlRecord(encoded);
        if (control !== null) controls.push(control);
        continue;
      }
      const record = decodeMetadataRecord(encoded.value);
      if (record === null) return "unknown";
      records.push(record);
    }
  }
  const header = controls[0];
  if (header?.type !== "SnapshotHeader" || controls.at(-1)?.type !== "SnapshotFooter") {
    return "damaged";
  }
  const listed = controls.find((control) => control.type === "Voters");
  assert(listed !== undefined, "a snapshot lists the voters");
  return {
    voters: listed.voters,
    records,
    timestampMs: header.lastContainedLogTimestamp,
    hash: snapshotHash(batches),
  };
}

/** Null unless the bytes are whole batches, one behind the other. */
function parseAll(bytes: Uint8Array, id: SnapshotId): readonly Batch[] | null {
  const batches: Batch[] = [];
  let nextOffset = 0;
  for (let at = 0; at < bytes.length;) {
    const { batch } = parseBatch(bytes, at);
    if (batch === undefined) return null;
    if (batch.baseOffset !== nextOffset || batch.leaderEpoch !== id.epoch) return null;
    nextOffset = batch.nextOffset;
    at += batch.sizeBytes;
    batches.push(batch);
  }
  return batches;
}
