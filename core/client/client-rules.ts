import type { LeaderEpoch } from "../ids.ts";

/** What producers and consumers have in common: their view of the cluster (Metadata.java). */
export class ClientRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    acceptsLeader: "KIP-320, KIP-516, Metadata.java",
    acceptsHint: "KIP-951, Metadata.java",
  };

  /**
   * Whether the leader in a metadata response replaces the known one. A broker that lags behind may
   * answer with an older epoch; within one topic id the epoch must not go back.
   */
  acceptsLeader(sameTopicId: boolean, known: LeaderEpoch, offered: LeaderEpoch): boolean {
    return !sameTopicId || offered >= known;
  }

  /** Whether the leader named in an error answer replaces the known one: only a newer one does. */
  acceptsHint(known: LeaderEpoch, offered: LeaderEpoch): boolean {
    return offered > known;
  }
}
