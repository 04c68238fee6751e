/**
 * The receiving side of a node's connections (SocketServer.scala): requests of one connection are
 * handled one at a time, the next one only after the answer to the one before was sent.
 */
import { assert } from "../assert.ts";
import type { CloseReason, Connection, ConnectionHandler, Lane, Ports } from "../ports.ts";
import type { ApiKey, Request, ResponseBody } from "../protocol/message.ts";
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
  #queue: Request[] = [];
  #busy = false;
  isOpen = true;

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

  closed(_reason: CloseReason): void {
    this.isOpen = false;
    // Requests that were not begun die with their connection.
    this.#queue = [];
  }

  next(): void {
    this.#busy = false;
    if (this.#queue.length === 0) return;
    this.#busy = true;
    this.#ports.work.later(this.#lane, "next request", () => {
      this.#busy = false;
      const request = this.#queue.shift();
      if (request !== undefined && this.isOpen) this.#start(request);
    });
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
    if (this.#owner.isOpen) {
      const { correlationId, apiKey } = this.request;
      const response = { correlationId, apiKey, body };
      this.#owner.connection.send(response, responseSize(response));
    }
    this.#owner.next();
  }

  finish(): void {
    this.#end();
    this.#owner.next();
  }

  disconnect(): void {
    this.#end();
    this.#owner.isOpen = false;
    this.#owner.connection.close();
  }

  #end(): void {
    assert(!this.#ended, `request ${this.request.correlationId} answered twice`);
    this.#ended = true;
  }
}
