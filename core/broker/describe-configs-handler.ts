/** Answers DescribeConfigs for topics and for this broker (ConfigHelper.scala). */
import { Errors } from "../errors.ts";
import type { NodeId } from "../ids.ts";
import type { MetadataImage } from "../metadata/image.ts";
import type { Call } from "../network/request-server.ts";
import type { DescribeConfigsRequest, DescribeConfigsResponse } from "../protocol/configs.ts";
import { BROKER_RESOURCE, TOPIC_RESOURCE } from "../protocol/configs.ts";
import type { ApiKeys } from "../protocol/message.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import { brokerSettings } from "../settings/broker-settings.ts";
import type { SettingValue } from "../settings/definition.ts";
import { topicSettings } from "../settings/topic-settings.ts";
import type { TopicSettingsCache } from "./topic-settings-cache.ts";

export interface DescribeConfigsOptions {
  readonly nodeId: NodeId;
  readonly image: MetadataImage;
  readonly topics: TopicSettingsCache;
  /** As in the configuration file, with defaults. */
  readonly settings: BrokerSettings;
  /** What the configuration file gives. */
  readonly given: Readonly<Record<string, SettingValue>>;
}

type Resource = DescribeConfigsRequest["resources"][number];
type Result = DescribeConfigsResponse["results"][number];
type Config = Result["configs"][number];

const topicNames: readonly string[] = Object.keys(topicSettings).sort();
const brokerNames: readonly string[] = Object.keys(brokerSettings).sort();

export class DescribeConfigsHandler {
  readonly #options: DescribeConfigsOptions;

  constructor(options: DescribeConfigsOptions) {
    this.#options = options;
  }

  handle(call: Call): void {
    const { resources } = call.request.body as DescribeConfigsRequest;
    call.respond<typeof ApiKeys.DESCRIBE_CONFIGS>({
      results: resources.map((resource) => this.#describe(resource)),
    });
  }

  #describe(resource: Resource): Result {
    const { nodeId, image } = this.#options;
    const { resourceType, resourceName } = resource;
    switch (resourceType) {
      case TOPIC_RESOURCE:
        return image.topicsByName.has(resourceName)
          ? described(resource, this.#ofTopic(resourceName))
          : refused(
              resource,
              Errors.UNKNOWN_TOPIC_OR_PARTITION,
              `there is no topic ${resourceName}`,
            );
      case BROKER_RESOURCE:
        if (resourceName === "") return described(resource, this.#ofAllBrokers());
        return resourceName === String(nodeId)
          ? described(resource, this.#ofBroker())
          : refused(
              resource,
              Errors.INVALID_REQUEST,
              `broker ${resourceName} was asked for, but this is broker ${nodeId}`,
            );
      default:
        return refused(resource, Errors.INVALID_REQUEST, `resource type ${resourceType}`);
    }
  }

  #ofTopic(topic: string): Config[] {
    const { image, topics } = this.#options;
    const own = image.topicConfigs.get(topic);
    const effective: Readonly<Record<string, SettingValue>> = { ...topics.of(topic) };
    return topicNames.map((name) => ({
      name,
      value: String(effective[name]),
      isDefault: own?.has(name) !== true,
    }));
  }

  /** Dynamic values of this broker first, then those of all brokers, then the file's. */
  #ofBroker(): Config[] {
    const { image, nodeId, settings, given } = this.#options;
    const own = image.brokerConfigs.get(String(nodeId));
    const ofAll = image.brokerConfigs.get("");
    return brokerNames.map((name) => ({
      name,
      value: own?.get(name) ?? ofAll?.get(name) ?? String(settings[name]),
      isDefault: !(own?.has(name) === true || Object.hasOwn(given, name)),
    }));
  }

  /** Only what was set dynamically for all brokers. */
  #ofAllBrokers(): Config[] {
    const ofAll = this.#options.image.brokerConfigs.get("") ?? new Map<string, string>();
    return [...ofAll].map(([name, value]) => ({ name, value, isDefault: false }));
  }
}

function described(resource: Resource, configs: readonly Config[]): Result {
  const { resourceType, resourceName, configurationKeys } = resource;
  const wanted =
    configurationKeys === null
      ? configs
      : configs.filter((config) => configurationKeys.includes(config.name));
  return {
    errorCode: Errors.NONE,
    errorMessage: null,
    resourceType,
    resourceName,
    configs: wanted,
  };
}

function refused(resource: Resource, errorCode: number, errorMessage: string): Result {
  const { resourceType, resourceName } = resource;
  return { errorCode, errorMessage, resourceType, resourceName, configs: [] };
}
