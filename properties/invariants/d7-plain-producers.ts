import type { Batch } from "../../core/record/batch.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { SendEntry } from "../history/send.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";

/**
 * D7, producers that are not idempotent: a batch is committed at most as often as it was sent. (Their
 * order is judged by D3 where one request is in flight at a time.)
 *
 * A second time is what idempotence is for: it is listed as a duplicate.
 *
 * Broken by: a leader that appends a batch twice.
 *   1. a batch is sent once   2. it is committed at offset 0 and at offset 1
 */
export class PlainProducers extends Check {
  readonly id = "D7";

  override committed(partition: PartitionGhost, batch: Batch, moment: Moment): void {
    if (partition.isMetadata || batch.body.producerId >= 0 || batch.body.isControl) return;
    const sent = this.context.history.partition(partition.name).sentBatch(batch.body);
    if (sent === null) return;
    for (const [index, entry] of sent.entries.entries()) {
      this.evaluations += 1;
      const { commits, attempts, sendId } = entry;
      if (commits <= attempts) {
        if (commits > 1) this.#listed(partition, entry, batch.baseOffset + index, moment);
        continue;
      }
      const message = `${sendId} left its client ${attempts} times and is committed ${commits} times`;
      this.fail(moment, message, partition.name, batch.baseOffset + index);
    }
  }

  #listed(partition: PartitionGhost, entry: SendEntry, offset: number, moment: Moment): void {
    const { client, startedAt, sendId, committedAt: firstOffset } = entry;
    const faults = this.context.faults?.culprits([client, moment.node], startedAt, moment.at) ?? [];
    this.context.history.duplicates.push({
      topic: partition.topic,
      partition: partition.index,
      offset,
      firstOffset,
      sendId,
      cause: "retry",
      because: { setting: "enable.idempotence", value: false, faults },
    });
  }
}
