/** One fetcher per leader broker that this broker follows (ReplicaFetcherManager.scala). */
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import type { Partition } from "./partition.ts";
import type { RemovalReason } from "./replica-fetcher.ts";
import { ReplicaFetcher } from "./replica-fetcher.ts";
import type { ReplicationContext } from "./replication-context.ts";

export class FetcherManager {
  readonly #context: ReplicationContext;
  readonly #fetchers: Map<NodeId, ReplicaFetcher> = new Map();

  constructor(context: ReplicationContext) {
    this.#context = context;
  }

  /** Follows `leader`, unless it is not registered. */
  add(partition: Partition, leader: NodeId, leaderEpoch: LeaderEpoch, fetchOffset: Offset): void {
    const registration = this.#context.image.brokers.get(leader);
    if (registration === undefined) return;
    let fetcher = this.#fetchers.get(leader);
    if (fetcher === undefined) {
      fetcher = new ReplicaFetcher(this.#context, leader, registration.host);
      this.#fetchers.set(leader, fetcher);
    }
    fetcher.add(partition, leaderEpoch, fetchOffset);
  }

  /** Stops following; no-op when nobody follows for it. */
  remove(partition: Partition, why: RemovalReason): void {
    partition.fetcher?.remove(partition, why);
  }

  /** Ends the connections of fetchers without partitions. */
  closeIdle(): void {
    for (const [leader, fetcher] of this.#fetchers) {
      if (!fetcher.isIdle) continue;
      fetcher.close();
      this.#fetchers.delete(leader);
    }
  }

  closeAll(): void {
    for (const fetcher of this.#fetchers.values()) fetcher.close();
    this.#fetchers.clear();
  }
}
