/** What a member of a group decides: what it owns, what it commits, when it is lost. */
export class MembershipRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {};
}
