import type { FactOf } from "../../core/facts.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B11, join proof: a replica enters the ISR only by AlterPartition. The leader proposes it only if
 * the last fetch it had from it came from its high watermark or beyond, and from the start of its
 * leader epoch or beyond; and the controller grants it only for the incarnation that fetched
 * (KIP-903). Creation and unclean election are no joins.
 *
 * Broken by: a leader that looks at the high watermark only.
 *   1. B becomes leader at offset 6, its high watermark still 4   2. C fetches from 4 and is proposed
 */
export class JoinProof extends Check {
  readonly id = "B11";

  override readonly before: Handlers = {
    "isr-proposed": (fact, moment) => this.#proposed(fact, moment),
    "partition-decided": (fact, moment) => this.#decided(fact, moment),
  };

  #proposed(fact: FactOf<"isr-proposed">, moment: Moment): void {
    if (fact.change !== "expand") return;
    const { fetches, epochStart } = this.ghost.replica(fact.partition, moment);
    const floor = Math.max(fact.highWatermark, epochStart);
    for (const member of fact.proposedIsr) {
      if (fact.committedIsr.includes(member)) continue;
      this.evaluations += 1;
      const last = fetches[member]?.last ?? -1;
      if (last >= floor) continue;
      const message = `broker ${member} was proposed for the ISR with a log up to ${last}; high watermark ${fact.highWatermark}, epoch from ${epochStart}`;
      this.fail(moment, message, fact.partition, last);
    }
  }

  #decided(fact: FactOf<"partition-decided">, moment: Moment): void {
    if (fact.why === "created" || fact.unclean) return;
    for (const member of fact.isr) {
      if (fact.previousIsr.includes(member)) continue;
      this.evaluations += 1;
      if (fact.why !== "alter-partition") {
        const message = `broker ${member} entered the ISR by "${fact.why}"`;
        this.fail(moment, message, fact.partition);
        continue;
      }
      const fetched = this.#fetchedEpoch(fact, member);
      const current = this.ghost.metadata.brokers.get(member)?.epoch;
      // A fetch without a broker epoch, of a broker that is not registered yet, proves nothing.
      if (fetched === null || fetched === -1) continue;
      if (current === undefined || fetched === current) continue;
      const message = `broker ${member} entered the ISR in its incarnation ${current}, but ${fetched} had caught up`;
      this.fail(moment, message, fact.partition);
    }
  }

  /** The broker epoch that the member's last fetch carried when the leader proposed it. */
  #fetchedEpoch(fact: FactOf<"partition-decided">, member: number): number | null {
    const proposal = this.ghost.partition(fact.partition).replica(fact.previousLeader)?.proposal;
    if (proposal === null || proposal === undefined) return null;
    const index = proposal.isr.indexOf(member);
    if (proposal.leaderEpoch !== fact.leaderEpoch || index === -1) return null;
    if (proposal.partitionEpoch + 1 !== fact.partitionEpoch) return null;
    return proposal.brokerEpochs[index] ?? null;
  }
}
