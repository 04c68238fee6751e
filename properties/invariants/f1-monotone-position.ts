import type { FactOf } from "../../core/facts.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";
import { Positions } from "./positions.ts";

/**
 * F1, monotone position: as long as nobody moves a consumer's position, each poll begins where the
 * last one ended, offsets strictly increase, and no visible record between them is left out.
 *
 * Broken by: a consumer that keeps a fetched answer after its position was moved by the next one.
 *   1. a poll returns offsets 0 .. 4   2. the next one returns offset 7 while 5 and 6 are committed
 */
export class MonotonePosition extends Check {
  readonly id = "F1";
  readonly #positions: Positions = new Positions();

  override readonly before: Handlers = {
    "consumer-closed": (_fact, moment) => this.#positions.forget(moment.node),
    "position-set": (fact, moment) => {
      this.#positions.of(moment, fact.partition).next = fact.offset;
    },
    polled: (fact, moment) => this.#polled(fact, moment),
  };

  #polled(fact: FactOf<"polled">, moment: Moment): void {
    const position = this.#positions.of(moment, fact.partition);
    if (position.next !== null) {
      this.evaluations += 1;
      if (fact.position !== position.next) {
        const message = `a poll began at ${fact.position}, the position was ${position.next}`;
        this.fail(moment, message, fact.partition, fact.position);
      }
    }
    let next = fact.position;
    for (const { offset } of fact.records) {
      this.evaluations += 1;
      if (offset < next || (offset > next && this.#isVisible(fact.partition, next, offset))) {
        const message = `${moment.node} was at ${next} and was given offset ${offset}`;
        this.fail(moment, message, fact.partition, offset);
      }
      next = offset + 1;
    }
    if (
      fact.nextPosition < next ||
      (fact.nextPosition > next && this.#isVisible(fact.partition, next, fact.nextPosition))
    ) {
      const message = `${moment.node} went on at ${fact.nextPosition} after offset ${next - 1}`;
      this.fail(moment, message, fact.partition, next);
    }
    position.next = fact.nextPosition;
  }

  /** Some offset in [from, to) holds a record for applications: none is a gap in the log. */
  #isVisible(partition: string, from: number, to: number): boolean {
    const { committed } = this.ghost.partition(partition);
    for (let offset = from; offset < to;) {
      const batch = committed.batchAt(offset);
      if (batch === undefined || !batch.body.isControl) return true;
      offset = batch.nextOffset;
    }
    return false;
  }
}
