import type { FactOf } from "../../core/facts.ts";
import { firstDifference } from "../ghost/ghost-log.ts";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * C4, completeness and durability of the metadata: whoever is elected holds all that was committed;
 * and when a leader calls a record committed, a majority of its voters has it where a loss of power
 * does not reach it (KIP-595: voters sync before they fetch on).
 *
 * Broken by: a voter that fetches on before it has synced what it got.
 *   1. K1 counts offset 9 on itself and K2   2. nothing but K1's disk would survive now
 */
export class QuorumCompleteness extends Check {
  readonly id = "C4";

  override readonly before: Handlers = {
    "high-watermark": (fact, moment) => {
      if (fact.partition !== METADATA_PARTITION || fact.as !== "leader") return;
      this.#judgeDurable(fact, moment);
    },
    "raft-state": (fact, moment) => {
      if (fact.state === "leader") this.#judgeElected(fact.epoch, moment);
    },
  };

  #judgeElected(epoch: number, moment: Moment): void {
    // One that learns late of its election owes nothing to what a later epoch has committed since.
    if (this.ghost.quorum.latestEpoch > epoch) return;
    const { log, partition } = this.ghost.replica(METADATA_PARTITION, moment);
    const end = partition.trueHighWatermark;
    this.evaluations += 1;
    if (log.end >= end && log.samePrefix(partition.committed, end)) return;
    if (this.ghost.metadataLost || this.ghost.mayHaveLostMetadata()) return;
    const offset =
      log.end < end ? log.end : firstDifference(log, partition.committed, partition.committed.end);
    const message = `${moment.node} was elected without the committed metadata record at offset ${offset} (committed below ${end})`;
    this.fail(moment, message, METADATA_PARTITION, offset);
  }

  #judgeDurable(fact: FactOf<"high-watermark">, moment: Moment): void {
    const leader = this.ghost.replica(METADATA_PARTITION, moment);
    const { voters } = this.ghost.quorum.member(moment.nodeId);
    const end = fact.highWatermark;
    let holders = 0;
    for (const voter of voters) {
      if (this.#holds(leader.partition, voter, leader, end)) holders += 1;
    }
    this.evaluations += 1;
    if (holders > voters.length / 2) return;
    const message = `${moment.node} calls metadata below ${end} committed, which ${holders} of ${voters.length} voters have on their disks`;
    this.fail(moment, message, METADATA_PARTITION, end);
  }

  #holds(partition: PartitionGhost, voter: number, leader: ReplicaGhost, end: number): boolean {
    const replica = partition.replica(voter);
    if (replica === undefined) return false;
    const isVoter = this.ghost.quorum.member(voter).hasOriginalDisk;
    const holds = replica.syncedEnd >= end && replica.log.samePrefix(leader.log, end);
    if (isVoter && holds) return true;
    // What a fault has taken was there when the leader counted it.
    return this.ghost.isDamaged(voter) && replica.onceSyncedEnd >= end;
  }
}
