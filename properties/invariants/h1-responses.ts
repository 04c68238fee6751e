import { ApiKeys } from "../../core/protocol/message.ts";
import type { RequestOf, Response } from "../../core/protocol/message.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";

/** Requests of one connection that reached the server and are not answered, oldest first. */
interface Outstanding {
  readonly ids: number[];
  readonly apiKeys: number[];
  /** Answered ones at the front, cut away now and then. */
  head: number;
}

const CUT_AT = 64;

/**
 * H1, responses: on each connection responses arrive in the order of the requests, each with the
 * correlation id and the API of its request. Produce with acks=0 has none.
 *
 * Broken by: a server that answers a delayed request when it is done, past younger ones.
 *   1. requests 7 and 8 arrive   2. the response to 8 is sent first
 */
export class Responses extends Check {
  readonly id = "H1";
  readonly #connections: Map<number, Outstanding> = new Map();

  override frameDelivered(connection: number, frame: unknown, moment: Moment): void {
    let outstanding = this.#connections.get(connection);
    if (outstanding === undefined) {
      outstanding = { ids: [], apiKeys: [], head: 0 };
      this.#connections.set(connection, outstanding);
    }
    const { ids, apiKeys } = outstanding;
    if ("clientId" in (frame as object)) {
      const request = frame as RequestOf<0>;
      if (request.apiKey === ApiKeys.PRODUCE && request.body.acks === 0) return;
      ids.push(request.correlationId);
      apiKeys.push(request.apiKey);
      return;
    }
    const response = frame as Response;
    this.evaluations += 1;
    const { head } = outstanding;
    if (ids[head] !== response.correlationId || apiKeys[head] !== response.apiKey) {
      const want = head < ids.length ? `${ids[head]} (api ${apiKeys[head]})` : "none";
      const message = `response ${response.correlationId} (api ${response.apiKey}) arrived, ${want} was due`;
      this.fail(moment, message);
    }
    outstanding.head += 1;
    if (outstanding.head < CUT_AT) return;
    ids.splice(0, outstanding.head);
    apiKeys.splice(0, outstanding.head);
    outstanding.head = 0;
  }
}
