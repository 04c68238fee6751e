import type { EpochEntry, FactOf } from "../../core/facts.ts";
import type { Offset, PartitionName } from "../../core/ids.ts";
import type { NodeGhost } from "../ghost/node-ghost.ts";
import { reachesLog } from "../ghost/node-ghost.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * A2, epochs in the log: leader epochs never fall along a log; a leader stamps its own, a follower
 * takes none that is newer than the one it is in. After a start the epoch cache is what the batches
 * imply, plus at most one last entry without data, of an epoch that this broker led (KIP-101).
 *
 * Broken by: an epoch checkpoint that is not rebuilt after a loss of power.
 *   1. the broker appends under epoch 2 and rolls   2. power loss   3. its cache knows epoch 1 only
 */
export class EpochsInLog extends Check {
  readonly id = "A2";

  override readonly before: Handlers = {
    appended: (fact, moment) => {
      const { leaderEpoch: epoch, baseOffset } = fact.batch;
      const last = this.ghost.replica(fact.partition, moment).log.lastEpoch;
      this.evaluations += 1;
      const fits = fact.as === "leader" ? epoch === fact.leaderEpoch : epoch <= fact.leaderEpoch;
      if (epoch >= last && fits) return;
      const message = `a ${fact.as} in epoch ${fact.leaderEpoch} appended a batch of epoch ${epoch} after epoch ${last}`;
      this.fail(moment, message, fact.partition, baseOffset);
    },
  };

  override readonly after: Handlers = {
    "log-loaded": (fact, moment) => this.#judgeCache(fact, moment),
  };

  #judgeCache(fact: FactOf<"log-loaded">, moment: Moment): void {
    const replica = this.ghost.replica(fact.partition, moment);
    const { node, log, partition } = replica;
    // Recorded damage made a hole between segments, which Kafka does not look for: who can say what lay there?
    if (node.scans.get(fact.partition)?.hasHole === true && node.mayHaveLost(partition.name))
      return;
    if (losesNames(node, partition.name)) return;
    // What was deleted may be back after a loss of power; the cache, which is synced, had forgotten it.
    const from = Math.min(replica.deletedBelow, log.end);
    const implied = epochsFrom(log.epochs, from);
    const cached = epochsFrom(fact.epochs, from);
    this.evaluations += implied.length + 1;
    for (let index = 0; index < implied.length; index += 1) {
      const want = implied[index] as { epoch: number; startOffset: number };
      const got = cached[index];
      if (got?.epoch === want.epoch && got.startOffset === want.startOffset) continue;
      const found = got === undefined ? "nothing" : `epoch ${got.epoch} from ${got.startOffset}`;
      const message = `the epoch cache has ${found} where the log has epoch ${want.epoch} from ${want.startOffset}`;
      this.fail(moment, message, fact.partition, want.startOffset);
      return;
    }
    const extra = cached[implied.length];
    if (extra === undefined) return;
    if (cached.length === implied.length + 1 && this.#mayBeEmpty(replica, extra)) return;
    const message = `the epoch cache has epoch ${extra.epoch} from ${extra.startOffset}, of which the log has nothing`;
    this.fail(moment, message, fact.partition, extra.startOffset);
  }

  #mayBeEmpty(replica: ReplicaGhost, entry: { epoch: number; startOffset: number }): boolean {
    const { partition, node, log } = replica;
    const led = partition.isMetadata || partition.electedIn[entry.epoch] === node.nodeId;
    return led && entry.epoch > log.lastEpoch && entry.startOffset <= log.end;
  }
}

/** The same for a log that starts at that offset at the earliest. */
function epochsFrom(epochs: readonly EpochEntry[], from: Offset): readonly EpochEntry[] {
  const kept = epochs.findLastIndex(({ startOffset }) => startOffset <= from);
  if (kept < 0) return epochs;
  const first = epochs[kept] as EpochEntry;
  return [{ ...first, startOffset: from }, ...epochs.slice(kept + 1)];
}

/**
 * A disk that lied of the sync of a directory and lost power may bring deleted segments back beside a
 * later epoch checkpoint. Recovery adds to the cache only what is newer than its last entry
 * (LogSegment.recover), and entries past the end of the log go: what lies there is not in it.
 */
function losesNames({ damagedPaths, endedBy }: NodeGhost, partition: PartitionName): boolean {
  if (endedBy !== "power-loss") return false;
  for (const path of damagedPaths) {
    if (path.endsWith("/") && reachesLog(path, partition)) return true;
  }
  return false;
}
