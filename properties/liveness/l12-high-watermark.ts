/**
 * L12: the high watermark catches up with the end of the log, on the leader and on each follower of the
 * core. Judged first without new traffic, since every append makes a leader look at it again.
 *
 * Broken by a leader that does not look again when the ISR has shrunk (`IsrRules.reconsiders`,
 * KAFKA-13091):
 *   1. b1 leads with ISR [1, 2, 3]; b3 hangs; b2 has the last record, b3 has not
 *   2. b3 is dropped from the ISR: now everybody who counts has it
 *   3. nobody appends: the high watermark stays, and the producer waits until its timeout
 */
import type { LeaderEpoch, NodeId, Offset, PartitionName } from "../../core/ids.ts";
import { OFFSETS_TOPIC } from "../../core/ids.ts";
import { firstOf, frozenExcuse, serverExcuse } from "./excuses.ts";
import type { HealView, LivePartition } from "./heal-view.ts";
import type { Pending } from "./pending.ts";
import { LivenessCheck } from "./pending.ts";

export class HighWatermarkCatchesUp extends LivenessCheck {
  readonly id = "L12";
  readonly #goals: Map<PartitionName, Goal> = new Map();

  *pending(view: HealView): Iterable<Pending> {
    for (const live of view.partitions()) {
      const { leader, replicas } = live.registration;
      const end = live.partition.replica(leader)?.log.end ?? -1;
      const goal = this.#goalOf(view, live, end);
      if (goal === null) continue;
      for (const replica of replicas) {
        if (replica !== leader && !view.isInCore(replica)) continue;
        this.evaluations += 1;
        const own = live.partition.replica(replica);
        if (
          own?.isRunning === true &&
          own.highWatermark >= goal &&
          own.log.end >= goal &&
          own.log.end <= end
        )
          continue;
        yield {
          object: live.partition.name,
          partition: live.partition.name,
          nodes: view.names([replica, leader].filter((id) => id >= 0)),
          waitsFor: () => describe(view, live, replica),
          excuse: () =>
            firstOf(
              () => serverExcuse(view, replica),
              () => frozenExcuse(view, live),
            ),
        };
      }
    }
  }

  /** Where the leader's log ends; of groups, where it ended some time ago. Null for a goal too young. */
  #goalOf(view: HealView, live: LivePartition, end: Offset): Offset | null {
    const { partition, registration } = live;
    if (partition.topic !== OFFSETS_TOPIC) return end;
    const goal = this.#goals.get(partition.name);
    const isReached = goal === undefined || goal.end > end || hasReached(view, live, goal.end);
    if (isReached || goal.leaderEpoch !== registration.leaderEpoch) {
      const { leaderEpoch } = registration;
      this.#goals.set(partition.name, { end, at: view.nowUs, leaderEpoch });
      return null;
    }
    return view.nowUs >= goal.at + GOAL_US ? goal.end : null;
  }
}

/**
 * An end of a log that all replicas of the core are to come to. Members of groups may commit all the time,
 * so that at no moment everybody has everything: each goal has to be reached in time.
 */
interface Goal {
  readonly end: Offset;
  readonly at: number;
  readonly leaderEpoch: LeaderEpoch;
}

/** A follower hears of a high watermark by its next fetch but one. */
const GOAL_US = 2_000_000;

function hasReached(view: HealView, live: LivePartition, end: Offset): boolean {
  const { leader, replicas } = live.registration;
  return replicas.every((replica) => {
    if (replica !== leader && !view.isInCore(replica)) return true;
    const own = live.partition.replica(replica);
    return own?.isRunning === true && own.highWatermark >= end;
  });
}

function describe(view: HealView, live: LivePartition, replica: NodeId): string {
  const { partition, registration } = live;
  const { leader, isr } = registration;
  const own = partition.replica(replica);
  const name = view.name(replica);
  if (own === undefined || !own.isRunning) return `${name} is not up`;
  const isrNow = `the ISR is [${isr.join(", ")}]`;
  if (replica === leader) {
    return `the high watermark of its leader ${name} is ${own.highWatermark} of ${own.log.end}; ${isrNow}`;
  }
  const end = partition.replica(leader)?.log.end ?? -1;
  return (
    `the follower ${name} has the high watermark ${own.highWatermark} and ends at ${own.log.end}, ` +
    `its leader ends at ${end}; ${isrNow}`
  );
}
