import type { FactOf } from "../../core/facts.ts";
import type { Offset } from "../../core/ids.ts";
import type { DiskScan } from "../ghost/disk-scan.ts";
import type { DurableFiles } from "../ghost/durable-files.ts";
import { firstDifference } from "../ghost/ghost-log.ts";
import { METADATA_PARTITION } from "../ghost/metadata-partition.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import type { Moment, NodeEvent } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * A5, recovery: what was synced is there after a loss of power. A log that is opened after an unclean
 * stop ends at the first batch, from the segment of the recovery point on, that is not whole and
 * intact; after a clean stop, by which everything was synced, it is whole and ends where its files
 * end.
 *
 * Broken by: a recovery that does not verify the CRC of the batches it keeps.
 *   1. a batch is appended, not synced   2. power loss tears its last bytes, length intact
 *   3. the broker starts and counts the torn batch as its own
 */
export class Recovery extends Check {
  readonly id = "A5";

  override nodeEvent(event: NodeEvent, moment: Moment): void {
    if (event.kind !== "booted" || event.disk !== "same" || this.ghost.files === null) return;
    const node = this.ghost.node(moment.nodeId, moment.node);
    if (node.endedBy === null) return;
    for (const replica of node.replicas) {
      const { partition, syncedEnd } = replica;
      if (syncedEnd === 0 || node.mayHaveLost(partition.name)) continue;
      const intactEnd = node.scans.get(partition.name)?.intactEnd ?? 0;
      const found = partition.isMetadata
        ? Math.max(intactEnd, snapshotEnd(this.ghost.files, node.name))
        : intactEnd;
      this.evaluations += 1;
      if (found >= syncedEnd || mayHaveCut(replica, found)) continue;
      const message = `the log was synced up to ${syncedEnd} and is intact only up to ${found}`;
      this.fail(moment, message, partition.name, found);
    }
  }

  override readonly before: Handlers = {
    "log-loaded": (fact, moment) => {
      const replica = this.ghost.replica(fact.partition, moment);
      const scan = replica.node.scans.get(fact.partition);
      if (scan === undefined) this.#judgeMissing(fact, replica, moment);
      else this.#judge(fact, scan, moment);
    },
  };

  #judge(fact: FactOf<"log-loaded">, scan: DiskScan, moment: Moment): void {
    // Kafka does not look for holes between segments; whether it keeps what follows is not promised.
    if (scan.hasHole) return;
    if (fact.clean && !this.#mayVouch(fact, scan, moment)) return;
    // An index that has to be made anew makes it read a segment, and end the log where that rotted.
    if (fact.clean && fact.endOffset === scan.intactEnd) return;
    const want = fact.clean ? scan.end : scan.recoveredEnd(fact.recoveryPoint);
    this.evaluations += 1;
    if (fact.endOffset === want) return;
    const how = fact.clean ? "after a clean stop" : "after an unclean stop";
    const message = `a log opened ${how} ends at ${fact.endOffset}, its files at ${want}`;
    this.fail(moment, message, fact.partition, Math.min(fact.endOffset, want));
  }

  /** A clean stop syncs all before it says so: what it vouches for is whole, or its word is stale. */
  #mayVouch(fact: FactOf<"log-loaded">, scan: DiskScan, moment: Moment): boolean {
    this.evaluations += 1;
    const { intactEnd } = scan;
    if (!scan.tornAtEnd && intactEnd === scan.end) return true;
    if (!this.ghost.node(moment.nodeId, moment.node).damaged) {
      const message = `a log opened as after a clean stop is whole and intact only up to ${intactEnd}`;
      this.fail(moment, message, fact.partition, intactEnd);
      return false;
    }
    return !scan.tornAtEnd;
  }

  #judgeMissing(fact: FactOf<"log-loaded">, replica: ReplicaGhost, moment: Moment): void {
    const { files } = this.ghost;
    // What others wrote on it is on a foreign disk; whether it may start with that is another matter.
    if (replica.node.disk === "foreign") return;
    const end = files === null ? replica.log.end : 0;
    this.evaluations += 1;
    if (fact.endOffset <= end || fact.endOffset === fact.logStartOffset) return;
    const message = `a log was opened up to ${fact.endOffset}, but only ${end} was ever written`;
    this.fail(moment, message, fact.partition, end);
  }
}

const SNAPSHOT = new RegExp(`/${METADATA_PARTITION}/(\\d{20})-\\d{10}\\.checkpoint$`);

/**
 * End of the latest metadata snapshot on that disk, which stands for all records before it: the log
 * that it replaces is emptied in memory first, and may have no file yet when the process ends
 * (KafkaMetadataLog.truncateToLatestSnapshot, done again at the next start).
 */
function snapshotEnd(files: DurableFiles, node: string): Offset {
  let end = 0;
  for (const path of files.list(node)) {
    const offset = Number(SNAPSHOT.exec(path)?.[1] ?? 0);
    if (offset > end && files.read(node, path) !== null) end = offset;
  }
  return end;
}

/** It died as it cut what its leader does not have, and could not tell. */
function mayHaveCut({ partition, log, followed }: ReplicaGhost, found: number): boolean {
  const leader = partition.replica(followed);
  if (leader === undefined) return false;
  return firstDifference(log, leader.log, Math.min(log.end, leader.log.end)) <= found;
}
