/** Idempotence on the broker (ProducerStateManager.java, ProducerAppendInfo.java). */
export class DedupRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
