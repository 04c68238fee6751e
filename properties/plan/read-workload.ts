/** The operations of a plan's clients: read and checked against its topics and clients. */
import type { SettingValue } from "../../core/settings/definition.ts";
import { topicSettings } from "../../core/settings/topic-settings.ts";
import { Fields, integerAt, refuseRepeats, textAt } from "./fields.ts";
import { InputError } from "../../sim/input-error.ts";
import { wrongValue } from "./wrong-value.ts";
import type {
  AlterConfigsOperation,
  ClientPlan,
  NodePlan,
  Operation,
  OperationKind,
  SendOperation,
  SettingValues,
  TopicPlan,
} from "./plan.ts";
import { MAX_TIME_MS } from "./plan.ts";
import {
  readAlterOffsets,
  readCreatePartitions,
  readDeleteOffsets,
  readGroups,
} from "./read-admin-operations.ts";
import { checkBytes } from "./read-bytes.ts";
import { readSubscribed } from "./read-member.ts";
import { isSoundSend } from "./sound-send.ts";
import { readPlace, topicAt } from "./read-topology.ts";
import { effectiveSetting, readPartySettings } from "./settings.ts";

const ELEMENT_ID = /^[A-Za-z0-9._:-]{1,100}$/;
const COMMON = ["id", "at", "client", "op"];
const BYTES = ["key", "keyBase64", "value", "valueBase64"];

interface Kind {
  /** Who can do it. */
  readonly client: ClientPlan["kind"];
  readonly or?: ClientPlan["kind"];
  readonly fields: readonly string[];
}

const kinds: Readonly<Record<OperationKind, Kind>> = {
  send: { client: "producer", fields: ["topic", "partition", ...BYTES, "timestamp"] },
  flush: { client: "producer", fields: [] },
  seek: { client: "consumer", fields: ["topic", "partition", "offset"] },
  "pause-polling": { client: "consumer", or: "member", fields: [] },
  "resume-polling": { client: "consumer", or: "member", fields: [] },
  "open-consumer": { client: "member", fields: [] },
  "close-consumer": { client: "member", fields: [] },
  subscribe: { client: "member", fields: ["subscribe"] },
  "elect-leaders": { client: "admin", fields: ["electionType", "topic", "partitions"] },
  "alter-configs": { client: "admin", fields: ["topic", "configs"] },
  "describe-topics": { client: "admin", fields: ["topics"] },
  "create-partitions": { client: "admin", fields: ["topic", "count", "assignment"] },
  "list-groups": { client: "admin", fields: [] },
  "describe-groups": { client: "admin", fields: ["groups"] },
  "delete-groups": { client: "admin", fields: ["groups"] },
  "delete-offsets": { client: "admin", fields: ["group", "topic", "partitions"] },
  "alter-offsets": { client: "admin", fields: ["group", "offsets"] },
};

const operationKinds = Object.keys(kinds) as OperationKind[];
const everyField = [...COMMON, ...new Set(Object.values(kinds).flatMap(({ fields }) => fields))];
const fieldsOf = Object.fromEntries(
  operationKinds.map((op) => [op, [...COMMON, ...kinds[op].fields]]),
) as unknown as Readonly<Record<OperationKind, readonly string[]>>;

/** What operations are checked against. */
export interface Surroundings {
  readonly settings: SettingValues;
  readonly nodes: readonly NodePlan[];
  /** As large as they can get. */
  readonly topics: readonly TopicPlan[];
  readonly clients: readonly ClientPlan[];
}

export function readWorkload(value: unknown, path: string, around: Surroundings): Operation[] {
  const kindOf = new Map(around.clients.map(({ id, kind }) => [id, kind]));
  const limits = new Map(
    around.topics.map((topic) => [topic.name, maxMessageBytes(around, topic)]),
  );
  if (!Array.isArray(value)) throw wrongValue(path, value, "is not a list");
  const operations = value.map((operation: unknown, index) =>
    // Paths are only for those that need a close look: a plan has thousands of sends.
    isSoundSend(operation, around.topics, kindOf, limits, ELEMENT_ID)
      ? operation
      : readOperation(operation, `${path}[${index}]`, around, kindOf, limits),
  );
  refuseRepeats(operations, path);
  return operations;
}

function maxMessageBytes(around: Surroundings, topic: TopicPlan): number {
  return Number(effectiveSetting(around, "topic", topic.settings, "max.message.bytes"));
}

function readOperation(
  value: unknown,
  path: string,
  { topics, nodes }: Surroundings,
  kindOf: ReadonlyMap<string, ClientPlan["kind"]>,
  limits: ReadonlyMap<string, number>,
): Operation {
  const op = kindOfOperation(value, path);
  const fields = new Fields(value, path, fieldsOf[op]);
  const client = fields.text("client");
  const kind = kindOf.get(client);
  if (kind === undefined) throw wrongValue(fields.at("client"), client, "is not a client");
  if (kind !== kinds[op].client && kind !== kinds[op].or) {
    const article = kind === "admin" || kind === "app" ? "an" : "a";
    throw wrongValue(fields.at("client"), client, `is ${article} ${kind} and cannot ${op}`);
  }
  const base = { id: fields.text("id", ELEMENT_ID), at: fields.integer("at"), client };
  switch (op) {
    case "send":
      return readSend(value, fields, topics, limits);
    case "flush":
    case "pause-polling":
    case "resume-polling":
    case "open-consumer":
    case "close-consumer":
    case "list-groups":
      return { ...base, op };
    case "subscribe":
      return { ...base, op, subscribe: readSubscribed(fields, topics) };
    case "seek": {
      const { name, partitions } = topicAt(fields.value("topic"), fields.at("topic"), topics);
      const partition = fields.integer("partition", 0, partitions - 1);
      const offset = readPlace(fields.value("offset"), fields.at("offset"));
      return { ...base, op, topic: name, partition, offset };
    }
    case "elect-leaders": {
      const electionType = fields.choice("electionType", ["preferred", "unclean"]);
      const topic = topicAt(fields.value("topic"), fields.at("topic"), topics);
      const partitions = fields.list("partitions", (partition, at) =>
        integerAt(partition, at, 0, topic.partitions - 1),
      );
      return { ...base, op, electionType, topic: topic.name, partitions };
    }
    case "alter-configs": {
      const topic = topicAt(fields.value("topic"), fields.at("topic"), topics).name;
      return { ...base, op, topic, configs: readConfigs(fields) };
    }
    case "describe-topics": {
      if (!fields.has("topics")) return { ...base, op };
      const names = fields.list("topics", (name, at) => topicAt(name, at, topics).name);
      return { ...base, op, topics: names };
    }
    case "create-partitions":
      return { ...base, op, ...readCreatePartitions(fields, topics, nodes) };
    case "describe-groups":
    case "delete-groups":
      return { ...base, op, groups: readGroups(fields) };
    case "delete-offsets":
      return { ...base, op, ...readDeleteOffsets(fields, topics) };
    case "alter-offsets":
      return { ...base, op, ...readAlterOffsets(fields, topics) };
  }
}

function kindOfOperation(value: unknown, path: string): OperationKind {
  const op = typeof value === "object" && value !== null && "op" in value ? value.op : undefined;
  if (typeof op === "string" && Object.hasOwn(kinds, op)) return op as OperationKind;
  return new Fields(value, path, everyField).choice("op", operationKinds);
}

/** The operation itself: there are thousands of sends in a plan, and nothing is left to fill in. */
function readSend(
  value: unknown,
  fields: Fields,
  topics: readonly TopicPlan[],
  limits: ReadonlyMap<string, number>,
): SendOperation {
  const topic = topicAt(fields.value("topic"), fields.at("topic"), topics);
  const keyBytes = checkBytes(fields, "key", "keyBase64");
  const valueBytes = checkBytes(fields, "value", "valueBase64");
  const limit = limits.get(topic.name) ?? 0;
  if (keyBytes + valueBytes > limit) {
    const field = fields.at(fields.has("value") ? "value" : "valueBase64");
    const size = `key and value have ${keyBytes + valueBytes} bytes`;
    throw new InputError(`${field}: ${size}, above max.message.bytes ${limit}`);
  }
  fields.integer("timestamp", 0, MAX_TIME_MS);
  if (fields.has("partition")) fields.integer("partition", 0, topic.partitions - 1);
  return value as SendOperation;
}

function readConfigs(fields: Fields): AlterConfigsOperation["configs"] {
  const path = fields.at("configs");
  const given = fields.value("configs");
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw wrongValue(path, given, "is not an object");
  }
  const configs: Record<string, SettingValue | null> = {};
  for (const [name, value] of Object.entries(given as Record<string, unknown>)) {
    const reset = value === null && Object.hasOwn(topicSettings, name);
    configs[name] = reset ? null : readPartySettings({ [name]: value }, path, "topic")[name]!;
  }
  return configs;
}
