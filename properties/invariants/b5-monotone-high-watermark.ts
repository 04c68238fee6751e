import type { FactOf } from "../../core/facts.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

const LATEST = -1;

/** What leaders of one epoch answered for the latest offset. */
interface Answers {
  readonly epoch: number;
  lowest: number;
  highest: number;
}

/**
 * B5, the high watermark does not fall: not within one leadership; and whatever a leader of a later
 * epoch answers for the latest offset is not below what any leader of an earlier one answered
 * (KIP-207). By epochs, not by time: a deposed leader may still answer.
 *
 * Broken by: answering the latest offset before the new leader's high watermark has caught up.
 *   1. A, epoch 1, answers 10   2. B leads in epoch 2, high watermark still 7   3. B answers 7
 */
export class MonotoneHighWatermark extends Check {
  readonly id = "B5";
  readonly #answers: Map<string, Answers[]> = new Map();

  override readonly before: Handlers = {
    "high-watermark": (fact, moment) => {
      if (fact.as !== "leader") return;
      const replica = this.ghost.replica(fact.partition, moment);
      if (replica.role !== "leader" || replica.leaderEpoch !== fact.leaderEpoch) return;
      this.evaluations += 1;
      if (fact.highWatermark >= replica.highWatermark) return;
      const message = `the high watermark of epoch ${fact.leaderEpoch} fell from ${replica.highWatermark} to ${fact.highWatermark}`;
      this.fail(moment, message, fact.partition, fact.highWatermark);
    },
    "offsets-listed": (fact, moment) => {
      if (fact.timestamp === LATEST) this.#answered(fact, moment);
    },
  };

  #answered(fact: FactOf<"offsets-listed">, moment: Moment): void {
    let answers = this.#answers.get(fact.partition);
    if (answers === undefined) this.#answers.set(fact.partition, (answers = []));
    const { leaderEpoch, offset } = fact;
    let own: Answers | null = null;
    for (const other of answers) {
      if (other.epoch === leaderEpoch) {
        own = other;
        continue;
      }
      this.evaluations += 1;
      // Between them records may have been lost: then only what is before the loss must be there.
      const common = this.ghost.partition(fact.partition).commonEnd(other.epoch, leaderEpoch);
      const fits =
        other.epoch < leaderEpoch
          ? offset >= Math.min(other.highest, common)
          : Math.min(offset, common) <= other.lowest;
      if (fits) continue;
      const theirs = other.epoch < leaderEpoch ? other.highest : other.lowest;
      const message = `the latest offset was ${offset} in epoch ${leaderEpoch} and ${theirs} in epoch ${other.epoch}`;
      this.fail(moment, message, fact.partition, offset);
    }
    if (own === null) answers.push({ epoch: leaderEpoch, lowest: offset, highest: offset });
    else {
      own.lowest = Math.min(own.lowest, offset);
      own.highest = Math.max(own.highest, offset);
    }
  }
}
