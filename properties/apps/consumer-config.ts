/** What user code gives to consumer() and run(): checked, and turned into Kafka's settings. */
import { ASSIGNOR_NAMES } from "../../core/group/assignors/assignors.ts";
import type { ConsumerSettings } from "../../core/settings/client-settings.ts";
import { consumerSettings } from "../../core/settings/client-settings.ts";
import { resolveSettings, SettingError } from "../../core/settings/definition.ts";
import { showValue } from "../../sim/input-error.ts";
import type { SettingValues } from "../plan/plan.ts";
import type { ConsumerConfig, RunOptions } from "./consumer-api.ts";
import { NonRetriableError } from "./kafka-error.ts";

/** kafkajs' defaults, where they are not Kafka's. */
const defaults: SettingValues = {
  "session.timeout.ms": 30_000,
  "max.poll.interval.ms": 60_000,
  "fetch.max.bytes": 10_485_760,
  "fetch.max.wait.ms": 5000,
  "isolation.level": "read_committed",
  "partition.assignment.strategy": "roundrobin",
  // A fetch is handed out whole.
  "max.poll.records": 2_147_483_647,
};

/** By the name that kafkajs gives them. */
const renamed: Readonly<Record<string, keyof ConsumerSettings>> = {
  sessionTimeout: "session.timeout.ms",
  rebalanceTimeout: "max.poll.interval.ms",
  heartbeatInterval: "heartbeat.interval.ms",
  metadataMaxAge: "metadata.max.age.ms",
  allowAutoTopicCreation: "allow.auto.create.topics",
  maxBytesPerPartition: "max.partition.fetch.bytes",
  minBytes: "fetch.min.bytes",
  maxBytes: "fetch.max.bytes",
  maxWaitTimeInMs: "fetch.max.wait.ms",
};

const others = ["groupId", "readUncommitted", "retry", "settings", "rebalanceListener"];

/** What has a place of its own, and so none among the settings. */
const decided: Readonly<Record<string, string>> = {
  "group.id": "is groupId",
  "enable.auto.commit": "is run({ autoCommit })",
  "auto.commit.interval.ms": "is run({ autoCommitInterval })",
  "auto.offset.reset": "is subscribe({ fromBeginning })",
};

/** `given` wins over `planned`, what the plan says of the client's consumers. */
export function consumerSettingsOf(
  given: ConsumerConfig,
  planned: SettingValues,
): ConsumerSettings {
  known("consumer()", given, [...Object.keys(renamed), ...others]);
  const { groupId, readUncommitted, settings = {} } = given;
  if (typeof groupId !== "string" || groupId === "") {
    throw new NonRetriableError(`consumer(): groupId: ${showValue(groupId)} is not a group`);
  }
  for (const name of Object.keys(settings)) {
    const instead = Object.hasOwn(decided, name) ? decided[name] : undefined;
    if (instead === undefined) continue;
    throw new NonRetriableError(`consumer(): settings: ${name} ${instead}`);
  }
  const own: Record<string, string | number | boolean> = {};
  for (const [name, setting] of Object.entries(renamed)) {
    const value = (given as unknown as Record<string, SettingValues[string] | undefined>)[name];
    if (value !== undefined) own[setting] = value;
  }
  if (readUncommitted === true) own["isolation.level"] = "read_uncommitted";
  const resolved = resolvedSettings({
    ...defaults,
    ...planned,
    ...own,
    ...settings,
    "group.id": groupId,
    "enable.auto.commit": false,
  });
  checkTimes(resolved);
  checkAssignors(resolved);
  return resolved;
}

function resolvedSettings(given: SettingValues): ConsumerSettings {
  try {
    return resolveSettings<ConsumerSettings>(consumerSettings, given);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    throw new NonRetriableError(`consumer(): ${error.message}`);
  }
}

function checkTimes(settings: ConsumerSettings): void {
  const [interval, session] = [settings["heartbeat.interval.ms"], settings["session.timeout.ms"]];
  if (interval < session) return;
  throw new NonRetriableError(
    `consumer(): heartbeatInterval: ${interval} is not below sessionTimeout ${session}`,
  );
}

function checkAssignors(settings: ConsumerSettings): void {
  for (const name of settings["partition.assignment.strategy"].split(",")) {
    if ((ASSIGNOR_NAMES as readonly string[]).includes(name.trim())) continue;
    const choices = ASSIGNOR_NAMES.join(", ");
    throw new NonRetriableError(
      `consumer(): setting partition.assignment.strategy: "${name.trim()}" is not one of ${choices}`,
    );
  }
}

const runOptions = [
  "autoCommit",
  "autoCommitInterval",
  "autoCommitThreshold",
  "eachBatchAutoResolve",
  "partitionsConsumedConcurrently",
  "eachMessage",
  "eachBatch",
];

/** Throws where run() could not do what it is asked. */
export function checkRunOptions(given: RunOptions): void {
  known("run()", given, runOptions);
  const { partitionsConsumedConcurrently: concurrency = 1, eachMessage, eachBatch } = given;
  if (concurrency !== 1) {
    const refusal = `${showValue(concurrency)} is not 1, the only number that there is here`;
    throw new NonRetriableError(`run(): partitionsConsumedConcurrently: ${refusal}`);
  }
  for (const [name, handler] of Object.entries({ eachMessage, eachBatch })) {
    if (handler === undefined || typeof handler === "function") continue;
    throw new NonRetriableError(`run(): ${name}: ${showValue(handler)} is not a function`);
  }
  for (const name of ["autoCommitInterval", "autoCommitThreshold"] as const) {
    const value = given[name];
    if (value === undefined || value === null || (Number.isFinite(value) && value >= 0)) continue;
    throw new NonRetriableError(`run(): ${name}: ${showValue(value)} is not a number or null`);
  }
}

/** Refuses what nobody would look at. */
export function known(call: string, given: unknown, names: readonly string[]): void {
  if (typeof given !== "object" || given === null) {
    throw new NonRetriableError(`${call}: ${showValue(given)} is not an object`);
  }
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    throw new NonRetriableError(`${call}: "${name}" is not one of ${names.join(", ")}`);
  }
}
