/** What a broker does at start and stop (BrokerLifecycleManager.scala, BrokerMetadataPublisher.scala). */
export class BrokerRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
