import type { Batch } from "../../core/record/batch.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { SendEntry, SentBatch } from "../history/send.ts";
import type { Moment } from "../observation.ts";
import type { Because } from "../verdict.ts";
import { Check } from "./check.ts";

/** The furthest send of a session that was committed in a partition. */
interface Session {
  producerEpoch: number;
  last: SendEntry;
}

/**
 * D3, order: within one producer session and partition records are committed in the order in which
 * they were sent. It holds for idempotent producers, and for others with one request in flight; there
 * an attempt that the client had given up may still arrive late (D7). What other settings allow to
 * come out of order is listed as a reorder. What was committed and lost does not count.
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
    if (sent === null || sent.entries.length === 0) return;
    const session = this.#taken(partition, sent);
    if (session === null) return;
    const first = sent.entries[0] as SendEntry;
    const promise = sent.producerId >= 0 ? undefined : this.context.producers.get(sent.client);
    const mayPass = promise !== undefined && promise.maxInFlight > 1;
    if (!mayPass) this.evaluations += 1;
    // Committed a second time: a duplicate is judged as such, not as a reorder.
    if (first.order > session.last.order || first.commits > 1) return;
    const message = `${first.sendId} is committed at offset ${batch.baseOffset}, after ${session.last.sendId}, which was sent later`;
    if (!mayPass && !this.#wasGivenUp(first)) {
      this.fail(moment, message, partition.name, batch.baseOffset);
      return;
    }
    const { client, startedAt } = first;
    const faults = this.context.faults?.culprits([client, moment.node], startedAt, moment.at) ?? [];
    this.context.history.reorders.push({
      topic: partition.topic,
      partition: partition.index,
      offset: batch.baseOffset,
      client,
      message,
      because: { ...settingAtFault(mayPass ? promise.maxInFlight : 1), faults },
    });
  }

  /** Sessions go on from what is left. */
  override lost(partition: PartitionGhost): void {
    this.#sessions.delete(partition.name);
    const history = this.context.history.partition(partition.name);
    for (const { body } of partition.committed.batches) {
      const sent = history.sentBatch(body);
      if (sent !== null && sent.entries.length > 0) this.#taken(partition, sent);
    }
  }

  /** Takes a committed batch in. Returns what came before in its session; null for its first one. */
  #taken(partition: PartitionGhost, sent: SentBatch): Session | null {
    let sessions = this.#sessions.get(partition.name);
    if (sessions === undefined) this.#sessions.set(partition.name, (sessions = new Map()));
    const { producerEpoch, producerId, entries } = sent;
    const key = producerId >= 0 ? producerId : sent.client;
    const session = sessions.get(key);
    const last = entries[entries.length - 1] as SendEntry;
    if (session === undefined || session.producerEpoch < producerEpoch) {
      sessions.set(key, { producerEpoch, last });
      return null;
    }
    if (session.producerEpoch > producerEpoch) return null;
    if ((entries[0] as SendEntry).order <= session.last.order) return session;
    const before = { producerEpoch, last: session.last };
    session.last = last;
    return before;
  }

  /** Without idempotence, an attempt that timed out may arrive after younger records. */
  #wasGivenUp(entry: SendEntry): boolean {
    if ((entry.batch?.producerId ?? -1) >= 0) return false;
    return entry.status === "unknown" || entry.status === "fail";
  }
}

function settingAtFault(maxInFlight: number): Omit<Because, "faults"> {
  return maxInFlight > 1
    ? { setting: "max.in.flight.requests.per.connection", value: maxInFlight }
    : { setting: "enable.idempotence", value: false };
}
