/** The replicated metadata log (KafkaRaftClient.java, LeaderState.java). */
export class RaftRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
