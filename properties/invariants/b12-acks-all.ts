import type { FactOf } from "../../core/facts.ts";
import type { PartitionName } from "../../core/ids.ts";
import type { BatchBody } from "../../core/record/batch.ts";
import type { GhostLog } from "../ghost/ghost-log.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B12, the gate of acks=all: success is answered only by a broker that leads and has not followed
 * since the append, when its high watermark is beyond the batch, that very batch lies at that offset,
 * and the committed ISR had the effective min.insync.replicas when the request was handled.
 *
 * Broken by: a delayed produce that survives a change of leadership.
 *   1. A appends x at offset 7   2. A follows B, which puts y at 7   3. A leads again, the high
 *   watermark passes 7, and A acknowledges x
 */
export class AcksAll extends Check {
  readonly id = "B12";

  override readonly before: Handlers = {
    "ack-sent": (fact, moment) => {
      if (fact.acks === -1) this.#judge(fact, moment);
    },
  };

  #judge(fact: FactOf<"ack-sent">, moment: Moment): void {
    const replica = this.ghost.replica(fact.partition, moment);
    this.evaluations += 1;
    const { lastOffset, baseOffset, body } = fact;
    // One partition of a request may be settled, and lost, before the others are: then it was right
    // at that time, and the batch is committed for good.
    const isPast = fact.leadershipChanged === true;
    const { log, highWatermark } = isPast ? settled(replica.partition, fact.leaderEpoch) : replica;
    const held = log.batchAt(baseOffset);
    let wrong: string | null = null;
    if (!isPast && replica.role !== "leader") wrong = "it does not lead";
    else if (!isPast && fact.appendEpoch < replica.ledSince) {
      wrong = `it has followed since epoch ${fact.appendEpoch}`;
    } else if (Math.min(highWatermark, fact.highWatermark) <= lastOffset) {
      wrong = `its high watermark is ${Math.min(highWatermark, fact.highWatermark)}`;
    } else if (
      held === undefined ||
      held.baseOffset !== baseOffset ||
      held.lastOffset !== lastOffset ||
      !this.#isSame(held.body, body, fact.partition)
    ) {
      wrong = "another record is there";
    } else if (fact.isrSize < fact.minIsr) {
      wrong = `the ISR had ${fact.isrSize} members, fewer than ${fact.minIsr}`;
    }
    if (wrong === null) return;
    const message = `${moment.node} acknowledged offsets ${baseOffset} to ${lastOffset} with acks=all: ${wrong}`;
    this.fail(moment, message, fact.partition, baseOffset);
  }

  /**
   * A leader may store what a client sent in another encoding: with its own time (LogAppendTime), or
   * with the topic's compression. The acknowledgement of a retry then names the bytes that were sent.
   */
  #isSame(held: BatchBody, acknowledged: BatchBody, partition: PartitionName): boolean {
    if (held === acknowledged || held.crc === acknowledged.crc) return true;
    const history = this.context.history.partition(partition);
    const sent = history.sentBatch(acknowledged);
    return sent !== null && history.sentBatch(held)?.entries === sent.entries;
  }
}

function settled(
  partition: PartitionGhost,
  epoch: number,
): { log: GhostLog; highWatermark: number } {
  const canon = partition.canonOf(epoch);
  return { log: canon.committed, highWatermark: canon.trueHighWatermark };
}
