/** Which ISR changes the controller accepts (ReplicationControlManager.java). */
export class AlterPartitionRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
