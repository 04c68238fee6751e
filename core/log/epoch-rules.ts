/** The leader epoch cache (LeaderEpochFileCache.java): KIP-101, KIP-279, KIP-320. */
export class EpochRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
