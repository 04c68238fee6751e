/**
 * Makes topics that clients ask for and that do not exist (AutoTopicCreationManager.scala): asks
 * the controller once for each, and meanwhile tells clients that the topic is unknown, which they
 * retry.
 */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { CreateTopicsRequest } from "../protocol/create-topics.ts";
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
      if (!this.#underWay.has(name)) this.#create(name);
    }
    return Errors.UNKNOWN_TOPIC_OR_PARTITION;
  }

  #create(name: string): void {
    const { settings, clientId, channel } = this.#options;
    this.#underWay.add(name);
    const body: CreateTopicsRequest = {
      topics: [
        {
          name,
          numPartitions: settings["num.partitions"],
          replicationFactor: settings["default.replication.factor"],
          assignments: [],
          configs: [],
        },
      ],
      timeoutMs: settings["request.timeout.ms"],
      validateOnly: false,
    };
    const apiKey = ApiKeys.CREATE_TOPICS;
    const request = { apiKey, apiVersion: 7, correlationId: 0, clientId, body } as const;
    channel.send(ApiKeys.ENVELOPE, { request }, () => this.#underWay.delete(name));
  }
}

/** Topic.isValid: letters, digits, ".", "_" and "-", but not "." or "..". */
function isValidTopicName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && /^(?!\.{1,2}$)[a-zA-Z0-9._-]+$/.test(name);
}
