/**
 * New ISRs and leaders when brokers go or come, and by themselves from time to time
 * (generateLeaderAndIsrUpdates, maybeBalancePartitionLeaders and maybeElectUncleanLeaders in
 * ReplicationControlManager.java).
 */
import type { NodeId, Uuid } from "../ids.ts";
import { NO_NODE } from "../ids.ts";
import type { MetadataImage, PartitionRegistration, TopicImage } from "../metadata/image.ts";
import { changedRegistration } from "../metadata/image.ts";
import type { Cause, Changes } from "./changes.ts";
import { partitionsOf } from "./changes.ts";
import type { ControllerContext } from "./context.ts";
import { hasOnlineDirectory, isUncleanElectionEnabled } from "./context.ts";
import { partitionChange } from "./partition-change.ts";

/** MAX_ELECTIONS_PER_IMBALANCE in ReplicationControlManager.java. */
const MAX_ELECTIONS = 1000;

/** How the partitions are changed that `concerns` picks. */
interface Update {
  readonly why: Cause;
  /** Leaves the ISRs and may not lead; -1 for nobody. */
  readonly removed: NodeId;
  /** May lead although it is not active yet; -1 for nobody. */
  readonly added: NodeId;
  readonly isPreferred: boolean;
  /** Null: as the topic's settings say. */
  readonly isUncleanAllowed: boolean | null;
  /** New log directories of the replicas; absent: unchanged. */
  readonly directories?: readonly Uuid[];
}

/** `broker` leaves every ISR that it is in (but the last member of one stays) and leads no more. */
export function removeFromIsrs(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  broker: NodeId,
  why: Cause,
): void {
  const update = { ...ELECTION, why, removed: broker };
  for (const [topic, index, partition] of partitionsOf(image.topicsById.values())) {
    if (!partition.isr.includes(broker)) continue;
    changePartition(context, image, changes, topic, index, partition, update);
  }
}

/** `broker` came back: partitions without a leader may have one again. */
export function electForUnfenced(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  broker: NodeId,
): void {
  const update: Update = { ...ELECTION, why: "unfenced", added: broker };
  for (const [topic, index, partition] of partitionsOf(image.topicsById.values())) {
    if (partition.leader !== NO_NODE) continue;
    changePartition(context, image, changes, topic, index, partition, update);
  }
}

/** Preferred leaders take over where they can (auto.leader.rebalance.enable). */
export function balanceLeaders(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
): void {
  const update: Update = { ...ELECTION, isPreferred: true, isUncleanAllowed: false };
  for (const [topic, index, partition] of partitionsOf(image.topicsById.values())) {
    if (changes.records.length >= MAX_ELECTIONS) return;
    const preferred = partition.replicas[0] ?? NO_NODE;
    if (!context.rules.election.preferredNeeded(partition.leader, preferred)) continue;
    changePartition(context, image, changes, topic, index, partition, update);
  }
}

/** Leaderless partitions whose topic allows it get an unclean leader. */
export function electUncleanLeaders(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
): void {
  for (const [topic, index, partition] of partitionsOf(image.topicsById.values())) {
    if (changes.records.length >= MAX_ELECTIONS) return;
    if (partition.leader !== NO_NODE) continue;
    if (!isUncleanElectionEnabled(context, image, topic.name)) continue;
    changePartition(context, image, changes, topic, index, partition, ELECTION);
  }
}

/** One partition elects as an admin asked. False when that changes nothing. */
export function electOne(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  topic: TopicImage,
  index: number,
  partition: PartitionRegistration,
  isUnclean: boolean,
): boolean {
  return changePartition(context, image, changes, topic, index, partition, {
    ...ELECTION,
    why: "elect-leaders",
    isPreferred: !isUnclean,
    isUncleanAllowed: isUnclean,
  });
}

/** A broker said where it keeps its replica; a partition without leader may have one by now. */
export function assignDirectories(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  topic: TopicImage,
  index: number,
  partition: PartitionRegistration,
  directories: readonly Uuid[],
): void {
  const why = "directory-assigned";
  const update: Update = { ...ELECTION, why, isUncleanAllowed: false, directories };
  changePartition(context, image, changes, topic, index, partition, update);
}

const ELECTION: Update = {
  why: "periodic",
  removed: NO_NODE,
  added: NO_NODE,
  isPreferred: false,
  isUncleanAllowed: null,
};

function changePartition(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  topic: TopicImage,
  index: number,
  partition: PartitionRegistration,
  update: Update,
): boolean {
  const { election } = context.rules;
  const { why, removed, added, isPreferred } = update;
  const byTopic = isUncleanElectionEnabled(context, image, topic.name);
  const change = partitionChange(election, {
    topicId: topic.id,
    partitionId: index,
    partition,
    targetIsr: partition.isr.filter((id) => id !== removed),
    recoveryState: partition.leaderRecoveryState,
    isPreferred,
    isUncleanAllowed: update.isUncleanAllowed ?? byTopic,
    isAcceptable: (id) =>
      election.isAcceptable(id, removed, added, image.isActive(id)) &&
      hasOnlineDirectory(context, image, partition, id),
    ...(update.directories === undefined ? {} : { directories: update.directories }),
  });
  if (change === null) return false;
  const { record, isUnclean } = change;
  const after = changedRegistration(partition, record);
  const told = { why, isUnclean, isUncleanAllowed: byTopic };
  changes.addPartition(record, topic, index, partition, after, told);
  return true;
}
