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
import type { NodeId, Offset, PartitionName } from "../../core/ids.ts";
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

  /**
   * Where the leader's log ends; of groups, whose members may commit all the time, where it ended within
   * the last second.
   */
  #goalOf(view: HealView, { partition }: LivePartition, end: Offset): Offset {
    if (partition.topic !== OFFSETS_TOPIC) return end;
    let goal = this.#goals.get(partition.name);
    if (goal === undefined || goal.end > end || view.nowUs >= goal.at + GOAL_US) {
      this.#goals.set(partition.name, (goal = { end, at: view.nowUs }));
    }
    return goal.end;
  }
}

/** An end of a log that others are to come to. */
interface Goal {
  readonly end: Offset;
  readonly at: number;
}

/** For how long a goal stands. */
const GOAL_US = 1_000_000;

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
