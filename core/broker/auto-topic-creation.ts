/**
 * Makes topics that clients ask for and that do not exist (AutoTopicCreationManager.scala): asks
 * the controller once for each, and meanwhile tells clients that the topic is unknown, which they
 * retry. The topic of groups and offsets is made as its own settings say.
 *
 * Differs from Kafka: cleanup.policy=compact is only written down: nothing is compacted.
 */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import { OFFSETS_TOPIC } from "../ids.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { CreatableTopic, CreateTopicsRequest } from "../protocol/create-topics.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { BrokerRules } from "./broker-rules.ts";
import type { ControllerChannel } from "./controller-channel.ts";

export interface AutoTopicCreationOptions {
  readonly rules: BrokerRules;
  readonly settings: BrokerSettings;
  readonly clientId: string;
  readonly channel: ControllerChannel;
}

const MAX_NAME_LENGTH = 249;

export class AutoTopicCreation {
  readonly #options: AutoTopicCreationOptions;
  /** Asked for and not answered yet. */
  readonly #underWay: Set<string> = new Set();

  constructor(options: AutoTopicCreationOptions) {
    this.#options = options;
  }

  /** Has the topic made if that is allowed; returns what to tell the client for now. */
  request(name: string, allowedByClient: boolean): ErrorCode {
    if (!isValidTopicName(name)) return Errors.INVALID_TOPIC_EXCEPTION;
    const { rules, settings } = this.#options;
    if (rules.autoCreatesTopic(settings["auto.create.topics.enable"], allowedByClient)) {
      this.create(name);
    }
    return Errors.UNKNOWN_TOPIC_OR_PARTITION;
  }

  /** Has the topic made, unless that is under way. */
  create(name: string): void {
    if (this.#underWay.has(name)) return;
    const { settings, clientId, channel } = this.#options;
    this.#underWay.add(name);
    const body: CreateTopicsRequest = {
      topics: [creatableTopic(name, settings)],
      timeoutMs: settings["request.timeout.ms"],
      validateOnly: false,
    };
    const apiKey = ApiKeys.CREATE_TOPICS;
    const request = { apiKey, apiVersion: 7, correlationId: 0, clientId, body } as const;
    channel.send(ApiKeys.ENVELOPE, { request }, () => this.#underWay.delete(name));
  }
}

function creatableTopic(name: string, settings: BrokerSettings): CreatableTopic {
  if (name !== OFFSETS_TOPIC) {
    return {
      name,
      numPartitions: settings["num.partitions"],
      replicationFactor: settings["default.replication.factor"],
      assignments: [],
      configs: [],
    };
  }
  const segmentBytes = settings["offsets.topic.segment.bytes"];
  return {
    name,
    numPartitions: settings["offsets.topic.num.partitions"],
    replicationFactor: settings["offsets.topic.replication.factor"],
    assignments: [],
    configs: [
      { name: "cleanup.policy", value: "compact" },
      { name: "compression.type", value: "producer" },
      { name: "segment.bytes", value: `${segmentBytes}` },
    ],
  };
}

/** Topic.isValid: letters, digits, ".", "_" and "-", but not "." or "..". */
function isValidTopicName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && /^(?!\.{1,2}$)[a-zA-Z0-9._-]+$/.test(name);
}
