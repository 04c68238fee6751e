/**
 * An admin client (KafkaAdminClient.java): each call asks some broker, which forwards what only the
 * controller can do, and is tried again with backoff until default.api.timeout.ms. What it asks about
 * consumer groups goes to their coordinators, what it asks about offsets to the partitions' leaders.
 *
 * Differs from Kafka: a creation whose answer was lost is asked for again and may be answered
 * TOPIC_ALREADY_EXISTS (INVALID_PARTITIONS for more partitions), as in Kafka; but requests for the
 * controller always go through a broker, and "some broker" is always a bootstrap server. An answer that
 * is REQUEST_TIMED_OUT or LEADER_NOT_AVAILABLE for a topic or resource is asked for again, where Kafka
 * fails the call.
 */
import type { NodeId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { Errors } from "../errors.ts";
import { BROKER_RESOURCE, TOPIC_RESOURCE } from "../protocol/configs.ts";
import type { DescribeConfigsResponse } from "../protocol/configs.ts";
import type { CreatePartitionsResponse } from "../protocol/create-partitions.ts";
import type { CreatableTopic, CreateTopicsResponse } from "../protocol/create-topics.ts";
import type { ElectLeadersResponse } from "../protocol/elect-leaders.ts";
import type { ApiKey, RequestBody, ResponseBody } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { MetadataTopic } from "../protocol/metadata.ts";
import type { AdminSettings } from "../settings/client-settings.ts";
import type { SettingValue } from "../settings/definition.ts";
import type { AdminResult, Done } from "./admin/admin-calls.ts";
import { AdminCalls, mapped } from "./admin/admin-calls.ts";
import { GroupAdmin } from "./admin/group-admin.ts";
import type { ListedOffset, TopicPartition } from "./admin/list-offsets.ts";
import { listOffsets } from "./admin/list-offsets.ts";

export interface AdminOptions {
  readonly clientId: string;
  /** Hosts of the bootstrap servers. */
  readonly bootstrap: readonly string[];
  readonly settings: AdminSettings;
}

export interface NewTopic {
  readonly name: string;
  /** -1, or absent, for the broker's default. */
  readonly partitions?: number;
  readonly replicationFactor?: number;
  /** Instead of both: the brokers of each partition, the preferred leader first. */
  readonly assignment?: readonly (readonly NodeId[])[];
  readonly configs?: Readonly<Record<string, SettingValue>>;
}

export interface MorePartitions {
  readonly name: string;
  /** How many the topic is to have. */
  readonly count: number;
  /** The brokers of each new partition, the preferred leader first; absent: they are placed. */
  readonly assignment?: readonly (readonly NodeId[])[];
}

const retriable: ReadonlySet<number> = new Set([
  Errors.NOT_CONTROLLER,
  Errors.REQUEST_TIMED_OUT,
  Errors.NETWORK_EXCEPTION,
  Errors.LEADER_NOT_AVAILABLE,
]);

export class Admin {
  /** What can be done about consumer groups. */
  readonly groups: GroupAdmin;
  readonly #options: AdminOptions;
  readonly #calls: AdminCalls;

  constructor(ports: Ports, options: AdminOptions) {
    this.#options = options;
    this.#calls = new AdminCalls(ports, options);
    this.groups = new GroupAdmin(this.#calls);
  }

  createTopics(topics: readonly NewTopic[], done: Done<CreateTopicsResponse["topics"]>): void {
    const body = {
      topics: topics.map(creatable),
      timeoutMs: this.#options.settings["request.timeout.ms"],
      validateOnly: false,
    };
    this.#call(
      ApiKeys.CREATE_TOPICS,
      body,
      (answer) => answer.topics.some((topic) => retriable.has(topic.errorCode)),
      (result) => done(mapped(result, (answer) => answer.topics)),
    );
  }

  /** Makes topics larger. After a lost answer that did, INVALID_PARTITIONS says that it is done. */
  createPartitions(
    topics: readonly MorePartitions[],
    done: Done<CreatePartitionsResponse["results"]>,
  ): void {
    const body = {
      topics: topics.map(({ name, count, assignment }) => ({
        name,
        count,
        assignments: assignment?.map((brokerIds) => ({ brokerIds })) ?? null,
      })),
      timeoutMs: this.#options.settings["request.timeout.ms"],
      validateOnly: false,
    };
    this.#call(
      ApiKeys.CREATE_PARTITIONS,
      body,
      (answer) => answer.results.some((result) => retriable.has(result.errorCode)),
      (result) => done(mapped(result, (answer) => answer.results)),
    );
  }

  /** Of the topics by name, or of all (null); brokers may make those that they do not know. */
  describeTopics(
    names: readonly string[] | null,
    done: Done<readonly MetadataTopic[]>,
    allowAutoTopicCreation: boolean = false,
  ): void {
    const topics = names === null ? null : names.map((name) => ({ topicId: null, name }));
    this.#call(
      ApiKeys.METADATA,
      { topics, allowAutoTopicCreation },
      () => false,
      (result) => done(mapped(result, (answer) => answer.topics)),
    );
  }

  /** All settings of topics, by name. */
  describeConfigs(topics: readonly string[], done: Done<DescribeConfigsResponse["results"]>): void {
    const resources = topics.map((resourceName) => ({
      resourceType: TOPIC_RESOURCE,
      resourceName,
      configurationKeys: null,
    }));
    this.#call(
      ApiKeys.DESCRIBE_CONFIGS,
      { resources },
      () => false,
      (result) => done(mapped(result, (answer) => answer.results)),
    );
  }

  /**
   * Sets settings of a topic (or, by `{broker}`, of one broker, "" for all of them); null goes back to
   * the default.
   */
  incrementalAlterConfigs(
    resource: string | { readonly broker: string },
    configs: Readonly<Record<string, SettingValue | null>>,
    done: (result: AdminResult<{ errorCode: number; errorMessage: string | null }>) => void,
  ): void {
    const isTopic = typeof resource === "string";
    const body = {
      resources: [
        {
          resourceType: isTopic ? TOPIC_RESOURCE : BROKER_RESOURCE,
          resourceName: isTopic ? resource : resource.broker,
          configs: Object.entries(configs).map(([name, value]) => ({
            name,
            configOperation: value === null ? 1 : 0,
            value: value === null ? null : String(value),
          })),
        },
      ],
      validateOnly: false,
    };
    this.#call(
      ApiKeys.INCREMENTAL_ALTER_CONFIGS,
      body,
      (answer) => answer.responses.some((response) => retriable.has(response.errorCode)),
      (result) => {
        const unknown = { errorCode: Errors.UNKNOWN_SERVER_ERROR, errorMessage: "no answer" };
        done(mapped(result, (answer) => answer.responses[0] ?? unknown));
      },
    );
  }

  /** Preferred or unclean election (PREFERRED_ELECTION, UNCLEAN_ELECTION); null for all partitions. */
  electLeaders(
    electionType: number,
    topicPartitions:
      readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null,
    done: Done<ElectLeadersResponse>,
  ): void {
    const timeoutMs = this.#options.settings["request.timeout.ms"];
    this.#call(
      ApiKeys.ELECT_LEADERS,
      { electionType, topicPartitions, timeoutMs },
      (answer) => retriable.has(answer.errorCode),
      done,
    );
  }

  /** Where the logs of partitions end, or another offset by its time (of ListOffsets). */
  listOffsets(
    partitions: readonly TopicPartition[],
    timestamp: number,
    done: Done<readonly ListedOffset[]>,
  ): void {
    listOffsets(this.#calls, partitions, timestamp, done);
  }

  /** Calls without result get none any more. */
  close(): void {
    this.#calls.close();
  }

  #call<K extends ApiKey>(
    apiKey: K,
    body: RequestBody<K>,
    isRetriable: (body: ResponseBody<K>) => boolean,
    done: Done<ResponseBody<K>>,
  ): void {
    this.#calls.call({ apiKey, body, isRetriable, done });
  }
}

function creatable(topic: NewTopic): CreatableTopic {
  const assignments = (topic.assignment ?? []).map((brokerIds, partitionIndex) => {
    return { partitionIndex, brokerIds };
  });
  const isManual = assignments.length > 0;
  return {
    name: topic.name,
    numPartitions: isManual ? -1 : (topic.partitions ?? -1),
    replicationFactor: isManual ? -1 : (topic.replicationFactor ?? -1),
    assignments,
    configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({
      name,
      value: String(value),
    })),
  };
}
