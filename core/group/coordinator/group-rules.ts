/** What a group coordinator decides: joins, generations, fencing, committed offsets. */
export class GroupRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
