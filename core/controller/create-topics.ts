/** New topics (createTopics in ReplicationControlManager.java). */
import { Errors } from "../errors.ts";
import type { TopicId } from "../ids.ts";
import type { MetadataImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
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
import { decide } from "./context.ts";
import type { NewPartitions } from "./new-partitions.ts";
import {
  assignPartitions,
  isRefusal,
  placePartitions,
  refuse,
  writePartitions,
} from "./new-partitions.ts";

const NO_TOPIC_ID: TopicId = "AAAAAAAAAAAAAAAAAAAAAA";
const MAX_NAME_LENGTH = 249;

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
    if (isRefusal(planned)) {
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
): NewPartitions | Refusal {
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
): NewPartitions | Refusal {
  if (replicationFactor !== -1 || numPartitions !== -1) {
    return refuse(
      Errors.INVALID_REQUEST,
      "with assignments, partitions and replication factor must be -1",
    );
  }
  const sorted = [...assignments].sort((a, b) => a.partitionIndex - b.partitionIndex);
  if (sorted.some(({ partitionIndex }, at) => partitionIndex !== at)) {
    const problem = "partitions must be numbered from 0, without gaps";
    return refuse(Errors.INVALID_REPLICA_ASSIGNMENT, problem);
  }
  const replicas = sorted.map(({ brokerIds }) => brokerIds);
  return assignPartitions(context, image, replicas, replicas[0]?.length ?? 0, 0);
}

/** The controller chooses the replicas. */
function planPlaced(
  context: ControllerContext,
  image: MetadataImage,
  { name, numPartitions, replicationFactor }: CreatableTopic,
): NewPartitions | Refusal {
  const { settings } = context;
  if (numPartitions < -1 || numPartitions === 0) {
    return refuse(Errors.INVALID_PARTITIONS, `${numPartitions} partitions`);
  }
  if (replicationFactor < -1 || replicationFactor === 0) {
    return refuse(Errors.INVALID_REPLICATION_FACTOR, `replication factor ${replicationFactor}`);
  }
  const count = numPartitions === -1 ? settings["num.partitions"] : numPartitions;
  const factor =
    replicationFactor === -1 ? settings["default.replication.factor"] : replicationFactor;
  return placePartitions(context, image, name, count, factor, 0);
}

function writeTopic(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  topic: CreatableTopic,
  topicId: TopicId,
  planned: NewPartitions,
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
  writePartitions(context, image, changes, { name, id: topicId }, planned, 0);
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
