/** More partitions for topics that exist (createPartitions in ReplicationControlManager.java). */
import { Errors } from "../errors.ts";
import type { MetadataImage, TopicImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
} from "../protocol/create-partitions.ts";
import type { Decision } from "../replicated-state/replicated-state-machine.ts";
import { Changes } from "./changes.ts";
import type { Refusal } from "./configs.ts";
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

type Asked = CreatePartitionsRequest["topics"][number];
type Result = CreatePartitionsResponse["results"][number];

/** A name given twice is refused once, before the others are answered (ControllerApis.scala). */
export function createPartitions(
  context: ControllerContext,
  image: MetadataImage,
  request: CreatePartitionsRequest,
): Decision<MetadataRecord, CreatePartitionsResponse> {
  const changes = new Changes(context.ports.probe);
  const times = new Map<string, number>();
  for (const { name } of request.topics) times.set(name, (times.get(name) ?? 0) + 1);
  const twice = [...times].filter(([, count]) => count > 1).map(([name]) => name);
  const results: Result[] = twice.map((name) => ({
    name,
    ...refuse(Errors.INVALID_REQUEST, `topic ${name} is named twice`),
  }));
  for (const asked of request.topics) {
    const { name } = asked;
    if (times.get(name) !== 1) continue;
    const topic = image.topicsByName.get(name);
    const planned = planPartitions(context, image, topic, asked);
    if (topic === undefined || isRefusal(planned)) {
      results.push({ name, ...(planned as Refusal) });
      continue;
    }
    const first = topic.partitions.length;
    if (!request.validateOnly) writePartitions(context, image, changes, topic, planned, first);
    results.push({ name, errorCode: Errors.NONE, errorMessage: null });
  }
  return decide(changes, { results });
}

/** Of what the new partitions will be made, if they can be made. */
function planPartitions(
  context: ControllerContext,
  image: MetadataImage,
  topic: TopicImage | undefined,
  { name, count, assignments }: Asked,
): NewPartitions | Refusal {
  if (topic === undefined) {
    return refuse(Errors.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic ${name}`);
  }
  const first = topic.partitions.length;
  if (count <= first) {
    const message = `topic ${name} has ${first} partitions: ${count} would not be more`;
    return refuse(Errors.INVALID_PARTITIONS, message);
  }
  const added = count - first;
  if (assignments !== null && assignments.length !== added) {
    const message = `${added} partitions are to be added, but ${assignments.length} are assigned`;
    return refuse(Errors.INVALID_REPLICA_ASSIGNMENT, message);
  }
  // As many replicas as the topic's first partition has, whatever it was created with.
  const factor = topic.partitions[0]?.replicas.length ?? 0;
  if (assignments === null) return placePartitions(context, image, name, added, factor, first);
  const replicas = assignments.map(({ brokerIds }) => brokerIds);
  return assignPartitions(context, image, replicas, factor, first);
}
