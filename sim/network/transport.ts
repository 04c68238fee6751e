import type { Process } from "../process.ts";
import type { ConnectionHandler, ConnectionPort, TransportPort } from "../ports.ts";
import type { Network } from "./network.ts";

/** The transport port of one process. */
export class ProcessTransport implements TransportPort {
  readonly #process: Process;
  readonly #network: Network;

  constructor(process: Process, network: Network) {
    this.#process = process;
    this.#network = network;
  }

  listen(lane: string, accept: (connection: ConnectionPort) => ConnectionHandler): void {
    this.#process.check();
    this.#process.listener = { lane: this.#process.laneNamed(lane), accept };
  }

  connect(lane: string, host: string, channel: string, handler: ConnectionHandler): ConnectionPort {
    this.#process.check();
    return this.#network.connect(this.#process, lane, host, channel, handler);
  }
}
