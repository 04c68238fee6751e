/**
 * A client's request that a broker forwarded to the controller (KIP-590): looks like a call of the
 * client's own, and answers with an envelope.
 */
import { Errors } from "../errors.ts";
import type { EnvelopeRequest, EnvelopeResponse } from "../protocol/envelope.ts";
import type { ApiKey, Request, ResponseBody } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";
import { saysNotController } from "./not-controller.ts";
import type { Call } from "./request-server.ts";

export class EnvelopedCall implements Call {
  readonly request: Request;
  readonly #outer: Call;

  constructor(outer: Call) {
    this.#outer = outer;
    this.request = (outer.request.body as EnvelopeRequest).request;
  }

  get peer(): string {
    return this.#outer.peer;
  }

  get connectionId(): number {
    return this.#outer.connectionId;
  }

  get isOpen(): boolean {
    return this.#outer.isOpen;
  }

  /**
   * NOT_CONTROLLER is the broker's concern, so the envelope says it and the client never sees it.
   */
  respond<K extends ApiKey>(body: ResponseBody<K>): void {
    const { apiKey, correlationId } = this.request;
    const answer: EnvelopeResponse = saysNotController(apiKey, body)
      ? { errorCode: Errors.NOT_CONTROLLER, response: null }
      : { errorCode: Errors.NONE, response: { correlationId, apiKey, body } };
    this.#outer.respond<typeof ApiKeys.ENVELOPE>(answer);
  }

  finish(): void {
    this.#outer.finish();
  }

  disconnect(): void {
    this.#outer.disconnect();
  }
}
