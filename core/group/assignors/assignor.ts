/**
 * What a consumer of the classic protocol needs to share out partitions itself
 * (ConsumerPartitionAssignor.java). The leader of a group is given every member's subscription and
 * answers with everybody's assignment; the coordinator only carries the bytes of both.
 */

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Of a member that has not been in a generation yet, or does not say in which. */
export const NO_GENERATION = -1;

export interface PartitionView {
  readonly partition: number;
  /** Racks of the brokers that hold a replica, alive or not; those without a rack are left out. */
  readonly replicaRacks: readonly string[];
}

/** The cluster as the leader of the group knows it. */
export interface ClusterView {
  readonly topics: ReadonlyMap<string, readonly PartitionView[]>;
}

/** What a member wants, and what it thinks that it has. */
export interface Subscription {
  readonly topics: readonly string[];
  /** Whatever the assignor's `subscriptionUserData` gave. */
  readonly userData: Uint8Array | null;
  /** What the member holds while it joins: nothing, unless it rebalances cooperatively. */
  readonly ownedPartitions: readonly TopicPartition[];
  /** The last generation that the member was in, or NO_GENERATION. */
  readonly generationId: number;
  /** group.instance.id (KIP-345). Not part of the bytes: the coordinator tells it. */
  readonly groupInstanceId: string | null;
  /** client.rack (KIP-881). */
  readonly rackId: string | null;
}

export interface Assignment {
  readonly partitions: readonly TopicPartition[];
  readonly userData: Uint8Array | null;
}

/** The group as a member knows it after a rebalance. */
export interface ConsumerGroupMetadata {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

/** Whether members give up everything before they join (eager), or only what moves (KIP-429). */
export type RebalanceProtocol = "eager" | "cooperative";

/** One for each consumer: the sticky ones remember what they were assigned. */
export interface ConsumerPartitionAssignor {
  /** What members vote for by; unique among the assignors of a consumer. */
  readonly name: string;
  /** A consumer goes by the best one that all its assignors know; cooperative is better. */
  readonly supportedProtocols: readonly RebalanceProtocol[];
  readonly version: number;
  /** What goes into the subscription of this member; null for nothing. */
  subscriptionUserData(topics: readonly string[]): Uint8Array | null;
  /** Called on the group's leader. There is an entry for each member, in their order. */
  assign(
    metadata: ClusterView,
    groupSubscription: ReadonlyMap<string, Subscription>,
  ): Map<string, Assignment>;
  /** Called on every member when its assignment arrives. */
  onAssignment(assignment: Assignment, groupMetadata: ConsumerGroupMetadata): void;
}
