import type { FactOf } from "../../core/facts.ts";
import { decodeRecords } from "../../core/record/decode.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

const LATEST = -1;
const EARLIEST = -2;

/**
 * F7, listed offsets: earliest is the start of the log; latest is the high watermark, and is not
 * answered while that is below the start of the leader's epoch; a timestamp gives the first visible
 * record that is not older, or none.
 *
 * Broken by: looking a timestamp up in the whole log instead of below the high watermark.
 *   1. offset 4 has timestamp 9, high watermark 4   2. the leader answers offset 4 to timestamp 9
 */
export class ListedOffsets extends Check {
  readonly id = "F7";

  override readonly before: Handlers = {
    "offsets-listed": (fact, moment) => {
      const replica = this.ghost.replica(fact.partition, moment);
      const want = this.#expected(fact, replica);
      if (want === null) return;
      this.evaluations += 1;
      if (fact.offset !== want) {
        const message = `timestamp ${fact.timestamp} was answered with offset ${fact.offset} instead of ${want}`;
        this.fail(moment, message, fact.partition, fact.offset);
      } else if (fact.timestamp === LATEST && want < replica.epochStart) {
        const message = `latest was answered with ${want}, before the start ${replica.epochStart} of epoch ${fact.leaderEpoch}`;
        this.fail(moment, message, fact.partition, want);
      }
    },
  };

  /** Null for what is not judged. */
  #expected(fact: FactOf<"offsets-listed">, replica: ReplicaGhost): number | null {
    if (fact.timestamp === LATEST) return replica.highWatermark;
    if (fact.timestamp === EARLIEST) return replica.log.start;
    return fact.timestamp < 0 ? null : this.#firstNotOlder(replica, fact.timestamp);
  }

  #firstNotOlder(replica: ReplicaGhost, timestamp: number): number {
    for (const batch of replica.log.batches) {
      if (batch.baseOffset >= replica.highWatermark) break;
      if (batch.body.maxTimestamp < timestamp) continue;
      for (const record of decodeRecords(batch, this.context.codecs)) {
        if (record.timestamp < timestamp) continue;
        return record.offset < replica.highWatermark ? record.offset : -1;
      }
    }
    return -1;
  }
}
