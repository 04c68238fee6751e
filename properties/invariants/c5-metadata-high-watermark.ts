import type { FactOf } from "../../core/facts.ts";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * C5, the high watermark of the metadata: it never falls in a process; and what a leader commits last
 * is a record of its own epoch, for only that keeps what came before from being replaced (Raft, 5.4.2).
 *
 * Broken by: a leader that commits by counting alone.
 *   1. K1, epoch 1, writes offset 9 to itself and dies   2. K3 leads in epoch 2 and dies   3. K1 leads in
 *   epoch 3, copies offset 9 to K2 and calls it committed   4. K3, last epoch 2, may still be elected
 */
export class MetadataHighWatermark extends Check {
  readonly id = "C5";

  override readonly before: Handlers = {
    "high-watermark": (fact, moment) => {
      if (fact.partition === METADATA_PARTITION) this.#judge(fact, moment);
    },
  };

  #judge(fact: FactOf<"high-watermark">, moment: Moment): void {
    const replica = this.ghost.replica(METADATA_PARTITION, moment);
    const { highWatermark } = fact;
    this.evaluations += 1;
    if (highWatermark < replica.highWatermark) {
      const message = `${moment.node}'s high watermark of the metadata fell from ${replica.highWatermark} to ${highWatermark}`;
      this.fail(moment, message, METADATA_PARTITION, highWatermark);
    }
    if (fact.as !== "leader") return;
    const last = replica.log.batchAt(highWatermark - 1);
    this.evaluations += 1;
    if (last?.leaderEpoch === fact.leaderEpoch) return;
    const message = `${moment.node}, leader of epoch ${fact.leaderEpoch}, committed up to offset ${highWatermark - 1} of epoch ${last?.leaderEpoch ?? -1}`;
    this.fail(moment, message, METADATA_PARTITION, highWatermark - 1);
  }
}
