import type { Request, Response } from "./message.ts";

/** Envelope (key 58), version 0: a broker forwards a client's request to the controller (KIP-590). */
export interface EnvelopeRequest {
  readonly request: Request;
}

export interface EnvelopeResponse {
  /** NOT_CONTROLLER: the broker asks another; then `response` is null. */
  readonly errorCode: number;
  readonly response: Response | null;
}
