import type { FactOf } from "../../core/facts.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B4, high watermark safety: a leader moves its high watermark to h only if each replica that it
 * counts has fetched from h or beyond since its uninterrupted leadership began, its own log reaches
 * h, and the ISR that it knows to be committed is not smaller than the effective min.insync.replicas.
 *
 * Broken by: moving the high watermark although the ISR is below the minimum.
 *   1. min.insync.replicas is 2, the ISR is A   2. A appends offset 0 for acks=1
 *   3. its high watermark goes to 1, consumers see what an unclean election will drop
 */
export class HighWatermarkSafety extends Check {
  readonly id = "B4";

  override readonly before: Handlers = {
    "high-watermark": (fact, moment) => {
      if (fact.as !== "leader") return;
      const replica = this.ghost.replica(fact.partition, moment);
      if (replica.partition.isMetadata || fact.highWatermark <= replica.highWatermark) return;
      this.#judge(fact, replica, moment);
    },
  };

  #judge(fact: FactOf<"high-watermark">, replica: ReplicaGhost, moment: Moment): void {
    const { highWatermark } = fact;
    this.evaluations += 2;
    if (highWatermark > replica.log.end) {
      const message = `the high watermark went to ${highWatermark}, beyond the log's end ${replica.log.end}`;
      this.fail(moment, message, fact.partition, highWatermark);
    }
    const { believedIsr, believedReplicas, partition } = replica;
    const minIsr = this.ghost.effectiveMinIsr(partition, believedReplicas.length);
    if (believedIsr.length < minIsr) {
      const message = `the high watermark went to ${highWatermark} with an ISR of ${believedIsr.length}, fewer than ${minIsr}`;
      this.fail(moment, message, fact.partition, highWatermark);
    }
    for (const follower of fact.counted) {
      if (follower === moment.nodeId) continue;
      this.evaluations += 1;
      const furthest = replica.fetches[follower]?.furthest ?? -1;
      if (furthest >= highWatermark) continue;
      const told = furthest === -1 ? "never fetched" : `fetched only from ${furthest}`;
      const message = `the high watermark went to ${highWatermark}, but broker ${follower} ${told}`;
      this.fail(moment, message, fact.partition, highWatermark);
    }
  }
}
