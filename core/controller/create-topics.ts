/** New topics (createTopics in ReplicationControlManager.java). */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { NodeId, TopicId } from "../ids.ts";
import { UNASSIGNED_DIRECTORY } from "../ids.ts";
import type { MetadataImage, PartitionRegistration } from "../metadata/image.ts";
import type { MetadataRecord, PartitionRecord } from "../metadata/records.ts";
import { TOPIC_RESOURCE } from "../protocol/configs.ts";
import type {
  CreatableTopic,
  CreateTopicsRequest,
  CreateTopicsResponse,
} from "../protocol/create-topics.ts";
import type { Decision } from "../replicated-state/replicated-state-machine.ts";
import { randomUuid } from "../uuid.ts";
import { Changes } from "./changes.ts";
import type { Refusal } from "./configs.ts";
import { topicConfigProblem } from "./configs.ts";
import type { ControllerContext } from "./context.ts";
import { decide, isUncleanElectionEnabled } from "./context.ts";
import { placeReplicas } from "./replica-placer.ts";

const NO_TOPIC_ID: TopicId = "AAAAAAAAAAAAAAAAAAAAAA";
const MAX_NAME_LENGTH = 249;

/** What a topic will be made of. */
interface NewTopic {
  /** Replicas of each partition, the preferred leader first. */
  readonly replicas: readonly (readonly NodeId[])[];
  readonly isrs: readonly (readonly NodeId[])[];
}

type Result = CreateTopicsResponse["topics"][number];

export function createTopics(
  context: ControllerContext,
  image: MetadataImage,
  request: CreateTopicsRequest,
): Decision<MetadataRecord, CreateTopicsResponse> {
  const changes = new Changes(context.ports.probe);
  const created: string[] = [];
  const topics = request.topics.map((topic): Result => {
    const names = request.topics.filter((other) => other.name === topic.name);
    const planned =
      names.length > 1
        ? refuse(Errors.INVALID_REQUEST, `topic ${topic.name} is named twice`)
        : planTopic(context, image, topic, created);
    if ("errorCode" in planned) {
      return { ...planned, ...UNMADE, name: topic.name };
    }
    created.push(topic.name);
    const topicId = randomUuid(context.ports.random, `topic id of ${topic.name}`);
    if (!request.validateOnly) writeTopic(context, image, changes, topic, topicId, planned);
    return {
      name: topic.name,
      topicId: request.validateOnly ? NO_TOPIC_ID : topicId,
      errorCode: Errors.NONE,
      errorMessage: null,
      numPartitions: planned.replicas.length,
      replicationFactor: planned.replicas[0]?.length ?? 0,
    };
  });
  return decide(changes, { topics });
}

const UNMADE = { topicId: NO_TOPIC_ID, numPartitions: -1, replicationFactor: -1 } as const;

/** Whether a topic can be made, and of what. `created`: by the same request. */
function planTopic(
  context: ControllerContext,
  image: MetadataImage,
  topic: CreatableTopic,
  created: readonly string[],
): NewTopic | Refusal {
  const { name } = topic;
  const nameProblem = topicNameProblem(name);
  if (nameProblem !== null) return refuse(Errors.INVALID_TOPIC_EXCEPTION, nameProblem);
  if (image.topicsByName.has(name)) {
    return refuse(Errors.TOPIC_ALREADY_EXISTS, `topic ${name} exists`);
  }
  const colliding = collidingName(name, [...image.topicsByName.keys(), ...created]);
  if (colliding !== null) {
    return refuse(Errors.INVALID_TOPIC_EXCEPTION, `topic ${name} collides with ${colliding}`);
  }
  const configProblem = topicConfigProblem(topic.configs);
  if (configProblem !== null) return refuse(Errors.INVALID_CONFIG, configProblem);
  return topic.assignments.length > 0
    ? planAssigned(context, image, topic)
    : planPlaced(context, image, topic);
}

/** The admin said which replicas. */
function planAssigned(
  context: ControllerContext,
  image: MetadataImage,
  { assignments, numPartitions, replicationFactor }: CreatableTopic,
): NewTopic | Refusal {
  if (replicationFactor !== -1 || numPartitions !== -1) {
    return refuse(
      Errors.INVALID_REQUEST,
      "with assignments, partitions and replication factor must be -1",
    );
  }
  const bad = (problem: string): Refusal => refuse(Errors.INVALID_REPLICA_ASSIGNMENT, problem);
  const sorted = [...assignments].sort((a, b) => a.partitionIndex - b.partitionIndex);
  const factor = sorted[0]?.brokerIds.length ?? 0;
  const isrs: (readonly NodeId[])[] = [];
  for (const [at, { partitionIndex, brokerIds }] of sorted.entries()) {
    if (partitionIndex !== at) return bad("partitions must be numbered from 0, without gaps");
    if (brokerIds.length === 0) return bad(`partition ${at} has no replica`);
    if (new Set(brokerIds).size !== brokerIds.length) {
      return bad(`partition ${at} names a broker twice`);
    }
    const unknown = brokerIds.find((id) => !image.brokers.has(id));
    if (unknown !== undefined) return bad(`there is no broker ${unknown}`);
    if (brokerIds.length !== factor) return bad("partitions differ in the number of replicas");
    const isr = firstIsr(context, image, brokerIds);
    if (isr.length === 0) return bad(`no broker of partition ${at} is active`);
    isrs.push(isr);
  }
  return { replicas: sorted.map(({ brokerIds }) => [...brokerIds]), isrs };
}

/** The controller chooses the replicas. */
function planPlaced(
  context: ControllerContext,
  image: MetadataImage,
  { name, numPartitions, replicationFactor }: CreatableTopic,
): NewTopic | Refusal {
  const { settings, sessions, ports } = context;
  if (numPartitions < -1 || numPartitions === 0) {
    return refuse(Errors.INVALID_PARTITIONS, `${numPartitions} partitions`);
  }
  if (replicationFactor < -1 || replicationFactor === 0) {
    return refuse(Errors.INVALID_REPLICATION_FACTOR, `replication factor ${replicationFactor}`);
  }
  const usable = [...image.brokers.values()].filter(({ id }) => !sessions.isShuttingDown(id));
  const placed = placeReplicas(
    ports.random,
    name,
    usable,
    numPartitions === -1 ? settings["num.partitions"] : numPartitions,
    replicationFactor === -1 ? settings["default.replication.factor"] : replicationFactor,
  );
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

function writeTopic(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  topic: CreatableTopic,
  topicId: TopicId,
  { replicas, isrs }: NewTopic,
): void {
  const { name } = topic;
  changes.add({ type: "Topic", name, topicId });
  for (const config of topic.configs) {
    const { name: setting, value } = config;
    changes.add({
      type: "Config",
      resourceType: TOPIC_RESOURCE,
      resourceName: name,
      name: setting,
      value,
    });
  }
  const told = {
    why: "created",
    isUnclean: false,
    isUncleanAllowed: isUncleanElectionEnabled(context, image, name),
  } as const;
  for (const [partitionId, replicasOfOne] of replicas.entries()) {
    const isr = isrs[partitionId] as readonly NodeId[];
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
    const record: PartitionRecord = { type: "Partition", topicId, partitionId, ...registration };
    changes.addPartition(record, topic, partitionId, null, registration, told);
  }
}

/** Topic.validate; null when the name is a good one. */
function topicNameProblem(name: string): string | null {
  if (name === "") return "a topic name must not be empty";
  if (name === "." || name === "..") return `a topic name must not be ${name}`;
  if (name.length > MAX_NAME_LENGTH)
    return `a topic name has at most ${MAX_NAME_LENGTH} characters`;
  return /^[a-zA-Z0-9._-]+$/.test(name) ? null : `topic name ${JSON.stringify(name)} is not legal`;
}

/** Names that differ only in '.' and '_' collide in metrics (Topic.hasCollision). */
function collidingName(name: string, others: readonly string[]): string | null {
  const plain = name.replaceAll(".", "_");
  if (!plain.includes("_")) return null;
  return others.find((other) => other !== name && other.replaceAll(".", "_") === plain) ?? null;
}

function refuse(errorCode: ErrorCode, errorMessage: string): Refusal {
  return { errorCode, errorMessage };
}
