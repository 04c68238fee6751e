import type {
  Assignment,
  ClusterView,
  ConsumerGroupMetadata,
  ConsumerPartitionAssignor,
  PartitionView,
  RebalanceProtocol,
  Subscription,
} from "./assignor.ts";
import type { AssignorRules } from "./assignor-rules.ts";
import { GroupIndex } from "./group-index.ts";

/** What Kafka's own assignors have in common (AbstractPartitionAssignor.java). */
export abstract class BaseAssignor implements ConsumerPartitionAssignor {
  protected readonly rules: AssignorRules;
  abstract readonly name: string;
  readonly supportedProtocols: readonly RebalanceProtocol[] = ["eager"];
  readonly version: number = 0;

  constructor(rules: AssignorRules) {
    this.rules = rules;
  }

  subscriptionUserData(_topics: readonly string[]): Uint8Array | null {
    return null;
  }

  onAssignment(_assignment: Assignment, _groupMetadata: ConsumerGroupMetadata): void {}

  /** Topics that nobody wants are not shared out. */
  assign(
    metadata: ClusterView,
    groupSubscription: ReadonlyMap<string, Subscription>,
  ): Map<string, Assignment> {
    const wanted = new Set<string>();
    for (const { topics } of groupSubscription.values()) {
      for (const topic of topics) wanted.add(topic);
    }
    const topics = [...wanted].map((topic) => [topic, metadata.topics.get(topic) ?? []] as const);
    return this.assignTopics(new Map(topics), groupSubscription);
  }

  /** As `assign`, of just these topics. */
  assignTopics(
    topics: ReadonlyMap<string, readonly PartitionView[]>,
    groupSubscription: ReadonlyMap<string, Subscription>,
  ): Map<string, Assignment> {
    const index = new GroupIndex(topics, groupSubscription);
    return index.assignments(this.ownersOf(index));
  }

  /** By partition: the member that gets it, or NOBODY. */
  protected abstract ownersOf(index: GroupIndex): Int32Array;
}
