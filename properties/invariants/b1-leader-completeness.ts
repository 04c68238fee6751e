import type { Batch } from "../../core/record/batch.ts";
import { firstDifference, sameBatch } from "../ghost/ghost-log.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B1, leader completeness: a replica that becomes leader, also in the same epoch with a new
 * incarnation, holds everything committed: all that lay below the high watermark of any leader, and
 * every record that was acknowledged with acks=all, at its offset.
 *
 * A process that starts acts on the metadata it had, before the controller has registered it and
 * thereby taken its leaderships; its listener opens only when it is unfenced (BrokerServer.scala
 * installs the metadata publishers first and enables requests last). So a leadership counts once the
 * controller knows the process that leads: it did not make the other one leader.
 *
 * What Kafka's rules allow to be lost (the guarantee oracle decides, in chaos only) is not committed
 * any more when this is judged.
 *
 * Broken by: acknowledging on the leader's append.
 *   1. leader A appends offset 0 and acknowledges it   2. A dies   3. B leads with an empty log
 */
export class LeaderCompleteness extends Check {
  readonly id = "B1";

  override readonly before: Handlers = {
    "ack-sent": (fact, moment) => {
      if (fact.acks !== -1) return;
      const { partition, log } = this.ghost.replica(fact.partition, moment);
      if (fact.lastOffset < partition.canonOf(fact.leaderEpoch).trueHighWatermark) return;
      const batch = log.batchAt(fact.baseOffset);
      if (batch !== undefined) partition.ackedAhead.push({ batch, node: moment.node });
    },
  };

  override readonly after: Handlers = {
    "became-leader": (fact, moment) => {
      const replica = this.ghost.replica(fact.partition, moment);
      if (replica.wasMadeLeader) this.#judge(replica, moment);
    },
    "metadata-committed": (fact, moment) => {
      const { metadata } = this.ghost;
      if (!metadata.fresh || !fact.endsBatch) return;
      // A new incarnation that takes itself for the leader and is left in office.
      for (const broker of metadata.registeredBrokers) {
        const node = this.ghost.nodes.find(({ nodeId }) => nodeId === broker);
        for (const replica of node?.replicas ?? []) {
          if (replica.presumesLeadership && replica.wasMadeLeader) this.#judge(replica, moment);
        }
      }
    },
  };

  /** An offset that was acknowledged too early is committed now: with the same record? */
  override committed(partition: PartitionGhost, batch: Batch, moment: Moment): void {
    const { ackedAhead } = partition;
    if (ackedAhead.length === 0) return;
    for (let index = ackedAhead.length - 1; index >= 0; index -= 1) {
      const promised = ackedAhead[index]?.batch as Batch;
      if (promised.baseOffset >= batch.nextOffset) continue;
      ackedAhead.splice(index, 1);
      this.evaluations += 1;
      if (promised.body.crc === batch.body.crc) continue;
      const message = `another record was committed at the acknowledged offset ${promised.baseOffset}`;
      this.fail(moment, message, partition.name, promised.baseOffset);
    }
  }

  #judge(replica: ReplicaGhost, moment: Moment): void {
    const { partition, log, leaderEpoch, node } = replica;
    this.evaluations += 1;
    const end = Math.min(partition.committed.end, partition.trueHighWatermark);
    if (log.end < partition.trueHighWatermark) this.#incomplete(replica, log.end, moment);
    else if (!log.samePrefix(partition.committed, end)) {
      this.#incomplete(replica, firstDifference(log, partition.committed, end), moment);
    }
    for (const { batch } of partition.ackedAhead) {
      const held = log.batchAt(batch.baseOffset);
      this.evaluations += 1;
      if (held !== undefined && sameBatch(held, batch)) continue;
      const message = `${node.name} leads in epoch ${leaderEpoch} without the record acknowledged at offset ${batch.baseOffset}`;
      this.fail(moment, message, partition.name, batch.baseOffset);
    }
  }

  #incomplete(replica: ReplicaGhost, offset: number, moment: Moment): void {
    const { partition, leaderEpoch, node } = replica;
    const message = `${node.name} leads in epoch ${leaderEpoch} without the committed record at offset ${offset} (committed below ${partition.trueHighWatermark})`;
    this.fail(moment, message, partition.name, offset);
  }
}
