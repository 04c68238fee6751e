import type { FactOf } from "../../core/facts.ts";
import type { LeaderEpoch } from "../../core/ids.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * A4, only followers truncate: a leader never cuts its log; and a replica that is running, online, in
 * the committed ISR and not struck by a fault never cuts what is below its own high watermark or
 * committed anywhere. Recovery at start is excepted.
 *
 * Broken by: truncation to the follower's high watermark on every new leader (before KIP-101).
 *   1. A, B, C hold offset 0, high watermark 1, which follower A has not heard yet
 *   2. leader C dies, B leads   3. A cuts its log to its own high watermark, 0
 */
export class Truncation extends Check {
  readonly id = "A4";

  override readonly before: Handlers = {
    truncated: (fact, moment) => {
      if (fact.why !== "recovery") this.#judge(fact, moment);
    },
  };

  #judge(fact: FactOf<"truncated">, moment: Moment): void {
    const replica = this.ghost.replica(fact.partition, moment);
    const { partition, log } = replica;
    if (fact.toOffset >= log.end) return;
    this.evaluations += 1;
    if (replica.role === "leader") {
      const message = `the leader of epoch ${replica.leaderEpoch} cut its log from ${log.end} to ${fact.toOffset}`;
      this.fail(moment, message, fact.partition, fact.toOffset);
      return;
    }
    if (partition.isMetadata || replica.struck || !partition.inCommittedIsr(moment.nodeId)) return;
    // An unclean election made it the only member, and it has not heard of that: it still does as the
    // leader before says, of whose ISR it was none.
    if (this.#electedUncleanly(partition, fact.leaderEpoch, moment)) return;
    // A deposed leader that has not heard of a loss counts by what was committed before.
    const { trueHighWatermark } = partition.canonOf(fact.leaderEpoch);
    const floor = Math.max(trueHighWatermark, replica.highWatermark);
    this.evaluations += 1;
    if (fact.toOffset >= floor) return;
    const message = `a member of the ISR cut its log from ${log.end} to ${fact.toOffset}, below the high watermark ${floor}`;
    this.fail(moment, message, fact.partition, fact.toOffset);
  }

  /** In an epoch after that one, up to the present. */
  #electedUncleanly(partition: PartitionGhost, after: LeaderEpoch, { nodeId }: Moment): boolean {
    const upTo = partition.registration?.leaderEpoch ?? -1;
    for (let epoch = after + 1; epoch <= upTo; epoch += 1) {
      const election = partition.elections[epoch];
      if (election !== undefined && election.unclean && election.leader === nodeId) return true;
    }
    return false;
  }
}
