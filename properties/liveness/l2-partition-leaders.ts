/**
 * L2: every partition has a leader that is up and knows that it leads.
 *
 * Broken by a controller that accepts an ISR without its leader (`AlterPartitionRules.containsLeader`):
 *   1. b1 leads with ISR [1, 2] and proposes an empty ISR
 *   2. the controller takes it: nobody can be elected, and nobody ever leads again
 */
import { leaderExcuse } from "./excuses.ts";
import type { HealView, LivePartition } from "./heal-view.ts";
import type { Pending } from "./pending.ts";
import { LivenessCheck } from "./pending.ts";

export class PartitionLeaders extends LivenessCheck {
  readonly id = "L2";

  *pending(view: HealView): Iterable<Pending> {
    for (const name of view.missing()) {
      this.evaluations += 1;
      yield {
        object: name,
        partition: name,
        nodes: view.brokers.map((broker) => broker.name),
        waitsFor: () => "the partition is still to be made",
        excuse: () => null,
      };
    }
    for (const live of view.partitions()) {
      this.evaluations += 1;
      if (hasLeader(view, live)) continue;
      const { partition, registration } = live;
      const { leader, leaderEpoch, isr } = registration;
      yield {
        object: partition.name,
        partition: partition.name,
        nodes: view.names(registration.replicas),
        waitsFor: () =>
          leader < 0
            ? `it has no leader in epoch ${leaderEpoch}; its ISR is [${isr.join(", ")}]`
            : `${view.name(leader)} is to lead in epoch ${leaderEpoch} and does not`,
        excuse: () => leaderExcuse(view, live),
      };
    }
  }
}

function hasLeader(view: HealView, { partition, registration }: LivePartition): boolean {
  const { leader, leaderEpoch } = registration;
  if (leader < 0) return false;
  const replica = partition.replica(leader);
  if (replica === undefined || !replica.presumesLeadership || replica.node.paused) return false;
  return replica.leaderEpoch === leaderEpoch && view.isUp(leader);
}
