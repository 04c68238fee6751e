/**
 * The connections of one client, one for each host (NetworkClient.java).
 *
 * Differs from Kafka: a bootstrap server that turns out to be a known broker keeps its connection; without
 * a ready node another connection is opened also while one is being opened, where leastLoadedNode waits for
 * that one until socket.connection.setup.timeout.ms.
 */
import type { CommonClientSettings } from "../settings/client-settings.ts";
import type { Ports } from "../ports.ts";
import { ClientChannel } from "../network/client-channel.ts";

export interface ClientNetworkOptions {
  readonly clientId: string;
  readonly settings: CommonClientSettings;
  /** A connection can take requests (again), or may be tried again. */
  readonly onReady: () => void;
  readonly onDisconnect: () => void;
}

interface Entry {
  readonly channel: ClientChannel;
  /** Asked for, and neither ready nor failed since. */
  connecting: boolean;
}

/** The lane of everything that a client does. */
export const CLIENT_LANE = "client";

export class ClientNetwork {
  readonly #ports: Ports;
  readonly #options: ClientNetworkOptions;
  readonly #entries: Map<string, Entry> = new Map();

  constructor(ports: Ports, options: ClientNetworkOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** The channel to a host if a request given now leaves at once; otherwise it starts to connect. */
  readyChannel(host: string): ClientChannel | null {
    const entry = this.#entry(host);
    if (entry.channel.isReady) return entry.channel;
    this.#connect(entry);
    return null;
  }

  /** The channel to a host, also while a request given now would have to wait for a connection. */
  channel(host: string): ClientChannel {
    return this.#entry(host).channel;
  }

  /**
   * A ready channel with the fewest requests under way (leastLoadedNode). Without one, a connection
   * that nobody tries yet is opened, the result is null and `onReady` follows.
   */
  leastLoaded(hosts: readonly string[]): ClientChannel | null {
    const start = this.#ports.random.below("least-loaded node", hosts.length);
    let best: ClientChannel | null = null;
    let untried: Entry | null = null;
    for (let i = 0; i < hosts.length; i++) {
      const entry = this.#entry(hosts[(start + i) % hosts.length] as string);
      const { channel } = entry;
      if (channel.isReady) {
        if (channel.inFlightCount === 0) return channel;
        if (best === null || channel.inFlightCount < best.inFlightCount) best = channel;
      } else if (untried === null && !entry.connecting && !channel.isBackingOff) {
        untried = entry;
      }
    }
    if (best === null && untried !== null) this.#connect(untried);
    return best;
  }

  close(): void {
    for (const entry of this.#entries.values()) entry.channel.close();
    this.#entries.clear();
  }

  #connect(entry: Entry): void {
    if (entry.connecting || entry.channel.isBackingOff) return;
    entry.connecting = true;
    entry.channel.connect();
  }

  #entry(host: string): Entry {
    let entry = this.#entries.get(host);
    if (entry === undefined) {
      entry = this.#open(host);
      this.#entries.set(host, entry);
    }
    return entry;
  }

  #open(host: string): Entry {
    const { clientId, settings, onReady, onDisconnect } = this.#options;
    const channel = new ClientChannel(this.#ports, {
      lane: CLIENT_LANE,
      host,
      channel: clientId,
      clientId,
      requestTimeoutMs: settings["request.timeout.ms"],
      reconnectBackoffMs: settings["reconnect.backoff.ms"],
      reconnectBackoffMaxMs: settings["reconnect.backoff.max.ms"],
      onReady: () => {
        entry.connecting = false;
        onReady();
      },
      onDisconnect: () => {
        entry.connecting = false;
        onDisconnect();
      },
    });
    const entry: Entry = { channel, connecting: false };
    return entry;
  }
}
