/** Registration, fencing and controlled shutdown (ClusterControlManager.java, BrokerHeartbeatManager.java). */
export class LifecycleRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
