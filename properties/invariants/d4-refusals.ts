import { Errors, errorName } from "../../core/errors.ts";
import type { FactOf } from "../../core/facts.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import { nextSequence } from "../ghost/producer-scan.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

const REMEMBERED = 5;

/**
 * D4, refusals: OUT_OF_ORDER_SEQUENCE_NUMBER is answered only to a batch that neither comes next in
 * that leader's log nor repeats a batch that the leader remembers; and not where its log knows
 * nothing of the producer. UNKNOWN_PRODUCER_ID only where its log knows nothing.
 *
 * Broken by: remembering the last batch only.
 *   1. batches of sequence 0 and 1 are appended, the answer to 0 is lost   2. the retry of 0 is
 *   refused instead of answered with its offset
 */
export class Refusals extends Check {
  readonly id = "D4";

  override readonly before: Handlers = {
    "produce-refused": (fact, moment) => {
      if (
        fact.error === Errors.OUT_OF_ORDER_SEQUENCE_NUMBER ||
        fact.error === Errors.UNKNOWN_PRODUCER_ID
      ) {
        this.#judge(fact, moment);
      }
    },
  };

  #judge(fact: FactOf<"produce-refused">, moment: Moment): void {
    const replica = this.ghost.replica(fact.partition, moment);
    const { producerId, producerEpoch, baseSequence } = fact;
    const known = replica.scan.producers().get(producerId);
    this.evaluations += 1;
    let wrong: string | null = null;
    if (fact.error === Errors.UNKNOWN_PRODUCER_ID) {
      if (known !== undefined) wrong = "the log has batches of it";
    } else if (known === undefined) wrong = "the log has nothing of it, so any sequence fits";
    else if (replica.leadsWithout(producerId, known)) {
      wrong = "the leader has forgotten it, so any sequence fits";
    } else if (producerEpoch > known.producerEpoch) {
      if (baseSequence === 0) wrong = "a new epoch begins at 0";
    } else if (producerEpoch === known.producerEpoch) {
      const last = known.batches[known.batches.length - 1]?.lastSequence ?? -1;
      if (baseSequence === nextSequence(last)) wrong = `it comes after ${last}`;
      else if (this.#remembers(replica, fact)) wrong = "the leader remembers that very batch";
    }
    if (wrong === null) return;
    const message = `sequence ${baseSequence} of producer ${producerId}, epoch ${producerEpoch}, was refused with ${errorName(fact.error)}: ${wrong}`;
    this.fail(moment, message, fact.partition);
  }

  /** What it knew when it became leader, and what it appended since: the last five. */
  #remembers(replica: ReplicaGhost, fact: FactOf<"produce-refused">): boolean {
    const { producerId, producerEpoch, baseSequence } = fact;
    const { batches } = replica.log;
    let seen = 0;
    for (let index = batches.length - 1; index >= 0 && seen < REMEMBERED; index -= 1) {
      const batch = batches[index];
      if (batch === undefined || batch.baseOffset < replica.epochStart) break;
      if (batch.body.producerId !== producerId) continue;
      if (batch.body.producerEpoch !== producerEpoch) return false;
      if (batch.body.baseSequence === baseSequence) return true;
      seen += 1;
    }
    const entry = replica.producersAtStart.find((producer) => producer.producerId === producerId);
    if (entry === undefined || entry.producerEpoch !== producerEpoch || seen === REMEMBERED) {
      return false;
    }
    const kept = entry.batches.slice(seen - REMEMBERED);
    return kept.some(({ firstSequence }) => firstSequence === baseSequence);
  }
}
