/**
 * Connections of a node to the voters (KafkaNetworkChannel.java). Lane "raft".
 *
 * Differs from Kafka: fetches have a connection of their own, so that a vote does not wait behind a
 * fetch that its leader holds back.
 */
import type { ClientChannelOptions, Outcome } from "../network/client-channel.ts";
import { ClientChannel } from "../network/client-channel.ts";
import type { NodeId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { ApiKey, RequestBody } from "../protocol/message.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";

const RECONNECT_BACKOFF_MS = 50;
const RECONNECT_BACKOFF_MAX_MS = 500;

/** "raft" carries fetches, "raft-election" everything else. */
export type PeerChannel = "raft" | "raft-election";

export class Peers {
  readonly #ports: Ports;
  readonly #settings: BrokerSettings;
  readonly #nodeId: NodeId;
  readonly #channels: Map<string, ClientChannel> = new Map();
  #isClosed = false;

  constructor(ports: Ports, settings: BrokerSettings, nodeId: NodeId) {
    this.#ports = ports;
    this.#settings = settings;
    this.#nodeId = nodeId;
  }

  /** `done` is called once, later, unless all connections are closed before. */
  send<K extends ApiKey>(
    host: string,
    channel: PeerChannel,
    apiKey: K,
    body: RequestBody<K>,
    done: (outcome: Outcome<K>) => void,
  ): void {
    if (!this.#isClosed) this.#channel(host, channel).send(apiKey, body, done);
  }

  close(): void {
    this.#isClosed = true;
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #channel(host: string, name: PeerChannel): ClientChannel {
    const key = `${host} ${name}`;
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      const options: ClientChannelOptions = {
        lane: "raft",
        host,
        channel: name,
        clientId: `raft-client-${this.#nodeId}`,
        requestTimeoutMs: this.#settings["controller.quorum.request.timeout.ms"],
        reconnectBackoffMs: RECONNECT_BACKOFF_MS,
        reconnectBackoffMaxMs: RECONNECT_BACKOFF_MAX_MS,
      };
      this.#channels.set(key, (channel = new ClientChannel(this.#ports, options)));
    }
    return channel;
  }
}
