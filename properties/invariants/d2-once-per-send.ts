import type { Batch } from "../../core/record/batch.ts";
import { unrecognisedBehind } from "../ghost/forgotten-producers.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { EpochBump } from "../history/history.ts";
import type { SendEntry, SentBatch } from "../history/send.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";

/**
 * D2, once per send: in one producer session (producer id and epoch) a send is committed at most
 * once, and exactly once if it was acknowledged with acks=all. A second time is legal only under a
 * higher epoch of that id that the client took because it had to, or from a leader that recorded damage
 * made forget the first time (ghost/forgotten-producers.ts); such a record is listed as a duplicate with
 * its cause. Of producers that are not idempotent see D7.
 *
 * Broken by: a broker that does not look at sequences.
 *   1. batch of sequence 0 is appended and committed, its answer lost   2. the retry is, too
 */
export class OncePerSend extends Check {
  readonly id = "D2";

  override committed(partition: PartitionGhost, batch: Batch, moment: Moment): void {
    if (partition.isMetadata || batch.body.producerId < 0) return;
    const sent = this.context.history.partition(partition.name).sentBatch(batch.body);
    if (sent === null) return;
    const { entries } = sent;
    this.evaluations += entries.length;
    for (let index = 0; index < entries.length; index += 1) {
      const entry = entries[index] as SendEntry;
      if (entry.commits < 2 || entry.committedIn === null) continue;
      const offset = batch.baseOffset + index;
      this.#again(partition, entry, entry.committedIn, sent, offset, moment);
    }
  }

  #again(
    partition: PartitionGhost,
    entry: SendEntry,
    first: SentBatch,
    sent: SentBatch,
    offset: number,
    moment: Moment,
  ): void {
    const bump = this.#bumpBetween(first, sent, partition.name);
    if (bump !== undefined) {
      const faults = this.#faultsAround(entry, sent, moment);
      this.#listed(partition, entry, offset, `epoch-bump: ${bump.cause}`, faults);
      this.context.findings.situation("epoch-bump-duplicate");
      return;
    }
    const forgot = unrecognisedBehind(partition, sent, entry.committedAt, offset);
    if (forgot === undefined) {
      const message = `${entry.sendId} is committed at offsets ${entry.committedAt} and ${offset}, in epochs ${first.producerEpoch} and ${sent.producerEpoch} of producer ${sent.producerId}`;
      this.fail(moment, message, partition.name, offset);
      return;
    }
    const cause = `forgotten-producer: ${forgot.node} had lost its snapshots of producers`;
    this.#listed(partition, entry, offset, cause, forgot.forgetting.faults);
    entry.repeats += 1;
    this.context.findings.situation("forgotten-producer-duplicate");
  }

  #listed(
    partition: PartitionGhost,
    entry: SendEntry,
    offset: number,
    cause: string,
    faults: readonly string[],
  ): void {
    this.context.history.duplicates.push({
      topic: partition.topic,
      partition: partition.index,
      offset,
      firstOffset: entry.committedAt,
      sendId: entry.sendId,
      cause,
      because: { setting: null, value: null, faults },
    });
  }

  #faultsAround(entry: SendEntry, sent: SentBatch, moment: Moment): readonly string[] {
    const nodes = [sent.client, moment.node];
    return this.context.faults?.culprits(nodes, entry.startedAt, moment.at) ?? [];
  }

  /**
   * The client's own step to the epoch of the second append, or one on the way there, that this
   * partition asked for: batches of others keep their epoch and sequence.
   */
  #bumpBetween(first: SentBatch, second: SentBatch, partition: string): EpochBump | undefined {
    if (first.producerId !== second.producerId) return undefined;
    const bumps = this.context.history.bumps.get(second.producerId);
    return bumps?.find(
      ({ client, producerEpoch, partitions }) =>
        client === second.client &&
        partitions.includes(partition) &&
        producerEpoch > first.producerEpoch &&
        producerEpoch <= second.producerEpoch,
    );
  }

  override atEnd(moment: Moment): void {
    for (const entry of this.context.history.sends) {
      const promise = this.context.producers.get(entry.client);
      if (promise?.idempotent !== true || promise.acks !== -1 || entry.status !== "ok") continue;
      this.evaluations += 1;
      if (entry.committedIn !== null || entry.lost !== null) continue;
      const message = `${entry.sendId} was acknowledged at offset ${entry.offset} and never committed`;
      this.fail(moment, message, entry.partition ?? undefined, entry.offset);
    }
  }
}
