/** Nodes, topics and clients of a plan: read, checked, and completed with what may be left out. */
import { Fields, choiceAt, integerAt, listAt, refuseRepeats, textAt } from "./fields.ts";
import { InputError } from "../../sim/input-error.ts";
import { wrongValue } from "./wrong-value.ts";
import { MAX_PARTITIONS } from "./grown-topics.ts";
import { CLUSTER_ID, nodeIdOf } from "./plan.ts";
import type { ClientPlan, NodePlan, NodeRole, Place, SettingValues, TopicPlan } from "./plan.ts";
import { memberFields, readMember } from "./read-member.ts";
import { readAppSettings, readPartySettings } from "./settings.ts";
import type { Party } from "./settings.ts";

/** All controllers of a plan vote; a quorum of more is slower and no safer. */
const MAX_VOTERS = 7;
const NODE_NAME = /^[a-z]{1,20}(0|[1-9]\d{0,8})$/;
/** The cluster has two clients more than the plan: one makes the topics, one probes after the heal. */
const OTHER_CLIENTS: Readonly<Record<string, string>> = {
  setup: "makes the topics",
  probe: "probes after the heal",
};
const CLIENT_NAME = /^[A-Za-z0-9._-]{1,100}$/;
/** Legal characters and length of a topic (Topic.java). */
const TOPIC_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;
/** As `kafka-storage random-uuid` makes them, or any other name without spaces. */
const CLUSTER_NAME = /^[A-Za-z0-9_-]{1,64}$/;
const ROLES: readonly NodeRole[] = ["broker", "controller"];

export function readNodes(value: unknown, path: string): NodePlan[] {
  const nodes = listAt(value, path, readNode);
  refuseRepeats(nodes, path);
  const numbers = new Set<number>();
  for (const [index, { id }] of nodes.entries()) {
    if (numbers.has(nodeIdOf(id))) {
      throw wrongValue(`${path}[${index}].id`, id, "has the node.id of another node");
    }
    numbers.add(nodeIdOf(id));
  }
  for (const role of ROLES) {
    if (!nodes.some((node) => node.roles.includes(role))) {
      throw wrongValue(path, nodes, `has no ${role}`);
    }
  }
  refuseTooManyStrangers(nodes, path);
  refuseLateBrokersOnly(nodes, path);
  const controllers = nodes.filter((node) => node.roles.includes("controller"));
  if (controllers.length > MAX_VOTERS) {
    throw wrongValue(path, controllers.length, `controllers are more than ${MAX_VOTERS} voters`);
  }
  return nodes;
}

/** The plan's own cluster has to get on: with a majority of the voters, and with a broker. */
function refuseTooManyStrangers(nodes: readonly NodePlan[], path: string): void {
  for (const role of ROLES) {
    const all = nodes.filter((node) => node.roles.includes(role));
    const own = all.filter(({ clusterId }) => clusterId === undefined).length;
    if (role === "controller" ? 2 * own > all.length : own > 0) continue;
    const at = nodes.findLastIndex((node) => node.clusterId !== undefined && all.includes(node));
    const least = role === "controller" ? "no majority of the voters" : "no broker";
    const left = `leaves ${least} in the plan's own cluster`;
    throw wrongValue(`${path}[${at}].clusterId`, nodes[at]?.clusterId, left);
  }
}

function readNode(value: unknown, path: string): NodePlan {
  const fields = new Fields(value, path, [
    "id",
    "roles",
    "rack",
    "settings",
    "clusterId",
    "startAt",
  ]);
  const roles = fields.list("roles", (role, at) => choiceAt(role, at, ROLES));
  if (roles.length === 0 || new Set(roles).size !== roles.length) {
    throw wrongValue(fields.at("roles"), roles, "is not broker, controller or both");
  }
  const rack = fields.has("rack") ? fields.value("rack") : null;
  return {
    id: fields.text("id", NODE_NAME),
    roles,
    rack: rack === null ? null : textAt(rack, fields.at("rack")),
    settings: ownSettings(fields, "broker"),
    ...(fields.has("clusterId") && { clusterId: readCluster(fields) }),
    ...(fields.has("startAt") && { startAt: readStart(fields, roles) }),
  };
}

function readCluster(fields: Fields): string {
  const clusterId = fields.text("clusterId", CLUSTER_NAME);
  if (clusterId === CLUSTER_ID) {
    throw wrongValue(fields.at("clusterId"), clusterId, "is the plan's own cluster: leave it out");
  }
  return clusterId;
}

/** Who votes is there from the beginning: a quorum without a majority is a fault, not a plan. */
function readStart(fields: Fields, roles: readonly NodeRole[]): number {
  const startAt = fields.integer("startAt", 1);
  if (roles.includes("controller")) {
    throw wrongValue(fields.at("startAt"), startAt, "is for brokers that are no controllers");
  }
  return startAt;
}

function refuseLateBrokersOnly(nodes: readonly NodePlan[], path: string): void {
  if (foundingBrokers(nodes).length > 0) return;
  const at = nodes.findIndex(({ startAt }) => startAt !== undefined);
  if (at < 0) return;
  throw wrongValue(`${path}[${at}].startAt`, nodes[at]?.startAt, "leaves no broker to begin with");
}

/** Brokers of the plan's own cluster. */
export function ownBrokers(nodes: readonly NodePlan[]): readonly NodePlan[] {
  return nodes.filter(
    ({ roles, clusterId }) => roles.includes("broker") && clusterId === undefined,
  );
}

/** Those of them that are there from the beginning: topics are made on them. */
export function foundingBrokers(nodes: readonly NodePlan[]): readonly NodePlan[] {
  return ownBrokers(nodes).filter(({ startAt }) => startAt === undefined);
}

export function readTopics(value: unknown, path: string, nodes: readonly NodePlan[]): TopicPlan[] {
  const brokers = foundingBrokers(nodes).map(({ id }) => id);
  const topics = listAt(value, path, (topic, at) => readTopic(topic, at, brokers));
  const names = new Set<string>();
  for (const [index, { name }] of topics.entries()) {
    if (names.has(name)) throw wrongValue(`${path}[${index}].name`, name, "is given twice");
    names.add(name);
  }
  return topics;
}

function readTopic(value: unknown, path: string, brokers: readonly string[]): TopicPlan {
  const fields = new Fields(value, path, [
    "name",
    "partitions",
    "replicationFactor",
    "settings",
    "assignment",
  ]);
  const name = fields.text("name", TOPIC_NAME);
  if (name.startsWith("__")) {
    throw wrongValue(fields.at("name"), name, "is a name that Kafka keeps for itself");
  }
  const partitions = fields.integer("partitions", 1, MAX_PARTITIONS);
  const replicationFactor = fields.integer("replicationFactor", 1);
  if (replicationFactor > brokers.length) {
    const few = `is above the number of brokers, ${brokers.length}`;
    throw wrongValue(fields.at("replicationFactor"), replicationFactor, few);
  }
  const topic = { name, partitions, replicationFactor, settings: ownSettings(fields, "topic") };
  if (!fields.has("assignment")) return topic;
  const assignment = fields.list("assignment", (replicas, at) =>
    readReplicas(replicas, at, brokers, replicationFactor),
  );
  if (assignment.length !== partitions) {
    throw wrongValue(fields.at("assignment"), assignment, `is not one for each partition`);
  }
  return { ...topic, assignment };
}

/** That many brokers, each once. */
export function readReplicas(
  value: unknown,
  path: string,
  brokers: readonly string[],
  replicationFactor: number,
): string[] {
  const replicas = listAt(value, path, (name, at) => {
    const broker = textAt(name, at);
    if (!brokers.includes(broker)) throw wrongValue(at, broker, "is not a broker");
    return broker;
  });
  if (replicas.length !== replicationFactor || new Set(replicas).size !== replicas.length) {
    throw wrongValue(path, replicas, `is not ${replicationFactor} different brokers`);
  }
  return replicas;
}

export function readClients(
  value: unknown,
  path: string,
  topics: readonly TopicPlan[],
  nodes: readonly NodePlan[],
  settings: SettingValues,
): ClientPlan[] {
  const clients = listAt(value, path, (client, at) => readClient(client, at, topics, settings));
  refuseRepeats(clients, path);
  for (const [index, { id }] of clients.entries()) {
    const business = Object.hasOwn(OTHER_CLIENTS, id) ? OTHER_CLIENTS[id] : undefined;
    if (business !== undefined) {
      throw wrongValue(`${path}[${index}].id`, id, `is the name of the client that ${business}`);
    }
    if (nodes.some((node) => node.id === id)) {
      throw wrongValue(`${path}[${index}].id`, id, "is the id of a node");
    }
  }
  return clients;
}

function readClient(
  value: unknown,
  path: string,
  topics: readonly TopicPlan[],
  settings: SettingValues,
): ClientPlan {
  const own = ["id", "kind", "settings", "topics", "assign", "startAt", "app"];
  const all = new Fields(value, path, [...new Set([...own, ...memberFields])]);
  const kind = all.choice("kind", ["producer", "consumer", "member", "admin", "app"]);
  const id = all.text("id", CLIENT_NAME);
  if (kind === "member") {
    return readMember(new Fields(value, path, memberFields), id, topics, settings);
  }
  if (kind !== "consumer") {
    const own = kind === "producer" ? ["app"] : [];
    const fields = new Fields(value, path, ["id", "kind", "settings", ...own]);
    if (kind === "app") {
      const given = fields.has("settings") ? fields.value("settings") : {};
      return { id, kind, settings: readAppSettings(given, fields.at("settings")) };
    }
    if (kind === "admin") return { id, kind, settings: ownSettings(fields, kind) };
    const isApp = fields.has("app") && fields.flag("app");
    return { id, kind, settings: ownSettings(fields, kind), ...(isApp && { app: true }) };
  }
  const fields = new Fields(value, path, ["id", "kind", "settings", "topics", "assign", "startAt"]);
  const assign = readAssign(fields, topics);
  const consumer = { id, kind, settings: ownSettings(all, kind), assign };
  if (!all.has("startAt")) return consumer;
  return { ...consumer, startAt: readPlace(all.value("startAt"), all.at("startAt")) };
}

/** `topics` (whole topics) or `assign` (partitions), spelled out as partitions. */
function readAssign(fields: Fields, topics: readonly TopicPlan[]): (readonly [string, number])[] {
  if (fields.has("topics") === fields.has("assign")) {
    throw new InputError(`${fields.path}: needs either topics or assign`);
  }
  if (fields.has("topics")) {
    const names = fields.list("topics", (name, at) => topicAt(name, at, topics));
    const partitions = names.flatMap((topic) =>
      Array.from({ length: topic.partitions }, (_, index) => [topic.name, index] as const),
    );
    return refuseRepeatedPartitions(partitions, fields.at("topics"));
  }
  const partitions = fields.list("assign", (pair, at) => {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw wrongValue(at, pair, "is not [topic, partition]");
    }
    const topic = topicAt(pair[0], `${at}[0]`, topics);
    return [topic.name, integerAt(pair[1], `${at}[1]`, 0, topic.partitions - 1)] as const;
  });
  return refuseRepeatedPartitions(partitions, fields.at("assign"));
}

function refuseRepeatedPartitions(
  partitions: (readonly [string, number])[],
  path: string,
): (readonly [string, number])[] {
  const seen = new Set<string>();
  for (const [topic, partition] of partitions) {
    const name = `${topic}-${partition}`;
    if (seen.has(name)) throw wrongValue(path, name, "is given twice");
    seen.add(name);
  }
  return partitions;
}

/** The topic of that name; it must be one of the plan's. */
export function topicAt(value: unknown, path: string, topics: readonly TopicPlan[]): TopicPlan {
  const name = textAt(value, path);
  const topic = topics.find((candidate) => candidate.name === name);
  if (topic === undefined) throw wrongValue(path, name, "is not a topic of the plan");
  return topic;
}

export function readPlace(value: unknown, path: string): Place {
  if (value === "beginning" || value === "end") return value;
  if (typeof value === "string") throw wrongValue(path, value, "is not beginning or end");
  return integerAt(value, path, 0, Number.MAX_SAFE_INTEGER);
}

function ownSettings(fields: Fields, party: Party): SettingValues {
  if (!fields.has("settings")) return {};
  return readPartySettings(fields.value("settings"), fields.at("settings"), party);
}
