/** What a partition log must do with its bytes: append checks, recovery, truncation, checkpoints. */
export class LogRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
