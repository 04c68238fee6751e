import type { FactOf } from "../../core/facts.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * F2, only what is committed is read: records in an answer to a client lie below the high watermark
 * of the leader that serves them, and below what the cluster has committed.
 *
 * Broken by: serving consumers up to the end of the log.
 *   1. the leader appends offset 4, high watermark 4   2. it serves offset 4 to a consumer
 */
export class OnlyCommitted extends Check {
  readonly id = "F2";

  override readonly before: Handlers = {
    "fetch-served": (fact, moment) => this.#judge(fact, moment),
  };

  #judge(fact: FactOf<"fetch-served">, moment: Moment): void {
    const last = fact.batches[fact.batches.length - 1];
    if (last === undefined) return;
    const { trueHighWatermark } = this.ghost.partition(fact.partition).canonOf(fact.leaderEpoch);
    this.evaluations += 1;
    if (last.nextOffset <= Math.min(fact.highWatermark, trueHighWatermark)) return;
    const message = `a consumer was served offset ${last.lastOffset}; the leader's high watermark is ${fact.highWatermark}, all below ${trueHighWatermark} is committed`;
    this.fail(moment, message, fact.partition, last.lastOffset);
  }
}
