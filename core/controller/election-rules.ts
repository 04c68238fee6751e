/** Who may lead (PartitionChangeBuilder.java). */
export class ElectionRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
