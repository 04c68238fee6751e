import type { FactOf } from "../../core/facts.ts";
import { Errors, errorName } from "../../core/errors.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B9, fencing: a request with a stale leader, partition or broker epoch changes nothing and is told
 * why. In one incarnation a broker's leader epochs and partition epochs never go back, and each
 * decision of the controller raises the partition epoch. A request without an epoch passes.
 *
 * Broken by: an AlterPartition handler that does not look at the leader epoch.
 *   1. A, leader of epoch 1, proposes an ISR; the request is delayed   2. B leads in epoch 2
 *   3. A's request arrives and is granted
 */
export class Fencing extends Check {
  readonly id = "B9";

  override readonly before: Handlers = {
    "alter-partition-handled": (fact, moment) => this.#alterPartition(fact, moment),
    "follower-fetched": (fact, moment) => {
      this.#fetch(fact.partition, fact.requestLeaderEpoch, fact.leaderEpoch, moment);
    },
    "fetch-served": (fact, moment) => {
      this.#fetch(fact.partition, fact.requestLeaderEpoch, fact.leaderEpoch, moment);
    },
    "became-leader": (fact, moment) => {
      this.#epoch(fact.partition, fact.leaderEpoch, moment);
      this.#partitionEpoch(fact.partition, fact.partitionEpoch, moment);
    },
    "became-follower": (fact, moment) => this.#epoch(fact.partition, fact.leaderEpoch, moment),
    "isr-committed": (fact, moment) => {
      this.#partitionEpoch(fact.partition, fact.partitionEpoch, moment);
    },
    "partition-decided": (fact, moment) => {
      // A deposed controller decides on what it had, until it learns: none of it is ever committed.
      const decided = this.ghost.partition(fact.partition).decidedBy(moment.nodeId);
      if (decided === null) return;
      this.evaluations += 1;
      if (
        fact.partitionEpoch > decided.partitionEpoch &&
        fact.leaderEpoch >= decided.leaderEpoch &&
        (fact.leader === decided.leader || fact.leaderEpoch > decided.leaderEpoch)
      ) {
        return;
      }
      const message = `the controller went from leader ${decided.leader}, epochs ${decided.leaderEpoch}/${decided.partitionEpoch} to leader ${fact.leader}, epochs ${fact.leaderEpoch}/${fact.partitionEpoch}`;
      this.fail(moment, message, fact.partition);
    },
    "stale-epoch-refused": (fact, moment) => {
      if (fact.error !== Errors.FENCED_LEADER_EPOCH) return;
      this.evaluations += 1;
      if (fact.given < fact.current) return;
      const message = `${errorName(fact.error)} was answered to epoch ${fact.given}, the current one is ${fact.current}`;
      this.fail(moment, message, fact.partition ?? undefined);
    },
  };

  #alterPartition(fact: FactOf<"alter-partition-handled">, moment: Moment): void {
    const { requestLeaderEpoch, requestPartitionEpoch, error } = fact;
    const staleLeader = requestLeaderEpoch !== fact.currentLeaderEpoch;
    const stalePartition = requestPartitionEpoch !== fact.currentPartitionEpoch;
    this.evaluations += 1;
    if (error !== Errors.NONE) return;
    if (!staleLeader && !stalePartition && fact.from === fact.currentLeader) return;
    const message = `broker ${fact.from} changed the ISR with epochs ${requestLeaderEpoch}/${requestPartitionEpoch}, while broker ${fact.currentLeader} led with ${fact.currentLeaderEpoch}/${fact.currentPartitionEpoch}`;
    this.fail(moment, message, fact.partition);
  }

  #fetch(partition: string, given: number, current: number, moment: Moment): void {
    if (given < 0) return;
    this.evaluations += 1;
    if (given === current) return;
    const message = `a fetch with leader epoch ${given} was served in epoch ${current}`;
    this.fail(moment, message, partition);
  }

  #epoch(partition: string, epoch: number, moment: Moment): void {
    const before = this.ghost.replica(partition, moment).leaderEpoch;
    this.evaluations += 1;
    if (epoch >= before) return;
    this.fail(moment, `the leader epoch went back from ${before} to ${epoch}`, partition);
  }

  #partitionEpoch(partition: string, epoch: number, moment: Moment): void {
    const before = this.ghost.replica(partition, moment).partitionEpoch;
    this.evaluations += 1;
    if (epoch >= before) return;
    this.fail(moment, `the partition epoch went back from ${before} to ${epoch}`, partition);
  }
}
