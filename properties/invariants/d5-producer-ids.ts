import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * D5, producer ids: none is given to two clients, and no block of them is allocated twice.
 *
 * Broken by: a controller that forgets its last block when it restarts.
 *   1. block 0 .. 999 goes to b1   2. the controller restarts   3. block 0 .. 999 goes to b2
 */
export class ProducerIds extends Check {
  readonly id = "D5";
  readonly #given: Map<number, string> = new Map();
  /** End of the last block of each controller in its office; a deposed one goes on for a while. */
  readonly #allocatedEnd: (number | undefined)[] = [];

  override readonly before: Handlers = {
    "producer-id-given": (fact, moment) => {
      const { producerId, client } = fact;
      const before = this.#given.get(producerId);
      this.evaluations += 1;
      if (before === undefined) this.#given.set(producerId, client);
      else this.fail(moment, `producer id ${producerId} went to ${before} and to ${client}`);
    },
    "controller-activated": (_fact, moment) => {
      // A block that its predecessor did not commit was told to nobody.
      this.#allocatedEnd[moment.nodeId] = this.ghost.metadata.producerIdsEnd;
    },
    "producer-ids-allocated": (fact, moment) => {
      const { first, count, broker } = fact;
      this.evaluations += 1;
      const end = this.#allocatedEnd[moment.nodeId] ?? 0;
      if (first < end) {
        const message = `broker ${broker} got producer ids from ${first}, all below ${end} were taken`;
        this.fail(moment, message);
      }
      this.#allocatedEnd[moment.nodeId] = Math.max(end, first + count);
    },
  };
}
