/** What new topics and more partitions of a topic have in common (ReplicationControlManager.java). */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { NodeId, TopicId } from "../ids.ts";
import { UNASSIGNED_DIRECTORY } from "../ids.ts";
import type { MetadataImage, PartitionRegistration } from "../metadata/image.ts";
import type { PartitionRecord } from "../metadata/records.ts";
import type { Changes } from "./changes.ts";
import type { Refusal } from "./configs.ts";
import type { ControllerContext } from "./context.ts";
import { isUncleanElectionEnabled } from "./context.ts";
import { placeReplicas } from "./replica-placer.ts";

/** Replicas and first ISR of each partition, the preferred leader first. */
export interface NewPartitions {
  readonly replicas: readonly (readonly NodeId[])[];
  readonly isrs: readonly (readonly NodeId[])[];
}

export function isRefusal(planned: object): planned is Refusal {
  return "errorCode" in planned;
}

export function refuse(errorCode: ErrorCode, errorMessage: string): Refusal {
  return { errorCode, errorMessage };
}

/** The admin said which replicas; all partitions need as many. `first`: number of the first one. */
export function assignPartitions(
  context: ControllerContext,
  image: MetadataImage,
  assignments: readonly (readonly NodeId[])[],
  factor: number,
  first: number,
): NewPartitions | Refusal {
  const isrs: (readonly NodeId[])[] = [];
  for (const [at, replicas] of assignments.entries()) {
    const partition = first + at;
    const problem = assignmentProblem(image, replicas, factor, partition);
    if (problem !== null) return refuse(Errors.INVALID_REPLICA_ASSIGNMENT, problem);
    const isr = firstIsr(context, image, replicas);
    if (isr.length === 0) {
      const message = `no broker of partition ${partition} is active`;
      return refuse(Errors.INVALID_REPLICA_ASSIGNMENT, message);
    }
    isrs.push(isr);
  }
  return { replicas: assignments.map((replicas) => [...replicas]), isrs };
}

/** validateManualPartitionAssignment; null when there is nothing to say against it. */
function assignmentProblem(
  image: MetadataImage,
  replicas: readonly NodeId[],
  factor: number,
  partition: number,
): string | null {
  if (replicas.length === 0) return `partition ${partition} has no replica`;
  if (new Set(replicas).size !== replicas.length)
    return `partition ${partition} names a broker twice`;
  const unknown = replicas.find((id) => !image.brokers.has(id));
  if (unknown !== undefined) return `there is no broker ${unknown}`;
  if (replicas.length === factor) return null;
  return `partition ${partition} has ${replicas.length} replicas, others have ${factor}`;
}

/** The controller chooses the replicas; `first` is the number of the first partition. */
export function placePartitions(
  context: ControllerContext,
  image: MetadataImage,
  topic: string,
  count: number,
  factor: number,
  first: number,
): NewPartitions | Refusal {
  const { sessions, ports } = context;
  const usable = [...image.brokers.values()].filter(({ id }) => !sessions.isShuttingDown(id));
  // A purpose of its own each time: a world may give one purpose the same draw twice.
  const purpose = first === 0 ? topic : `${topic} from ${first}`;
  const placed = placeReplicas(ports.random, purpose, usable, count, factor);
  if ("problem" in placed) return refuse(Errors.INVALID_REPLICATION_FACTOR, placed.problem);
  const isrs = placed.replicas.map((replicas) => firstIsr(context, image, replicas));
  return isrs.some((isr) => isr.length === 0)
    ? refuse(Errors.INVALID_REPLICATION_FACTOR, "all brokers are fenced or shutting down")
    : { replicas: placed.replicas, isrs };
}

function firstIsr(
  { rules }: ControllerContext,
  image: MetadataImage,
  replicas: readonly NodeId[],
): readonly NodeId[] {
  return replicas.filter((id) => {
    const broker = image.brokers.get(id);
    return (
      broker !== undefined && rules.election.mayTakePart(broker.fenced, broker.inControlledShutdown)
    );
  });
}

/** Writes the partitions from number `first` on. */
export function writePartitions(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  topic: { readonly name: string; readonly id: TopicId },
  { replicas, isrs }: NewPartitions,
  first: number,
): void {
  const told = {
    why: "created",
    isUnclean: false,
    isUncleanAllowed: isUncleanElectionEnabled(context, image, topic.name),
  } as const;
  for (const [at, replicasOfOne] of replicas.entries()) {
    const isr = isrs[at] as readonly NodeId[];
    const partitionId = first + at;
    const registration: PartitionRegistration = {
      replicas: replicasOfOne,
      isr,
      leader: isr[0] as NodeId,
      leaderRecoveryState: 0,
      leaderEpoch: 0,
      partitionEpoch: 0,
      // A broker has one log directory here, so where the replica will lie is known.
      directories: replicasOfOne.map(
        (id) => image.brokers.get(id)?.logDirs[0] ?? UNASSIGNED_DIRECTORY,
      ),
    };
    const record: PartitionRecord = {
      type: "Partition",
      topicId: topic.id,
      partitionId,
      ...registration,
    };
    changes.addPartition(record, topic, partitionId, null, registration, told);
  }
}
