/** Operations of admins that make topics larger or concern consumer groups. */
import type { Fields } from "./fields.ts";
import { integerAt, listAt, textAt } from "./fields.ts";
import { MAX_PARTITIONS } from "./grown-topics.ts";
import type {
  AlterOffsetsOperation,
  CreatePartitionsOperation,
  DeleteOffsetsOperation,
  NodePlan,
  TopicPlan,
} from "./plan.ts";
import { ownBrokers, readReplicas, topicAt } from "./read-topology.ts";
import { wrongValue } from "./wrong-value.ts";

/** Kafka takes any text; what has to be read in reports is shorter and printable. */
const GROUP_ID = /^[\x20-\x7e]{1,200}$/;

export function readCreatePartitions(
  fields: Fields,
  topics: readonly TopicPlan[],
  nodes: readonly NodePlan[],
): Pick<CreatePartitionsOperation, "topic" | "count" | "assignment"> {
  const topic = topicAt(fields.value("topic"), fields.at("topic"), topics);
  // One that is no increase may be meant: the controller refuses it.
  const count = fields.integer("count", 1, MAX_PARTITIONS);
  if (!fields.has("assignment")) return { topic: topic.name, count };
  const brokers = ownBrokers(nodes).map(({ id }) => id);
  const assignment = fields.list("assignment", (replicas, at) =>
    readReplicas(replicas, at, brokers, topic.replicationFactor),
  );
  if (assignment.length === 0 || assignment.length >= count) {
    const problem = `is not one for each new partition of ${count}`;
    throw wrongValue(fields.at("assignment"), assignment, problem);
  }
  return { topic: topic.name, count, assignment };
}

export function readGroups(fields: Fields): readonly string[] {
  const groups = fields.list("groups", (group, at) => textAt(group, at, GROUP_ID));
  refuseTwins(groups, fields.at("groups"));
  return groups;
}

export function readDeleteOffsets(
  fields: Fields,
  topics: readonly TopicPlan[],
): Pick<DeleteOffsetsOperation, "group" | "topic" | "partitions"> {
  const group = fields.text("group", GROUP_ID);
  const topic = topicAt(fields.value("topic"), fields.at("topic"), topics);
  const partitions = fields.list("partitions", (partition, at) =>
    integerAt(partition, at, 0, topic.partitions - 1),
  );
  refuseTwins(partitions, fields.at("partitions"));
  return { group, topic: topic.name, partitions };
}

export function readAlterOffsets(
  fields: Fields,
  topics: readonly TopicPlan[],
): Pick<AlterOffsetsOperation, "group" | "offsets"> {
  const group = fields.text("group", GROUP_ID);
  const offsets = listAt(fields.value("offsets"), fields.at("offsets"), (triple, at) => {
    if (!Array.isArray(triple) || triple.length !== 3) {
      throw wrongValue(at, triple, "is not [topic, partition, offset]");
    }
    const topic = topicAt(triple[0], `${at}[0]`, topics);
    const partition = integerAt(triple[1], `${at}[1]`, 0, topic.partitions - 1);
    const offset = integerAt(triple[2], `${at}[2]`, 0, Number.MAX_SAFE_INTEGER);
    return [topic.name, partition, offset] as const;
  });
  const names = offsets.map(([topic, partition]) => `${topic}-${partition}`);
  refuseTwins(names, fields.at("offsets"));
  return { group, offsets };
}

function refuseTwins(values: readonly (string | number)[], path: string): void {
  const seen = new Set<string | number>();
  for (const value of values) {
    if (seen.has(value)) throw wrongValue(path, value, "is given twice");
    seen.add(value);
  }
}
