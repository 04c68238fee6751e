import type { Batch } from "../../core/record/batch.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";

/**
 * D7, producers that are not idempotent: a batch is committed at most as often as it was sent. (Their
 * order is judged by D3 where one request is in flight at a time.)
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
      if (commits <= attempts) continue;
      const message = `${sendId} left its client ${attempts} times and is committed ${commits} times`;
      this.fail(moment, message, partition.name, batch.baseOffset + index);
    }
  }
}
