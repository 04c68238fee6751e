import { sameBatch } from "../ghost/ghost-log.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * A3, append only: nothing below the end of a log changes except by truncation. An append below the
 * end rewrites what is there; and what a disk holds when a process starts are the batches that were
 * appended, for as far as it goes.
 *
 * Broken by: a follower that skips the check of the base offset and writes over its tail.
 *   1. the log holds offsets 0 .. 4   2. a batch with base offset 3 is appended without truncation
 */
export class AppendOnly extends Check {
  readonly id = "A3";

  override readonly before: Handlers = {
    appended: (fact, moment) => {
      const { end } = this.ghost.replica(fact.partition, moment).log;
      const { baseOffset } = fact.batch;
      this.evaluations += 1;
      if (baseOffset >= end) return;
      const message = `a batch at offset ${baseOffset} was appended below the end ${end} of the log`;
      this.fail(moment, message, fact.partition, baseOffset);
    },
    "log-loaded": (fact, moment) => {
      const replica = this.ghost.replica(fact.partition, moment);
      const scan = replica.node.scans.get(fact.partition);
      if (scan === undefined) return;
      for (const batch of scan.batches(true)) {
        const { baseOffset } = batch;
        if (baseOffset >= replica.log.end || baseOffset >= fact.endOffset) return;
        // Deleted segments may come back: a directory is not synced when files go (LogSegment.java).
        if (baseOffset < replica.log.start) continue;
        const known = replica.log.batchAt(baseOffset);
        this.evaluations += 1;
        if (known !== undefined && sameBatch(known, batch)) continue;
        const message = `the disk holds another batch at offset ${baseOffset} than was appended there`;
        this.fail(moment, message, fact.partition, baseOffset);
        return;
      }
    },
  };
}
