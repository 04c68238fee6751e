import { scanDisk } from "../ghost/disk-scan.ts";
import { sameBatch } from "../ghost/ghost-log.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * A11, replica equality: below both their high watermarks two replicas hold the same bytes. Judged by
 * hashes of the appended batches when a leader starts, and by the bytes of all disks at the end of a
 * run. Damaged ranges are excepted.
 *
 * Broken by: a leader that stamps a batch anew, so that two replicas hold it in two encodings.
 *   1. B appends offset 3 as it was fetched, C another encoding of it   2. both say it is committed
 */
export class ReplicaEquality extends Check {
  readonly id = "A11";

  override readonly after: Handlers = {
    "became-leader": (fact, moment) => {
      const leader = this.ghost.replica(fact.partition, moment);
      for (const other of leader.partition.replicas) {
        if (other !== leader && other.isRunning) this.#compare(leader, other, moment);
      }
    },
  };

  #compare(leader: ReplicaGhost, other: ReplicaGhost, moment: Moment): void {
    // What one of them committed before a loss that the other knows of need not be equal.
    const { partition } = leader;
    const end = Math.min(
      leader.highWatermark,
      other.highWatermark,
      partition.commonEnd(leader.leaderEpoch, other.highWatermarkEpoch),
    );
    if (end === 0 || leader.struck || other.struck) return;
    this.evaluations += 1;
    if (leader.log.samePrefix(other.log, end)) return;
    const { name } = leader.partition;
    const message = `${leader.node.name} and ${other.node.name} differ below ${end}, which both call committed`;
    this.fail(moment, message, name, end);
  }

  override atEnd(moment: Moment): void {
    const { files } = this.ghost;
    if (files === null) return;
    for (const node of this.ghost.nodes) {
      if (!node.running) continue;
      const logOf = (name: string) => this.ghost.partitions.get(name)?.replica(node.nodeId)?.log;
      const scans = scanDisk(files, node.name, logOf);
      for (const replica of node.replicas) {
        const { partition } = replica;
        if (partition.isMetadata || !replica.isRunning) continue;
        const scan = scans.get(partition.name);
        // A replica that has not heard from a leader since records were lost may have the old ones.
        const unheard = partition.commonEnd(replica.highWatermarkEpoch, Infinity);
        const settled = Math.min(replica.highWatermark, unheard);
        const held = new Map(scan?.batches().map((batch) => [batch.baseOffset, batch]));
        for (const want of partition.committed.batches) {
          if (want.nextOffset > settled) break;
          const got = held.get(want.baseOffset);
          if (got === undefined && scan?.segmentOf(want.baseOffset)?.damaged === true) continue;
          this.evaluations += 1;
          if (got !== undefined && sameBatch(want, got)) continue;
          const message = `the disk of ${node.name} does not hold the committed batch at offset ${want.baseOffset}`;
          this.fail(moment, message, partition.name, want.baseOffset);
          break;
        }
      }
    }
  }
}
