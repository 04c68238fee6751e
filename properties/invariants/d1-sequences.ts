import type { FactOf } from "../../core/facts.ts";
import { sequenceDue } from "../ghost/producer-scan.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * D1, sequences: in one log the batches of one producer id and epoch have consecutive sequences, and
 * a new epoch begins at 0. Where the leader has no state of the id, any first sequence is taken: its log
 * has nothing of it, or recorded damage made it forget (ghost/forgotten-producers.ts).
 * A duplicate is answered with the offset of the batch that it repeats.
 *
 * Broken by: a broker that does not look at sequences.
 *   1. batch of sequence 0 is appended, its answer lost   2. the retry is appended again
 */
export class Sequences extends Check {
  readonly id = "D1";

  override readonly before: Handlers = {
    appended: (fact, moment) => {
      if (fact.as === "leader" && fact.batch.body.producerId >= 0) this.#appended(fact, moment);
    },
    "duplicate-found": (fact, moment) => this.#duplicate(fact, moment),
  };

  #appended(fact: FactOf<"appended">, moment: Moment): void {
    const { producerId, producerEpoch, baseSequence } = fact.batch.body;
    const replica = this.ghost.replica(fact.partition, moment);
    const known = replica.scan.producers().get(producerId);
    if (known === undefined || replica.leadsWithout(producerId, known)) return;
    const { startMs, producerIdExpirationMs } = this.context;
    if (startMs + moment.at / 1000 - known.lastTimestamp >= producerIdExpirationMs) return;
    this.evaluations += 1;
    const want = sequenceDue(known, producerEpoch);
    if (baseSequence === want) return;
    const message =
      want === null
        ? `producer ${producerId} appended in epoch ${producerEpoch} after epoch ${known.producerEpoch}`
        : `producer ${producerId} appended sequence ${baseSequence} in epoch ${producerEpoch} where ${want} was due`;
    this.fail(moment, message, fact.partition, fact.batch.baseOffset);
  }

  #duplicate(fact: FactOf<"duplicate-found">, moment: Moment): void {
    const { log } = this.ghost.replica(fact.partition, moment);
    const held = log.batchAt(fact.baseOffset);
    this.evaluations += 1;
    if (
      held !== undefined &&
      held.baseOffset === fact.baseOffset &&
      held.body.producerId === fact.producerId &&
      held.body.producerEpoch === fact.producerEpoch &&
      held.body.baseSequence === fact.baseSequence
    ) {
      return;
    }
    const message = `sequence ${fact.baseSequence} of producer ${fact.producerId} was called a duplicate of offset ${fact.baseOffset}, where it is not`;
    this.fail(moment, message, fact.partition, fact.baseOffset);
  }
}
