import type { Batch } from "../../core/record/batch.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { SendEntry, SentBatch } from "../history/send.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";

/** The furthest send of a session that was committed in a partition. */
interface Session {
  producerEpoch: number;
  last: SendEntry;
}

/**
 * D3, order: within one producer session and partition records are committed in the order in which
 * they were sent. It holds for idempotent producers, and for others with one request in flight; there
 * an attempt that the client had given up may still arrive late (D7).
 *
 * Broken by: putting a refused batch back behind a younger one.
 *   1. batches x, y wait   2. x is sent and refused   3. y is sent and appended   4. x is appended
 */
export class SendOrder extends Check {
  readonly id = "D3";
  /** By partition, then by producer id or, without one, by client. */
  readonly #sessions: Map<string, Map<number | string, Session>> = new Map();

  override committed(partition: PartitionGhost, batch: Batch, moment: Moment): void {
    if (partition.isMetadata) return;
    const sent = this.context.history.partition(partition.name).sentBatch(batch.body);
    if (sent === null || sent.entries.length === 0 || !this.#isOrdered(sent)) return;
    let sessions = this.#sessions.get(partition.name);
    if (sessions === undefined) this.#sessions.set(partition.name, (sessions = new Map()));
    const { producerEpoch, producerId, entries } = sent;
    const key = producerId >= 0 ? producerId : sent.client;
    const session = sessions.get(key);
    const last = entries[entries.length - 1] as SendEntry;
    if (session === undefined || session.producerEpoch < producerEpoch) {
      sessions.set(key, { producerEpoch, last });
      return;
    }
    if (session.producerEpoch > producerEpoch) return;
    const first = entries[0] as SendEntry;
    this.evaluations += 1;
    if (first.order > session.last.order) {
      session.last = last;
      return;
    }
    // Committed a second time: a duplicate is judged as such, not as a reorder.
    if (first.commits > 1 || this.#wasGivenUp(first)) return;
    const message = `${first.sendId} is committed at offset ${batch.baseOffset}, after ${session.last.sendId}, which was sent later`;
    this.fail(moment, message, partition.name, batch.baseOffset);
  }

  #isOrdered(sent: SentBatch): boolean {
    if (sent.producerId >= 0) return true;
    return this.context.producers.get(sent.client)?.maxInFlight === 1;
  }

  /** Without idempotence, an attempt that timed out may arrive after younger records. */
  #wasGivenUp(entry: SendEntry): boolean {
    if ((entry.batch?.producerId ?? -1) >= 0) return false;
    return entry.status === "unknown" || entry.status === "fail";
  }
}
