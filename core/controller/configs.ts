/** Settings of topics and brokers that admins change (ConfigurationControlManager.java, KIP-339). */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { MetadataImage } from "../metadata/image.ts";
import type { ConfigRecord, MetadataRecord } from "../metadata/records.ts";
import type {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from "../protocol/configs.ts";
import { BROKER_RESOURCE, TOPIC_RESOURCE } from "../protocol/configs.ts";
import type { Decision } from "../replicated-state/replicated-state-machine.ts";
import { brokerSettings } from "../settings/broker-settings.ts";
import type { Definition } from "../settings/definition.ts";
import { settingProblem } from "../settings/definition.ts";
import { topicSettings } from "../settings/topic-settings.ts";
import { Changes } from "./changes.ts";
import type { ControllerContext } from "./context.ts";
import { decide } from "./context.ts";

const SET = 0;
const DELETE = 1;

export interface Refusal {
  readonly errorCode: ErrorCode;
  readonly errorMessage: string;
}

type Resource = IncrementalAlterConfigsRequest["resources"][number];

export function incrementalAlterConfigs(
  context: ControllerContext,
  image: MetadataImage,
  request: IncrementalAlterConfigsRequest,
): Decision<MetadataRecord, IncrementalAlterConfigsResponse> {
  const changes = new Changes(context.ports.probe);
  const seen = new Set<string>();
  const responses = request.resources.map((resource) => {
    const { resourceType, resourceName } = resource;
    const key = `${resourceType} ${resourceName}`;
    const altered = seen.has(key)
      ? refuse(Errors.INVALID_REQUEST, `resource ${resourceName} is named twice`)
      : alterResource(image, resource);
    seen.add(key);
    if (Array.isArray(altered)) {
      if (!request.validateOnly) for (const record of altered) changes.add(record);
      return { errorCode: Errors.NONE, errorMessage: null, resourceType, resourceName };
    }
    return { ...(altered as Refusal), resourceType, resourceName };
  });
  return decide(changes, { responses });
}

/** The records of a resource's changes: all of them, or none and why. */
function alterResource(image: MetadataImage, resource: Resource): ConfigRecord[] | Refusal {
  const { resourceType, resourceName, configs } = resource;
  const definitions = definitionsOf(image, resourceType, resourceName);
  if ("errorCode" in definitions) return definitions;
  const records: ConfigRecord[] = [];
  for (const [at, { name, configOperation, value }] of configs.entries()) {
    if (configs.findIndex((config) => config.name === name) !== at) {
      return refuse(Errors.INVALID_REQUEST, `setting ${name} is named twice`);
    }
    const isSet = configOperation === SET && value !== null;
    if (!isSet && configOperation !== DELETE) {
      return refuse(Errors.INVALID_REQUEST, `setting ${name} is neither set nor deleted`);
    }
    const problem = isSet ? problemOf(definitions.table, name, value) : null;
    if (problem !== null) return refuse(Errors.INVALID_CONFIG, problem);
    records.push({
      type: "Config",
      resourceType,
      resourceName,
      name,
      value: isSet ? value : null,
    });
  }
  return records;
}

type Definitions = Readonly<Record<string, Definition>>;

function definitionsOf(
  image: MetadataImage,
  resourceType: number,
  resourceName: string,
): { readonly table: Definitions } | Refusal {
  switch (resourceType) {
    case TOPIC_RESOURCE:
      return image.topicsByName.has(resourceName)
        ? { table: topicSettings as unknown as Definitions }
        : refuse(Errors.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic ${resourceName}`);
    case BROKER_RESOURCE: {
      if (resourceName === "") return { table: brokerSettings };
      if (!/^\d{1,9}$/.test(resourceName)) {
        return refuse(Errors.INVALID_REQUEST, `${resourceName} is no broker id`);
      }
      return image.brokers.has(Number(resourceName))
        ? { table: brokerSettings }
        : refuse(Errors.BROKER_ID_NOT_REGISTERED, `there is no broker ${resourceName}`);
    }
    default:
      return refuse(Errors.INVALID_REQUEST, `resource type ${resourceType} has no settings`);
  }
}

/** What is wrong with the settings of a topic that is made; null when nothing is. */
export function topicConfigProblem(
  configs: readonly { readonly name: string; readonly value: string | null }[],
): string | null {
  for (const [at, { name, value }] of configs.entries()) {
    if (configs.findIndex((config) => config.name === name) !== at) {
      return `setting ${name} is named twice`;
    }
    const problem =
      value === null
        ? `setting ${name} has no value`
        : problemOf(topicSettings as unknown as Definitions, name, value);
    if (problem !== null) return problem;
  }
  return null;
}

function problemOf(table: Definitions, name: string, value: string): string | null {
  const definition = Object.hasOwn(table, name) ? table[name] : undefined;
  return definition === undefined
    ? `setting ${name}: there is no such setting`
    : settingProblem(name, definition, value);
}

function refuse(errorCode: ErrorCode, errorMessage: string): Refusal {
  return { errorCode, errorMessage };
}
