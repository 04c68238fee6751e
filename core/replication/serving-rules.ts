/** What clients are told: when a produce is acknowledged, how far a fetch may read. */
export class ServingRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
