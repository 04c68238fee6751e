/** A partition of `__consumer_offsets` that commits, fails and changes hands when a test says so. */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { LeaderEpoch, Offset } from "../../ids.ts";
import type { LeaderAppend } from "../../log/append-outcome.ts";
import type { LogRead } from "../../log/local-log.ts";
import { Batch } from "../../record/batch.ts";
import type { BatchBody } from "../../record/batch.ts";
import { decodeRecords } from "../../record/decode.ts";
import type { PartitionListener } from "../../replication/partition.ts";
import { resolveSettings } from "../../settings/definition.ts";
import type { TopicSettings } from "../../settings/topic-settings.ts";
import { topicSettings } from "../../settings/topic-settings.ts";
import type { Codecs } from "../../ports.ts";
import type { CoordinatedLog, CoordinatedPartition } from "../coordinator/coordinated-partition.ts";
import type { StoredRecord } from "../records/coordinator-record.ts";
import { decodeStoredRecord } from "../records/coordinator-record.ts";

export class ManualPartition implements CoordinatedPartition {
  readonly name = "__consumer_offsets-0";
  isLeader = true;
  leaderEpoch: LeaderEpoch = 0;
  leadsSince: LeaderEpoch = 0;
  readonly log: ManualLog = new ManualLog();
  /** The next appends fail with it. */
  refuses: ErrorCode = Errors.NONE;
  /** Called after each append. */
  appended: () => void = () => undefined;
  readonly #listeners: PartitionListener[] = [];

  appendLocally(body: BatchBody): LeaderAppend {
    if (!this.isLeader) return { kind: "refused", error: Errors.NOT_LEADER_OR_FOLLOWER };
    if (this.refuses !== Errors.NONE) return { kind: "refused", error: this.refuses };
    if (body.sizeBytes > this.log.settings["max.message.bytes"]) {
      return { kind: "refused", error: Errors.MESSAGE_TOO_LARGE };
    }
    const batch = new Batch(this.log.endOffset, this.leaderEpoch, body);
    this.log.batches.push(batch);
    this.appended();
    return { kind: "appended", batch };
  }

  addListener(listener: PartitionListener): void {
    this.#listeners.push(listener);
  }

  removeListener(listener: PartitionListener): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }

  /** Others have all below `upTo`. */
  commit(upTo: Offset = this.log.endOffset): void {
    if (upTo <= this.log.highWatermark) return;
    this.log.highWatermark = upTo;
    for (const listener of [...this.#listeners]) listener.highWatermarkMoved(upTo);
  }

  /** Another broker led, and this one does again: what was not committed may be gone. */
  lead(epoch: LeaderEpoch, keepsUncommitted: boolean): void {
    if (!keepsUncommitted) {
      const { batches, highWatermark } = this.log;
      while ((batches[batches.length - 1]?.nextOffset ?? 0) > highWatermark) batches.pop();
    }
    this.isLeader = true;
    this.leaderEpoch = epoch;
    this.leadsSince = epoch;
  }

  records(codecs: Codecs, upTo: Offset = Infinity): StoredRecord[] {
    return this.log.batches.flatMap((batch) =>
      decodeRecords(batch, codecs)
        .filter(({ offset }) => offset < upTo)
        .map(({ key, value }) => {
          const decoded = decodeStoredRecord(key, value);
          if (decoded.kind !== "record") throw new Error(`a ${decoded.kind} record`);
          return decoded.record;
        }),
    );
  }
}

class ManualLog implements CoordinatedLog {
  readonly batches: Batch[] = [];
  readonly logStartOffset = 0;
  highWatermark = 0;
  settings: TopicSettings = resolveSettings(topicSettings, {});

  get endOffset(): Offset {
    return this.batches[this.batches.length - 1]?.nextOffset ?? 0;
  }

  /** The batch that begins at `from`. */
  read(from: Offset): LogRead {
    const batches = this.batches.filter(({ baseOffset }) => baseOffset === from);
    return { batches, sizeBytes: batches[0]?.sizeBytes ?? 0 };
  }
}
