import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * A1, offset density: in a replica's log each batch begins right after the one before it. Nothing
 * removes batches from the middle as long as neither compaction nor transactions are built.
 *
 * Broken by: a follower that takes batches as they come without looking at their offsets.
 *   1. follower's log ends at 5   2. it appends a batch with base offset 7: offsets 5, 6 are a hole
 */
export class OffsetDensity extends Check {
  readonly id = "A1";

  override readonly before: Handlers = {
    appended: (fact, moment) => {
      const { end } = this.ghost.replica(fact.partition, moment).log;
      const { baseOffset } = fact.batch;
      this.evaluations += 1;
      if (baseOffset <= end) return;
      const message = `a batch at offset ${baseOffset} was appended to a log that ends at ${end}`;
      this.fail(moment, message, fact.partition, baseOffset);
    },
  };
}
