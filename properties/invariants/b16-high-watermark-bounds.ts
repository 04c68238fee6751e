import type { FactOf } from "../../core/facts.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B16, bounds of the high watermark: it lies within the log, everywhere; a follower's is not beyond
 * the highest that leaders told it (or that it started with), and no leader tells more than a leader
 * ever had. A follower's may fall.
 *
 * Broken by: a follower that takes the end of its log for the high watermark.
 *   1. the leader says 3   2. the follower appends up to 5 and sets its high watermark to 5
 */
export class HighWatermarkBounds extends Check {
  readonly id = "B16";

  override readonly before: Handlers = {
    "high-watermark": (fact, moment) => this.#judge(fact, moment),
    "log-loaded": (fact, moment) => {
      this.evaluations += 1;
      if (fact.highWatermark >= fact.logStartOffset && fact.highWatermark <= fact.endOffset) return;
      const message = `a log from ${fact.logStartOffset} to ${fact.endOffset} opened with high watermark ${fact.highWatermark}`;
      this.fail(moment, message, fact.partition, fact.highWatermark);
    },
  };

  #judge(fact: FactOf<"high-watermark">, moment: Moment): void {
    const replica = this.ghost.replica(fact.partition, moment);
    const { highWatermark, partition } = fact;
    const { log } = replica;
    this.evaluations += 1;
    if (highWatermark < log.start || highWatermark > log.end) {
      const message = `the high watermark ${highWatermark} is outside the log, ${log.start} to ${log.end}`;
      this.fail(moment, message, partition, highWatermark);
    }
    if (fact.as === "leader" || replica.partition.isMetadata) return;
    this.evaluations += 2;
    if (highWatermark > Math.max(fact.told, replica.toldHighWatermark)) {
      const message = `a follower's high watermark is ${highWatermark}, leaders told it ${fact.told} at most`;
      this.fail(moment, message, partition, highWatermark);
    }
    const { trueHighWatermark } = replica.partition.canonOf(fact.leaderEpoch);
    if (fact.told <= trueHighWatermark) return;
    const message = `a follower was told the high watermark ${fact.told}, no leader had more than ${trueHighWatermark}`;
    this.fail(moment, message, partition, fact.told);
  }
}
