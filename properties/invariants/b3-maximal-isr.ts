import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B3, the maximal ISR covers the committed one: when the leader of the controller's epoch moves its
 * high watermark, it counted every member of the ISR that the controller has. So it cannot pass one
 * that could still be elected.
 *
 * Broken by: applying an ISR shrink before the controller confirmed it.
 *   1. leader A of ISR A, B, C proposes A, B   2. before the answer it commits without C
 */
export class MaximalIsr extends Check {
  readonly id = "B3";

  override readonly before: Handlers = {
    "high-watermark": (fact, moment) => {
      if (fact.as !== "leader") return;
      const { partition, highWatermark } = this.ghost.replica(fact.partition, moment);
      const { registration } = partition;
      if (registration === null || registration.leaderEpoch !== fact.leaderEpoch) return;
      if (fact.highWatermark <= highWatermark) return;
      for (const member of registration.isr) {
        this.evaluations += 1;
        if (member === moment.nodeId || fact.counted.includes(member)) continue;
        const message = `the high watermark went to ${fact.highWatermark} without broker ${member}, which is in the ISR`;
        this.fail(moment, message, fact.partition, fact.highWatermark);
      }
    },
  };
}
