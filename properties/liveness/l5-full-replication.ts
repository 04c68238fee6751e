/**
 * L5: every replica in the core has all that was committed, and is in the ISR. A member of the ISR
 * outside the core is legal while it keeps up.
 *
 * Broken by a follower that never catches up, e.g. by an epoch cache that a truncation leaves alone
 * (`EpochRules.removedByTruncation`):
 *   1. b2 led epoch 2 without a record, and follows b1, whose cache knows no epoch 2
 *   2. b1 answers that they diverge; b2 cuts nothing, and its cache still ends with epoch 2
 *   3. b2 asks again, for ever, and falls out of the ISR
 */
import type { NodeId } from "../../core/ids.ts";
import { firstOf, leaderExcuse, rotExcuse, serverExcuse } from "./excuses.ts";
import type { HealView, LivePartition } from "./heal-view.ts";
import type { Pending } from "./pending.ts";
import { LivenessCheck } from "./pending.ts";

export class FullReplication extends LivenessCheck {
  readonly id = "L5";

  *pending(view: HealView): Iterable<Pending> {
    for (const live of view.partitions()) {
      for (const replica of live.registration.replicas) {
        if (!view.isInCore(replica)) continue;
        this.evaluations += 1;
        const isMember = live.registration.isr.includes(replica);
        if (isMember && hasAll(view, live, replica)) continue;
        yield {
          object: live.partition.name,
          partition: live.partition.name,
          nodes: view.names([replica, live.registration.leader].filter((id) => id >= 0)),
          waitsFor: () => describe(view, live, replica),
          excuse: () =>
            firstOf(
              () => leaderExcuse(view, live),
              () => serverExcuse(view, replica),
              () => rotExcuse(view, live),
            ),
        };
      }
    }
  }
}

function hasAll(view: HealView, { partition }: LivePartition, replica: NodeId): boolean {
  return (
    partition.replica(replica)?.isRunning === true &&
    view.ghost.holdsCommitted(partition.name, replica)
  );
}

function describe(view: HealView, live: LivePartition, replica: NodeId): string {
  const { partition, registration } = live;
  const { leader, isr, replicas } = registration;
  const name = view.name(replica);
  const known =
    `ISR [${isr.join(", ")}] of replicas [${replicas.join(", ")}], ` +
    `leader ${leader < 0 ? "none" : view.name(leader)}`;
  const fetched = `last fetched by ${name} ${view.ago(view.watch.lastFetch(partition.name, replica))}`;
  const own = partition.replica(replica);
  if (own === undefined || !own.isRunning) return `${known}; ${name} is in the core and not up`;
  if (!isr.includes(replica)) {
    return `${known}; ${name} is in the core and not in the ISR, its log ends at ${own.log.end}, ${fetched}`;
  }
  const { trueHighWatermark } = partition;
  return `${known}; ${name} has ${own.log.end} of ${trueHighWatermark} committed records, ${fetched}`;
}
