import type { FactOf } from "../../core/facts.ts";
import type { Batch } from "../../core/record/batch.ts";
import { sameBatch } from "../ghost/ghost-log.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B7, consistent reads: a record that was shown to any consumer never changes, and is in the log of
 * every later leader.
 *
 * Broken by: serving consumers up to the end of the log.
 *   1. leader A shows offset 4, which nobody else has   2. A dies, B leads
 *   3. B has no offset 4, or puts another record there
 */
export class ConsistentReads extends Check {
  readonly id = "B7";

  override readonly before: Handlers = {
    "fetch-served": (fact, moment) => this.#served(fact, moment),
  };

  override readonly after: Handlers = {
    "became-leader": (fact, moment) => {
      const replica = this.ghost.replica(fact.partition, moment);
      const { partition, log } = replica;
      if (partition.exposedAhead.length === 0 || !replica.wasMadeLeader) return;
      for (const { batch } of partition.exposedAhead) {
        const held = log.batchAt(batch.baseOffset);
        this.evaluations += 1;
        if (held !== undefined && sameBatch(held, batch)) continue;
        const message = `${moment.node} leads in epoch ${fact.leaderEpoch} without the record at offset ${batch.baseOffset} that consumers saw`;
        this.fail(moment, message, fact.partition, batch.baseOffset);
      }
    },
  };

  override committed(partition: PartitionGhost, batch: Batch, moment: Moment): void {
    const { exposedAhead } = partition;
    if (exposedAhead.length === 0) return;
    for (let index = exposedAhead.length - 1; index >= 0; index -= 1) {
      const shown = exposedAhead[index]?.batch as Batch;
      if (shown.baseOffset >= batch.nextOffset) continue;
      exposedAhead.splice(index, 1);
      this.evaluations += 1;
      if (sameBatch(shown, batch)) continue;
      const message = `another record was committed at offset ${shown.baseOffset} than consumers had seen there`;
      this.fail(moment, message, partition.name, shown.baseOffset);
    }
  }

  #served(fact: FactOf<"fetch-served">, moment: Moment): void {
    const { batches } = fact;
    const first = batches[0];
    if (first === undefined) return;
    const { partition, log } = this.ghost.replica(fact.partition, moment);
    const { committed } = partition.canonOf(fact.leaderEpoch);
    let index = committed.countBelow(first.baseOffset);
    for (const batch of batches) {
      const known = committed.batches[index++];
      this.evaluations += 1;
      if (known === undefined) {
        this.#ahead(partition, log.batchAt(batch.baseOffset) ?? batch, moment);
      } else if (!sameBatch(known, batch)) {
        const message = `consumers were shown another record at offset ${batch.baseOffset} than the committed one`;
        this.fail(moment, message, fact.partition, batch.baseOffset);
      }
    }
  }

  #ahead(partition: PartitionGhost, batch: Batch, moment: Moment): void {
    if (partition.exposedAhead.some((shown) => sameBatch(shown.batch, batch))) return;
    partition.exposedAhead.push({ batch, node: moment.node });
  }
}
