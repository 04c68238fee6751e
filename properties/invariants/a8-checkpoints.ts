import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";
import { producerDifference } from "./producer-state.ts";

/**
 * A8, checkpoints: once a log is open, its recovery point and its high watermark lie within it, and
 * what its producer snapshot plus replay gave is what the log says. (The checkpoint files themselves
 * may be ahead of a log that lost its tail.)
 *
 * Broken by: a high watermark checkpoint that is not clamped to the recovered log.
 *   1. checkpoint 9 is written   2. power loss keeps offsets 0 .. 4   3. the log opens with 9
 */
export class Checkpoints extends Check {
  readonly id = "A8";

  override readonly after: Handlers = {
    "log-loaded": (fact, moment) => {
      const { logStartOffset, recoveryPoint, highWatermark, endOffset } = fact;
      this.evaluations += 1;
      if (
        recoveryPoint > endOffset ||
        highWatermark > endOffset ||
        highWatermark < logStartOffset
      ) {
        const message = `a log from ${logStartOffset} to ${endOffset} opened with recovery point ${recoveryPoint} and high watermark ${highWatermark}`;
        this.fail(moment, message, fact.partition, endOffset);
      }
      const replica = this.ghost.replica(fact.partition, moment);
      const { startMs, producerIdExpirationMs } = this.context;
      const nowMs = startMs + moment.at / 1000;
      this.evaluations += 1;
      const wrong = producerDifference(replica, fact.producers, nowMs, producerIdExpirationMs);
      if (wrong !== null) this.fail(moment, `after recovery, ${wrong}`, fact.partition, endOffset);
    },
  };
}
