/**
 * The receiving side of a node's connections (SocketServer.scala): requests of one connection are
 * handled one at a time, the next one only after the answer to the one before went to the socket.
 * What a client sends meanwhile waits here, so its number is bounded by what clients keep in
 * flight.
 */
import { assert } from "../assert.ts";
import type { CloseReason, Connection, ConnectionHandler, Lane, Ports } from "../ports.ts";
import type { ApiKey, Request, Response, ResponseBody } from "../protocol/message.ts";
import { responseSize } from "./size.ts";

/** A request with the means to answer it, exactly once. */
export interface Call {
  readonly request: Request;
  /** Name of the node that sent it. */
  readonly peer: string;
  /** Numbers the connections that this server accepted since the node started. */
  readonly connectionId: number;
  /** False once the connection is gone: an answer would reach nobody. */
  readonly isOpen: boolean;
  /** Sends the answer. */
  respond<K extends ApiKey>(body: ResponseBody<K>): void;
  /** Ends the call without an answer (acks=0). */
  finish(): void;
  /** Ends the connection instead of an answer (acks=0 that failed). */
  disconnect(): void;
}

/** Starts listening; `handle` gets one call of each connection at a time. */
export function serveRequests(ports: Ports, lane: Lane, handle: (call: Call) => void): void {
  let accepted = 0;
  ports.transport.listen(lane, (connection) => {
    accepted += 1;
    return new ServedConnection(ports, lane, connection, accepted, handle);
  });
}

class ServedConnection implements ConnectionHandler {
  readonly #ports: Ports;
  readonly #lane: Lane;
  readonly connection: Connection;
  readonly id: number;
  readonly #handle: (call: Call) => void;
  /** Received while another one was being handled, oldest first. */
  #queue: Request[] = [];
  /**
   * A request is being handled, or its answer fills the socket, or the next one is about to start.
   */
  #busy = false;
  #awaitsDrain = false;
  isOpen = true;
  /** Made once, as busy connections need it for every request. */
  readonly #takeNext = (): void => {
    const request = this.#queue.shift();
    if (request !== undefined) this.#start(request);
    else this.#busy = false;
  };

  constructor(
    ports: Ports,
    lane: Lane,
    connection: Connection,
    id: number,
    handle: (call: Call) => void,
  ) {
    this.#ports = ports;
    this.#lane = lane;
    this.connection = connection;
    this.id = id;
    this.#handle = handle;
  }

  received(frame: unknown): void {
    if (this.#busy) this.#queue.push(frame as Request);
    else this.#start(frame as Request);
  }

  drained(): void {
    if (!this.#awaitsDrain) return;
    this.#awaitsDrain = false;
    this.#startNext();
  }

  closed(_reason: CloseReason): void {
    this.isOpen = false;
    // Requests that were not begun die with their connection.
    this.#queue = [];
  }

  answer(response: Response): void {
    if (!this.isOpen) return;
    this.connection.send(response, responseSize(response));
    this.#awaitsDrain = !this.connection.writable;
  }

  /** The request being handled has ended. */
  ended(): void {
    if (!this.#awaitsDrain) this.#startNext();
  }

  disconnect(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#queue = [];
    this.connection.close();
  }

  #startNext(): void {
    this.#busy = false;
    if (this.#queue.length === 0) return;
    this.#busy = true;
    this.#ports.work.later(this.#lane, "next request", this.#takeNext);
  }

  #start(request: Request): void {
    this.#busy = true;
    this.#handle(new ServedCall(this, request));
  }
}

class ServedCall implements Call {
  readonly request: Request;
  readonly #owner: ServedConnection;
  #ended = false;

  constructor(owner: ServedConnection, request: Request) {
    this.#owner = owner;
    this.request = request;
  }

  get peer(): string {
    return this.#owner.connection.peer;
  }

  get connectionId(): number {
    return this.#owner.id;
  }

  get isOpen(): boolean {
    return this.#owner.isOpen;
  }

  respond<K extends ApiKey>(body: ResponseBody<K>): void {
    this.#end();
    const { correlationId, apiKey } = this.request;
    this.#owner.answer({ correlationId, apiKey, body });
    this.#owner.ended();
  }

  finish(): void {
    this.#end();
    this.#owner.ended();
  }

  disconnect(): void {
    this.#end();
    this.#owner.disconnect();
  }

  #end(): void {
    assert(!this.#ended, `request ${this.request.correlationId} answered twice`);
    this.#ended = true;
  }
}
