import type { Offset, PartitionName } from "../../core/ids.ts";
import type { BatchBody } from "../../core/record/batch.ts";
import type { CommittedLoss } from "../ghost/canon.ts";
import type { SentBatch } from "./send.ts";

/** Offsets [from, to) that a consumer passed without getting a record. */
export interface Gap {
  readonly client: string;
  readonly at: number;
  readonly from: Offset;
  readonly to: Offset;
}

/** Two clients were told different things about one offset, or one went back. */
export interface Conflict {
  readonly client: string;
  readonly at: number;
  readonly offset: Offset;
  readonly before: number;
  /** What was read there, where contents are in conflict. */
  readonly content: number;
}

/** What clients learned about one partition. */
export class PartitionHistory {
  readonly name: PartitionName;
  /** Content that a poll showed, by offset. */
  readonly read: (number | undefined)[] = [];
  readonly gaps: Gap[] = [];
  /** An offset was read again with another content; `before` is the first content. */
  readonly conflicts: Conflict[] = [];
  /** A poll went back although nobody had moved the position; `before` is the last offset. */
  readonly regressions: Conflict[] = [];
  /** From here on committed records were lost, so that offsets were given out again. */
  lostFrom: Offset = Infinity;
  /** The last of these losses. */
  lastLoss: CommittedLoss | null = null;
  readonly #sent: Map<number, SentBatch> = new Map();

  constructor(name: PartitionName) {
    this.name = name;
  }

  /** The batch that a client sent with exactly these bytes. */
  sentBatch(body: BatchBody): SentBatch | null {
    let batch = this.#sent.get(body.crc) ?? null;
    while (batch !== null && batch.body !== body && !sameHeader(batch.body, body)) {
      batch = batch.next;
    }
    return batch;
  }

  /** Some poll showed that content at that offset, be it before or after others were lost there. */
  wasRead(offset: Offset, content: number): boolean {
    if (this.read[offset] === content) return true;
    if (offset < this.lostFrom) return false;
    return this.conflicts.some((one) => one.offset === offset && one.content === content);
  }

  firstWithCrc(crc: number): SentBatch | null {
    return this.#sent.get(crc) ?? null;
  }

  remember(crc: number, batch: SentBatch): void {
    this.#sent.set(crc, batch);
  }

  sentBatches(): IterableIterator<SentBatch> {
    return this.#sent.values();
  }
}

/** The CRC covers header and records, so these few fields only guard against its collisions. */
function sameHeader(a: BatchBody, b: BatchBody): boolean {
  return (
    a.crc === b.crc &&
    a.encoded.length === b.encoded.length &&
    a.producerId === b.producerId &&
    a.producerEpoch === b.producerEpoch &&
    a.baseSequence === b.baseSequence &&
    a.recordsCount === b.recordsCount
  );
}
