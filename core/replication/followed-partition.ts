/** One partition that a fetcher fetches (PartitionFetchState.java), and what its leader knows of that. */
import type { LeaderEpoch, Offset } from "../ids.ts";
import type { Partition } from "./partition.ts";

/**
 * - fetching: part of the next request
 * - delayed: left out for replica.fetch.backoff.ms after an error
 * - asking: its offset was out of range; the leader was asked where its log begins and ends
 */
export type FollowedState = "fetching" | "delayed" | "asking" | "removed";

export class FollowedPartition {
  readonly partition: Partition;
  readonly leaderEpoch: LeaderEpoch;
  state: FollowedState = "fetching";
  fetchOffset: Offset;
  lastFetchedEpoch: LeaderEpoch;
  /** While delayed. Monotonic ms. */
  retryAtMs = 0;
  /** What the leader's session has. */
  askedOffset: Offset = -1;
  askedEpoch: LeaderEpoch = -1;
  askedLastEpoch: LeaderEpoch = -1;
  isInSession = false;
  /** It is in the list of those to be told of in the next request. */
  isChanged = false;

  constructor(partition: Partition, leaderEpoch: LeaderEpoch, fetchOffset: Offset) {
    this.partition = partition;
    this.leaderEpoch = leaderEpoch;
    this.fetchOffset = fetchOffset;
    this.lastFetchedEpoch = partition.log.latestEpoch;
  }

  /** Takes the end of the log as the place to go on from. */
  followLog(): void {
    const { log } = this.partition;
    this.fetchOffset = log.endOffset;
    this.lastFetchedEpoch = log.latestEpoch;
  }
}
