/**
 * Brokers say in which log directory they keep their replicas (handleAssignReplicasToDirs in
 * ReplicationControlManager.java, KIP-858). A replica whose assigned directory is not there may not
 * lead: that is what keeps a broker that came back with an empty disk from leading what it lost.
 */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { NodeId, Uuid } from "../ids.ts";
import type { MetadataImage, PartitionRegistration } from "../metadata/image.ts";
import { directoryOf } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type {
  AssignReplicasToDirsRequest,
  AssignReplicasToDirsResponse,
} from "../protocol/assign-replicas-to-dirs.ts";
import type { Decision } from "../replicated-state/replicated-state-machine.ts";
import { tellStale } from "./broker-lifecycle.ts";
import { Changes } from "./changes.ts";
import type { ControllerContext } from "./context.ts";
import { decide } from "./context.ts";
import { assignDirectories } from "./isr-updates.ts";

export function assignReplicasToDirs(
  context: ControllerContext,
  image: MetadataImage,
  request: AssignReplicasToDirsRequest,
): Decision<MetadataRecord, AssignReplicasToDirsResponse> {
  const { brokerId, brokerEpoch } = request;
  const changes = new Changes(context.ports.probe);
  const broker = image.brokers.get(brokerId);
  const error = context.rules.lifecycle.brokerEpochError(brokerEpoch, broker?.epoch);
  if (error !== Errors.NONE) {
    tellStale(context, brokerEpoch, broker);
    return decide(changes, { errorCode: error, directories: [] });
  }
  const directories = request.directories.map(({ id, topics }) => ({
    id,
    topics: topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map((partitionIndex) => ({
        partitionIndex,
        errorCode: assignOne(context, image, changes, brokerId, id, topicId, partitionIndex),
      })),
    })),
  }));
  return decide(changes, { errorCode: Errors.NONE, directories });
}

function assignOne(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  broker: NodeId,
  directory: Uuid,
  topicId: Uuid,
  index: number,
): ErrorCode {
  const topic = image.topicsById.get(topicId);
  if (topic === undefined) return Errors.UNKNOWN_TOPIC_ID;
  const partition = topic.partitions[index];
  if (partition === undefined) return Errors.UNKNOWN_TOPIC_OR_PARTITION;
  if (!partition.replicas.includes(broker)) return Errors.NOT_LEADER_OR_FOLLOWER;
  if (directoryOf(partition, broker) !== directory) {
    const directories = assigned(partition, broker, directory);
    assignDirectories(context, image, changes, topic, index, partition, directories);
  }
  return Errors.NONE;
}

function assigned(
  partition: PartitionRegistration,
  broker: NodeId,
  directory: Uuid,
): readonly Uuid[] {
  return partition.replicas.map((replica) =>
    replica === broker ? directory : directoryOf(partition, replica),
  );
}
