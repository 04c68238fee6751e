/**
 * The integers and names that Kafka counts with. A unit is a flavour: a plain number may become an
 * Offset, but an Offset never passes for a LeaderEpoch.
 */
type Unit<Name extends string> = number & { readonly __unit?: Name };

/** Position of a record in a partition log; the end of a log is one past its last record. */
export type Offset = Unit<"Offset">;
/** Counts the leaderships of one partition; -1 is "not known". */
export type LeaderEpoch = Unit<"LeaderEpoch">;
/** Counts the changes of one partition's registration (leader or ISR). */
export type PartitionEpoch = Unit<"PartitionEpoch">;
/** node.id of a broker or a controller; -1 is "nobody". */
export type NodeId = Unit<"NodeId">;
/** Offset of the metadata record that registered a broker's current incarnation; -1 is "any". */
export type BrokerEpoch = Unit<"BrokerEpoch">;
/** Id of an idempotent producer, unique in the cluster; -1 is "not idempotent". */
export type ProducerId = Unit<"ProducerId">;
export type ProducerEpoch = Unit<"ProducerEpoch">;
/** Sequence number of a producer's record in one partition; wraps at 2^31 - 1. */
export type Sequence = Unit<"Sequence">;

/** Counts the rebalances of one group; -1 is "no member". */
export type Generation = Unit<"Generation">;

/** 22 characters of base64url, as Kafka prints a Uuid. */
export type Uuid = string;
export type TopicId = Uuid;
/** "topic-3": what logs, facts and plans call a partition. Built once, where the partition is made. */
export type PartitionName = string;

/** group.id */
export type GroupId = string;
/** What the coordinator calls a member: its client.id and a Uuid; "" is "not known yet". */
export type MemberId = string;
/** group.instance.id of a static member. */
export type InstanceId = string;

export const NO_EPOCH = -1;
export const NO_NODE = -1;
export const NO_GENERATION = -1;
export const NO_MEMBER_ID: MemberId = "";
export const NO_PRODUCER_ID = -1;
export const NO_SEQUENCE = -1;
/** A replica of which nobody said where it is kept (DirectoryId.UNASSIGNED). */
export const UNASSIGNED_DIRECTORY: Uuid = "AAAAAAAAAAAAAAAAAAAAAA";

export function partitionName(topic: string, partition: number): PartitionName {
  return `${topic}-${partition}`;
}

/** The topic of the metadata log (CLUSTER_METADATA_TOPIC in KafkaRaftServer.java). */
export const METADATA_TOPIC = "__cluster_metadata";
/** Its reserved id (Uuid.METADATA_TOPIC_ID). */
export const METADATA_TOPIC_ID: TopicId = "AAAAAAAAAAAAAAAAAAAAAQ";

/** Where groups and committed offsets are kept (Topic.GROUP_METADATA_TOPIC_NAME). */
export const OFFSETS_TOPIC = "__consumer_offsets";
/** Where transactions are kept (Topic.TRANSACTION_STATE_TOPIC_NAME). */
export const TRANSACTIONS_TOPIC = "__transaction_state";

/** Topics that brokers keep for themselves (Topic.isInternal). */
export function isInternalTopic(topic: string): boolean {
  return topic === OFFSETS_TOPIC || topic === TRANSACTIONS_TOPIC;
}
