/** The consumer (FetchCollector.java, OffsetsForLeaderEpochUtils.java, SubscriptionState.java). */
export class ConsumerRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
