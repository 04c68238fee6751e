/**
 * An admin client (KafkaAdminClient.java): each call asks some broker, which forwards what only the
 * controller can do, and is tried again with backoff until default.api.timeout.ms.
 *
 * Differs from Kafka: a creation whose answer was lost is asked for again and may be answered
 * TOPIC_ALREADY_EXISTS, as in Kafka; but requests for the controller always go through a broker, and
 * only bootstrap servers are asked. An answer that is REQUEST_TIMED_OUT or LEADER_NOT_AVAILABLE for a
 * topic or resource is asked for again, where Kafka fails the call.
 */
import type { NodeId } from "../ids.ts";
import type { Ports, Timer } from "../ports.ts";
import { Errors, errorName } from "../errors.ts";
import type { Outcome } from "../network/client-channel.ts";
import { BROKER_RESOURCE, TOPIC_RESOURCE } from "../protocol/configs.ts";
import type { DescribeConfigsResponse } from "../protocol/configs.ts";
import type { CreatableTopic, CreateTopicsResponse } from "../protocol/create-topics.ts";
import type { ElectLeadersResponse } from "../protocol/elect-leaders.ts";
import type { ApiKey, RequestBody, ResponseBody } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { MetadataTopic } from "../protocol/metadata.ts";
import type { AdminSettings } from "../settings/client-settings.ts";
import type { SettingValue } from "../settings/definition.ts";
import { ExponentialBackoff } from "./backoff.ts";
import { CLIENT_LANE, ClientNetwork } from "./client-network.ts";

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

/** Errors of single topics, partitions or resources are in `value`; `failed`: nothing was answered. */
export type AdminResult<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "failed"; readonly error: string };

type Done<T> = (result: AdminResult<T>) => void;

/** What a call needs to be tried again. */
interface Call {
  readonly apiKey: ApiKey;
  readonly body: RequestBody<ApiKey>;
  readonly deadlineMs: number;
  readonly timer: Timer;
  /** Whether an answer says that trying again may help. */
  readonly isRetriable: (body: ResponseBody<ApiKey>) => boolean;
  readonly done: Done<ResponseBody<ApiKey>>;
  failures: number;
  isBackingOff: boolean;
  isAsking: boolean;
}

const retriable: ReadonlySet<number> = new Set([
  Errors.NOT_CONTROLLER,
  Errors.REQUEST_TIMED_OUT,
  Errors.NETWORK_EXCEPTION,
  Errors.LEADER_NOT_AVAILABLE,
]);

export class Admin {
  readonly #ports: Ports;
  readonly #options: AdminOptions;
  readonly #network: ClientNetwork;
  readonly #backoff: ExponentialBackoff;
  readonly #calls: Set<Call> = new Set();
  #callCount = 0;

  constructor(ports: Ports, options: AdminOptions) {
    const { clientId, settings } = options;
    this.#ports = ports;
    this.#options = options;
    this.#network = new ClientNetwork(ports, {
      clientId,
      settings,
      onReady: () => this.#proceed(),
      onDisconnect: () => undefined,
    });
    const [initialMs, maxMs] = [settings["retry.backoff.ms"], settings["retry.backoff.max.ms"]];
    this.#backoff = new ExponentialBackoff(ports.random, "admin backoff", initialMs, maxMs);
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

  /** Of the topics by name, or of all (null). */
  describeTopics(names: readonly string[] | null, done: Done<readonly MetadataTopic[]>): void {
    const topics = names === null ? null : names.map((name) => ({ topicId: null, name }));
    this.#call(
      ApiKeys.METADATA,
      { topics, allowAutoTopicCreation: false },
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

  /** Calls without result get none any more. */
  close(): void {
    for (const call of this.#calls) call.timer.cancel();
    this.#calls.clear();
    this.#network.close();
  }

  #call<K extends ApiKey>(
    apiKey: K,
    body: RequestBody<K>,
    isRetriable: (body: ResponseBody<K>) => boolean,
    done: Done<ResponseBody<K>>,
  ): void {
    const { settings, clientId } = this.#options;
    const nowMs = this.#ports.clock.monotonicMs();
    const name = `admin call ${clientId} ${this.#callCount++}`;
    const call: Call = {
      apiKey,
      body,
      deadlineMs: nowMs + settings["default.api.timeout.ms"],
      timer: this.#ports.timers.timer(CLIENT_LANE, name, () => this.#due(call)),
      isRetriable: isRetriable as Call["isRetriable"],
      done: done as Call["done"],
      failures: 0,
      isBackingOff: false,
      isAsking: false,
    };
    this.#calls.add(call);
    this.#try(call);
  }

  /** Sends the calls that wait for a broker. */
  #proceed(): void {
    for (const call of this.#calls) {
      if (!call.isAsking && !call.isBackingOff) this.#try(call);
    }
  }

  /** Its backoff has passed, or its time is up. */
  #due(call: Call): void {
    if (this.#ports.clock.monotonicMs() >= call.deadlineMs) {
      this.#end(call, { kind: "failed", error: errorName(Errors.REQUEST_TIMED_OUT) });
      return;
    }
    call.isBackingOff = false;
    this.#try(call);
  }

  #try(call: Call): void {
    const leftMs = Math.ceil(call.deadlineMs - this.#ports.clock.monotonicMs());
    call.timer.set(Math.max(0, leftMs));
    if (call.isAsking) return;
    const channel = this.#network.leastLoaded(this.#options.bootstrap);
    if (channel === null) return;
    call.isAsking = true;
    channel.send(call.apiKey, call.body, (outcome) => {
      call.isAsking = false;
      if (this.#calls.has(call)) this.#answered(call, outcome);
    });
  }

  #answered(call: Call, outcome: Outcome<ApiKey>): void {
    if (outcome.kind === "response" && !call.isRetriable(outcome.body)) {
      this.#end(call, { kind: "done", value: outcome.body });
      return;
    }
    if (outcome.kind === "unsupported") {
      this.#end(call, { kind: "failed", error: errorName(Errors.UNSUPPORTED_VERSION) });
      return;
    }
    const nowMs = this.#ports.clock.monotonicMs();
    call.failures += 1;
    const delayMs = this.#backoff.delayMs(call.failures);
    if (nowMs + delayMs >= call.deadlineMs && outcome.kind === "response") {
      this.#end(call, { kind: "done", value: outcome.body });
      return;
    }
    call.isBackingOff = true;
    call.timer.set(Math.max(0, Math.ceil(Math.min(delayMs, call.deadlineMs - nowMs))));
  }

  #end(call: Call, result: AdminResult<ResponseBody<ApiKey>>): void {
    call.timer.cancel();
    this.#calls.delete(call);
    call.done(result);
  }
}

function mapped<A, B>(result: AdminResult<A>, map: (value: A) => B): AdminResult<B> {
  return result.kind === "done" ? { kind: "done", value: map(result.value) } : result;
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
