/** Who fetches which partition of a consumer: one fetcher for each broker that leads some (AbstractFetch.java). */
import type { NodeId } from "../ids.ts";
import type { ConsumerPartition } from "./consumer-partition.ts";
import type { NodeFetcherOptions } from "./node-fetcher.ts";
import { NodeFetcher } from "./node-fetcher.ts";

export class PartitionFetchers {
  readonly #options: NodeFetcherOptions;
  readonly #byNode: Map<NodeId, NodeFetcher> = new Map();
  /** In state fetching, with nobody to fetch from yet. */
  readonly #unplaced: Set<ConsumerPartition> = new Set();

  constructor(options: NodeFetcherOptions) {
    this.#options = options;
  }

  /** Has a partition in state fetching fetched from its leader, when there is one. */
  place(partition: ConsumerPartition): void {
    const node = partition.leader >= 0 ? partition.leader : partition.metadata.leader;
    if (node < 0) {
      this.#unplaced.add(partition);
      this.#options.metadata.requestUpdate();
      return;
    }
    if (partition.leader < 0) {
      partition.leader = node;
      partition.leaderEpoch = partition.metadata.leaderEpoch;
    }
    this.#unplaced.delete(partition);
    if (partition.fetcher?.node !== node) {
      partition.fetcher?.remove(partition);
      this.#fetcher(node).add(partition);
    } else {
      partition.fetcher.changed(partition);
    }
  }

  /** Nobody fetches it any more. */
  withdraw(partition: ConsumerPartition): void {
    partition.fetcher?.remove(partition);
    this.#unplaced.delete(partition);
  }

  /** Looks again for the leaders that were missing. */
  placeMissing(): void {
    for (const partition of this.#unplaced) this.place(partition);
  }

  /** Fetches from every broker that can be asked now. */
  fetch(nowMs: number): void {
    for (const fetcher of this.#byNode.values()) fetcher.fetch(nowMs);
  }

  #fetcher(node: NodeId): NodeFetcher {
    let fetcher = this.#byNode.get(node);
    if (fetcher === undefined) {
      fetcher = new NodeFetcher(node, this.#options);
      this.#byNode.set(node, fetcher);
    }
    return fetcher;
  }
}
