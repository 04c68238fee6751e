import type { Offset } from "../ids.ts";
import type { PartitionLog } from "../log/partition-log.ts";
import { decodeMetadataRecord } from "../metadata/codec.ts";
import type { Ports } from "../ports.ts";
import { decodeRecords } from "../record/decode.ts";

const READ_BYTES = 1048576;

/**
 * Tells observers each metadata record at the very moment when its leader knows it to be committed:
 * a moment later a broker may have it, and the leader may be dead. A process that becomes leader
 * tells everything from the start again.
 */
export class CommitTeller {
  readonly #ports: Ports;
  #nextOffset: Offset = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** Tells what of `log` lies below its high watermark and was not told. */
  tell(log: PartitionLog): void {
    const { probe, codecs } = this.#ports;
    if (probe === null) return;
    const { highWatermark } = log;
    // What a snapshot has replaced was told by whoever committed it.
    this.#nextOffset = Math.max(this.#nextOffset, log.logStartOffset);
    while (this.#nextOffset < highWatermark) {
      const read = log.read(this.#nextOffset, READ_BYTES, highWatermark, true);
      if ("error" in read) {
        // A disk that has rotted is for its owner to judge; what lies behind is committed all the same.
        this.#nextOffset += 1;
        continue;
      }
      if (read.batches.length === 0) return;
      for (const batch of read.batches) {
        this.#nextOffset = batch.nextOffset;
        if (batch.body.isControl) continue;
        for (const { offset, value } of decodeRecords(batch, codecs)) {
          const record = decodeMetadataRecord(value);
          if (record === null) continue;
          const endsBatch = offset === batch.lastOffset;
          const epoch = batch.leaderEpoch;
          probe.emit({ kind: "metadata-committed", offset, epoch, record, endsBatch });
        }
      }
    }
  }
}
