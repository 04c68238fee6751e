import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";
import { producerDifference } from "./producer-state.ts";

/**
 * D6, producer state: what a new leader remembers of producers is what its log says: id, epoch, last
 * batch and timestamp; and of the batches before that a suffix of the last five.
 *
 * Broken by: followers that do not keep producer state of what they replicate.
 *   1. A appends a batch and dies before its answer   2. B leads and knows nothing of the producer
 *   3. the retry is appended a second time
 */
export class ProducerState extends Check {
  readonly id = "D6";

  override readonly after: Handlers = {
    "became-leader": (fact, moment) => {
      const replica = this.ghost.replica(fact.partition, moment);
      const { startMs, producerIdExpirationMs } = this.context;
      const nowMs = startMs + moment.at / 1000;
      this.evaluations += 1;
      const wrong = producerDifference(replica, fact.producers, nowMs, producerIdExpirationMs);
      if (wrong === null) return;
      const message = `the leader of epoch ${fact.leaderEpoch} is wrong about ${wrong}`;
      this.fail(moment, message, fact.partition, fact.endOffset);
    },
  };
}
