/** The producer (Sender.java, TransactionManager.java, RecordAccumulator.java). */
export class ProducerRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
