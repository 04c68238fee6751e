import { Errors, errorName } from "../../core/errors.ts";
import type { FactOf } from "../../core/facts.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";
import type { CommittedLoss } from "../ghost/canon.ts";
import { Positions } from "./positions.ts";
import type { Position } from "./positions.ts";

/**
 * F6, offset reset: a consumer that has a position loses it only after OFFSET_OUT_OF_RANGE or because
 * its leader's log diverged from what it had read, and never at or below what is committed, since
 * that is in every leader's log. Where committed records were lost a position beyond the loss is gone
 * too, once. With a reset policy no such error surfaces. A member of a group has a position for as long as
 * it owns the partition.
 *
 * Broken by: a consumer that resets on any error of a fetch.
 *   1. the consumer is at 5, 9 is committed   2. NOT_LEADER_OR_FOLLOWER   3. it starts again at 0
 */
export class OffsetReset extends Check {
  readonly id = "F6";
  readonly #positions: Positions = new Positions();

  override readonly before: Handlers = {
    polled: (fact, moment) => {
      const position = this.#positions.of(moment, fact.partition);
      if (position.next !== null) {
        this.evaluations += 1;
        if (fact.position < position.next) {
          const message = `the position fell from ${position.next} to ${fact.position} unannounced`;
          this.fail(moment, message, fact.partition, fact.position);
        }
      }
      position.next = fact.nextPosition;
    },
    "consumer-closed": (_fact, moment) => this.#positions.forget(moment.node),
    "position-set": (fact, moment) => {
      const position = this.#positions.of(moment, fact.partition);
      if (position.next !== null) this.#judge(fact, position, position.next, moment);
      // It may have been committed before any of them.
      if (fact.why === "committed") position.losses = 0;
      position.next = fact.offset;
    },
    // Whoever owns the partition next begins with what the group has committed.
    "partitions-revoked": ({ partitions }, moment) => {
      for (const partition of partitions) this.#positions.of(moment, partition).next = null;
    },
    "client-error": (fact, moment) => {
      const policy = this.context.consumers.get(moment.node)?.autoOffsetReset;
      if (policy === undefined || policy === "none") return;
      this.evaluations += 1;
      if (!/OFFSET_OUT_OF_RANGE|OffsetOutOfRange|NoOffset|LogTruncation/i.test(fact.error)) return;
      this.fail(moment, `${moment.node} was told ${fact.error} although its policy is ${policy}`);
    },
  };

  #judge(fact: FactOf<"position-set">, position: Position, before: number, moment: Moment): void {
    if (fact.why === "assigned" || fact.why === "seek") return;
    const { trueHighWatermark, losses } = this.ghost.partition(fact.partition);
    this.evaluations += 1;
    let wrong: string | null = null;
    if (fact.why !== "truncation" && fact.cause !== Errors.OFFSET_OUT_OF_RANGE) {
      wrong = `after ${errorName(fact.cause)}`;
    } else if (before <= trueHighWatermark && !isGone(before, position, losses)) {
      wrong = `although all below ${trueHighWatermark} is committed`;
    }
    if (wrong === null) return;
    const message = `the position ${before} was lost (${fact.why}, now ${fact.offset}) ${wrong}`;
    this.fail(moment, message, fact.partition, before);
  }
}

/** Records before that position were lost since the consumer lost its position the last time. */
function isGone(before: number, position: Position, losses: readonly CommittedLoss[]): boolean {
  const news = losses.slice(position.losses);
  position.losses = losses.length;
  return news.some(({ offset }) => offset < before);
}
