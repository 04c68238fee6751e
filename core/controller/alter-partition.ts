/** Leaders change the ISRs of their partitions (alterPartition in ReplicationControlManager.java). */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import { NO_EPOCH, NO_NODE, partitionName } from "../ids.ts";
import type { MetadataImage, PartitionRegistration, TopicImage } from "../metadata/image.ts";
import { changedRegistration } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type {
  AlterPartitionData,
  AlterPartitionRequest,
  AlterPartitionResponse,
  AlterPartitionResult,
} from "../protocol/alter-partition.ts";
import type { Decision } from "../replicated-state/replicated-state-machine.ts";
import { tellStale } from "./broker-lifecycle.ts";
import { Changes } from "./changes.ts";
import type { ControllerContext } from "./context.ts";
import { decide, hasOnlineDirectory, isUncleanElectionEnabled } from "./context.ts";
import { partitionChange } from "./partition-change.ts";

export function alterPartition(
  context: ControllerContext,
  image: MetadataImage,
  request: AlterPartitionRequest,
): Decision<MetadataRecord, AlterPartitionResponse> {
  const changes = new Changes(context.ports.probe);
  const { brokerId, brokerEpoch } = request;
  const broker = image.brokers.get(brokerId);
  const error = context.rules.alterPartition.senderError(brokerEpoch, broker?.epoch);
  if (error !== Errors.NONE) {
    tellStale(context, brokerEpoch, broker);
    return decide(changes, { errorCode: error, topics: [] });
  }
  const topics = request.topics.map(({ topicId, partitions }) => {
    const topic = image.topicsById.get(topicId);
    const alter = (data: AlterPartitionData): AlterPartitionResult =>
      topic === undefined
        ? refusal(data, Errors.UNKNOWN_TOPIC_ID)
        : alterOne(context, image, changes, topic, data, request);
    return { topicId, partitions: partitions.map(alter) };
  });
  return decide(changes, { errorCode: Errors.NONE, topics });
}

function alterOne(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  topic: TopicImage,
  data: AlterPartitionData,
  request: AlterPartitionRequest,
): AlterPartitionResult {
  const partition = topic.partitions[data.partitionIndex];
  if (partition === undefined) return refusal(data, Errors.UNKNOWN_TOPIC_OR_PARTITION);
  const { brokerId } = request;
  const error = refusalOf(context, image, partition, data, brokerId);
  tellHandled(context, topic, partition, data, brokerId, error);
  if (error !== Errors.NONE) return refusal(data, error);
  const byTopic = isUncleanElectionEnabled(context, image, topic.name);
  const change = partitionChange(context.rules.election, {
    topicId: topic.id,
    partitionId: data.partitionIndex,
    partition,
    targetIsr: data.newIsrWithEpochs.map((member) => member.brokerId),
    recoveryState: data.leaderRecoveryState,
    isPreferred: false,
    isUncleanAllowed: byTopic,
    isAcceptable: (id) => image.isActive(id) && hasOnlineDirectory(context, image, partition, id),
  });
  if (change === null) return success(data, partition);
  const { record, isUnclean } = change;
  const after = changedRegistration(partition, record);
  const told = { why: "alter-partition", isUnclean, isUncleanAllowed: byTopic } as const;
  changes.addPartition(record, topic, data.partitionIndex, partition, after, told);
  return after.leader === partition.leader
    ? success(data, after)
    : refusal(data, Errors.NEW_LEADER_ELECTED);
}

/** Why a change is refused, in Kafka's order; NONE when it is not. */
function refusalOf(
  context: ControllerContext,
  image: MetadataImage,
  partition: PartitionRegistration,
  data: AlterPartitionData,
  sender: number,
): ErrorCode {
  const rules = context.rules.alterPartition;
  const isr = data.newIsrWithEpochs.map((member) => member.brokerId);
  const errors: readonly (() => ErrorCode)[] = [
    () =>
      rules.aheadError(
        data.leaderEpoch,
        partition.leaderEpoch,
        data.partitionEpoch,
        partition.partitionEpoch,
      ),
    () => rules.leadershipError(data.leaderEpoch, partition.leaderEpoch, sender, partition.leader),
    () => rules.partitionEpochError(data.partitionEpoch, partition.partitionEpoch),
    () => (rules.isPossibleIsr(isr, partition.replicas) ? Errors.NONE : Errors.INVALID_REQUEST),
    () => (rules.containsLeader(isr, partition.leader) ? Errors.NONE : Errors.INVALID_REQUEST),
    () =>
      rules.recoveryError(
        partition.leaderRecoveryState === 1,
        data.leaderRecoveryState === 1,
        isr.length,
      ),
    () => (hasIneligible(context, image, data) ? Errors.INELIGIBLE_REPLICA : Errors.NONE),
  ];
  for (const check of errors) {
    const error = check();
    if (error !== Errors.NONE) return error;
  }
  return Errors.NONE;
}

function hasIneligible(
  { rules }: ControllerContext,
  image: MetadataImage,
  data: AlterPartitionData,
): boolean {
  return data.newIsrWithEpochs.some(({ brokerId, brokerEpoch }) => {
    const broker = image.brokers.get(brokerId);
    return (
      broker === undefined ||
      !rules.alterPartition.isLiveMember(broker.fenced, broker.inControlledShutdown) ||
      !rules.alterPartition.isSameIncarnation(brokerEpoch, broker.epoch)
    );
  });
}

function tellHandled(
  { ports }: ControllerContext,
  topic: TopicImage,
  partition: PartitionRegistration,
  data: AlterPartitionData,
  from: number,
  error: ErrorCode,
): void {
  const { probe } = ports;
  if (probe === null) return;
  const name = partitionName(topic.name, data.partitionIndex);
  probe.emit({
    kind: "alter-partition-handled",
    partition: name,
    from,
    error,
    requestLeaderEpoch: data.leaderEpoch,
    requestPartitionEpoch: data.partitionEpoch,
    currentLeader: partition.leader,
    currentLeaderEpoch: partition.leaderEpoch,
    currentPartitionEpoch: partition.partitionEpoch,
  });
  if (error !== Errors.FENCED_LEADER_EPOCH && error !== Errors.INVALID_UPDATE_VERSION) return;
  const isFenced = error === Errors.FENCED_LEADER_EPOCH;
  probe.emit({
    kind: "stale-epoch-refused",
    partition: name,
    error,
    given: isFenced ? data.leaderEpoch : data.partitionEpoch,
    current: isFenced ? partition.leaderEpoch : partition.partitionEpoch,
  });
}

function success(
  { partitionIndex }: AlterPartitionData,
  partition: PartitionRegistration,
): AlterPartitionResult {
  const { leader, leaderEpoch, isr, leaderRecoveryState, partitionEpoch } = partition;
  return {
    partitionIndex,
    errorCode: Errors.NONE,
    leaderId: leader,
    leaderEpoch,
    isr: [...isr],
    leaderRecoveryState,
    partitionEpoch,
  };
}

function refusal(
  { partitionIndex }: AlterPartitionData,
  errorCode: ErrorCode,
): AlterPartitionResult {
  return {
    partitionIndex,
    errorCode,
    leaderId: NO_NODE,
    leaderEpoch: NO_EPOCH,
    isr: [],
    leaderRecoveryState: 0,
    partitionEpoch: NO_EPOCH,
  };
}
