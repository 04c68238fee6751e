/** What a leader does: follower progress, ISR proposals, the high watermark. */
export class IsrRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
