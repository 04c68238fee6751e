/** What a follower does: fetching, diverging, truncating, its high watermark. */
export class ReplicaRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
