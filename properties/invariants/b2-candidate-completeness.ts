import { firstDifference } from "../ghost/ghost-log.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B2, leader candidate completeness: every running member of the committed ISR, its directory online,
 * holds everything committed. Exempt is a replica that came back from a lossy stop, until its new
 * registration took it out of the ISR.
 *
 * Broken by: a controller that leaves a new incarnation in the ISR.
 *   1. A, in the ISR, loses power and all but 5 of 10 committed records   2. A registers again
 *   3. it is still in the ISR
 */
export class CandidateCompleteness extends Check {
  readonly id = "B2";

  override readonly after: Handlers = {
    "high-watermark": (fact, moment) => {
      if (fact.as === "leader") this.#judgeAll(this.ghost.partition(fact.partition), moment);
    },
    "metadata-committed": (fact, moment) => {
      const { metadata } = this.ghost;
      if (!metadata.fresh || !fact.endsBatch) return;
      for (const partition of metadata.touchedPartitions) this.#judgeAll(partition, moment);
      for (const broker of metadata.registeredBrokers) {
        const node = this.ghost.nodes.find(({ nodeId }) => nodeId === broker);
        for (const replica of node?.replicas ?? []) this.#judge(replica, moment);
      }
    },
    "log-loaded": (fact, moment) => this.#judge(this.ghost.replica(fact.partition, moment), moment),
    truncated: (fact, moment) => this.#judge(this.ghost.replica(fact.partition, moment), moment),
  };

  #judgeAll(partition: PartitionGhost, moment: Moment): void {
    for (const replica of partition.replicas) this.#judge(replica, moment);
  }

  #judge(replica: ReplicaGhost, moment: Moment): void {
    const { partition, log, node } = replica;
    if (partition.trueHighWatermark === 0 || replica.struck || !replica.isRunning) return;
    if (!partition.inCommittedIsr(node.nodeId)) return;
    this.evaluations += 1;
    const end = Math.min(partition.committed.end, log.end);
    if (log.end >= partition.trueHighWatermark && log.samePrefix(partition.committed, end)) return;
    const offset = firstDifference(log, partition.committed, end);
    const message = `${node.name} is in the ISR without the committed record at offset ${offset} (committed below ${partition.trueHighWatermark})`;
    this.fail(moment, message, partition.name, offset);
  }
}
