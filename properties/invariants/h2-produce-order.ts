import { ApiKeys } from "../../core/protocol/message.ts";
import type { RequestOf } from "../../core/protocol/message.ts";
import type { BatchBody } from "../../core/record/batch.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/** When a batch reached the server, on its connection. */
interface Arrival {
  readonly connection: number;
  readonly order: number;
}

/**
 * H2, produce order: batches that reach a broker on one connection take effect in that order, for
 * each partition. A batch that came twice is judged by its last arrival.
 *
 * Broken by: a server that handles the requests of one connection side by side.
 *   1. produce requests with x and y arrive on one connection   2. y is appended, then x
 */
export class ProduceOrder extends Check {
  readonly id = "H2";
  /** By node id: a batch that was refused by one broker goes to another. */
  readonly #arrivals: (WeakMap<BatchBody, Arrival> | undefined)[] = [];
  /** Order of the last arrival that took effect, by partition and connection. */
  readonly #effects: Map<string, Map<number, number>> = new Map();
  #arrived = 0;

  override frameDelivered(connection: number, frame: unknown, moment: Moment): void {
    const request = frame as RequestOf<0>;
    if (request.apiKey !== ApiKeys.PRODUCE || !("clientId" in request)) return;
    const arrivals = (this.#arrivals[moment.nodeId] ??= new WeakMap());
    this.#arrived += 1;
    const arrival: Arrival = { connection, order: this.#arrived };
    for (const { partitionData } of request.body.topicData) {
      for (const { records } of partitionData) {
        for (const body of records) arrivals.set(body, arrival);
      }
    }
  }

  override readonly before: Handlers = {
    appended: (fact, moment) => {
      if (fact.as !== "leader") return;
      const arrival = this.#arrivals[moment.nodeId]?.get(fact.batch.body);
      if (arrival === undefined) return;
      let effects = this.#effects.get(fact.partition);
      if (effects === undefined) this.#effects.set(fact.partition, (effects = new Map()));
      const last = effects.get(arrival.connection) ?? 0;
      this.evaluations += 1;
      effects.set(arrival.connection, arrival.order);
      if (arrival.order >= last) return;
      const message = `a batch was appended at offset ${fact.batch.baseOffset} after one that arrived later on its connection`;
      this.fail(moment, message, fact.partition, fact.batch.baseOffset);
    },
  };
}
