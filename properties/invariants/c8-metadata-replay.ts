import type { FactOf } from "../../core/facts.ts";
import { firstDifference } from "../ghost/ghost-log.ts";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * C8, replay: what a node has applied is a prefix of the committed metadata; and the state at one
 * offset is the same on all nodes, whether it was replayed or loaded from a snapshot (by its hash).
 *
 * Broken by: a follower that hands records to its state machines before they are committed.
 *   1. leader K1 writes offset 9 and dies   2. broker A applies it   3. K2 leads, with another offset 9
 */
export class MetadataReplay extends Check {
  readonly id = "C8";
  /** Hash of the state as of each snapshot's end, and who told it first. */
  readonly #states: Map<number, { readonly hash: number; readonly node: string }> = new Map();

  override readonly before: Handlers = {
    "metadata-applied": (fact, moment) => this.#judgeApplied(fact, moment),
    "snapshot-generated": (fact, moment) => this.#judgeState(fact.endOffset, fact.hash, moment),
    "snapshot-installed": (fact, moment) => this.#judgeState(fact.endOffset, fact.hash, moment),
    "snapshot-loaded": (fact, moment) => this.#judgeState(fact.endOffset, fact.hash, moment),
  };

  #judgeApplied(fact: FactOf<"metadata-applied">, moment: Moment): void {
    const { log, partition } = this.ghost.replica(METADATA_PARTITION, moment);
    const end = fact.offset + 1;
    this.evaluations += 1;
    if (end > partition.trueHighWatermark) {
      const message = `${moment.node} applied metadata up to offset ${fact.offset}, committed is what lies below ${partition.trueHighWatermark}`;
      this.fail(moment, message, METADATA_PARTITION, fact.offset);
      return;
    }
    if (this.ghost.metadataLost || end < log.start) return;
    if (log.samePrefix(partition.committed, Math.min(end, log.end))) return;
    const offset = firstDifference(log, partition.committed, end);
    const message = `${moment.node} applied another metadata record at offset ${offset} than was committed`;
    this.fail(moment, message, METADATA_PARTITION, offset);
  }

  #judgeState(endOffset: number, hash: number, moment: Moment): void {
    const { trueHighWatermark } = this.ghost.partition(METADATA_PARTITION);
    this.evaluations += 1;
    if (endOffset > trueHighWatermark) {
      const message = `${moment.node} has a snapshot of what lies below ${endOffset}, committed is what lies below ${trueHighWatermark}`;
      this.fail(moment, message, METADATA_PARTITION, endOffset);
      return;
    }
    if (this.ghost.metadataLost) return;
    const known = this.#states.get(endOffset);
    if (known === undefined) {
      this.#states.set(endOffset, { hash, node: moment.node });
      return;
    }
    this.evaluations += 1;
    if (known.hash === hash) return;
    const message = `the metadata below ${endOffset} is not the same on ${moment.node} as on ${known.node}`;
    this.fail(moment, message, METADATA_PARTITION, endOffset);
  }
}
