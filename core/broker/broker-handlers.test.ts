/** Metadata, DescribeConfigs and the settings of topics, against a hand-made image. */
import { describe, expect, test } from "vitest";
import { Errors } from "../errors.ts";
import { MetadataDelta, MetadataImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { Outcome } from "../network/client-channel.ts";
import type { Call } from "../network/request-server.ts";
import type { DescribeConfigsResponse } from "../protocol/configs.ts";
import { BROKER_RESOURCE, TOPIC_RESOURCE } from "../protocol/configs.ts";
import type { ApiKey, Request, RequestBody } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { MetadataRequest, MetadataResponse } from "../protocol/metadata.ts";
import { resolveBrokerSettings } from "../settings/broker-settings.ts";
import { AutoTopicCreation } from "./auto-topic-creation.ts";
import { BrokerRules } from "./broker-rules.ts";
import type { ControllerChannel } from "./controller-channel.ts";
import { DescribeConfigsHandler } from "./describe-configs-handler.ts";
import { MetadataHandler } from "./metadata-handler.ts";
import { TopicSettingsCache } from "./topic-settings-cache.ts";

const rules = new BrokerRules();

function brokerRecord(brokerId: number, fenced: boolean): MetadataRecord {
  return {
    type: "RegisterBroker",
    brokerId,
    brokerEpoch: brokerId,
    incarnationId: `i${brokerId}`,
    host: `b${brokerId}`,
    rack: "a",
    fenced,
    inControlledShutdown: false,
    logDirs: ["d"],
  };
}

function config(resourceType: number, resourceName: string, name: string, value: string) {
  return { type: "Config", resourceType, resourceName, name, value } as const;
}

const partition = {
  type: "Partition",
  topicId: "topic-id",
  replicas: [1, 2, 3],
  leaderRecoveryState: 0,
  partitionEpoch: 0,
} as const;

/** Brokers 1 and 2 serve, 3 is fenced; partition 1 has no leader. */
const records: readonly MetadataRecord[] = [
  brokerRecord(1, false),
  brokerRecord(2, false),
  brokerRecord(3, true),
  { type: "Topic", name: "orders", topicId: "topic-id" },
  { ...partition, partitionId: 0, leader: 2, leaderEpoch: 4, isr: [2, 1] },
  { ...partition, partitionId: 1, leader: -1, leaderEpoch: 5, isr: [3] },
];

function makeImage(more: readonly MetadataRecord[] = []): MetadataImage {
  const image = new MetadataImage();
  const delta = new MetadataDelta();
  [...records, ...more].forEach((record, offset) => image.apply(record, offset, 1, delta));
  return image;
}

/** Hands a request to a handler and returns the answer. */
function ask<Answer>(
  handler: { handle(call: Call): void },
  apiKey: ApiKey,
  body: RequestBody<ApiKey>,
): Answer {
  const request = { apiKey, apiVersion: 0, correlationId: 1, clientId: "p1", body } as Request;
  let answer: unknown = null;
  handler.handle({
    request,
    peer: "p1",
    connectionId: 1,
    isOpen: true,
    respond: (given) => (answer = given),
    finish: () => undefined,
    disconnect: () => undefined,
  });
  return answer as Answer;
}

/** Keeps what was asked of the controller. */
class KeptChannel implements ControllerChannel {
  readonly sent: { apiKey: ApiKey; body: unknown; done: (outcome: Outcome<ApiKey>) => void }[] = [];

  send<K extends ApiKey>(
    apiKey: K,
    body: RequestBody<K>,
    done: (outcome: Outcome<K>) => void,
  ): void {
    this.sent.push({ apiKey, body, done: done as (outcome: Outcome<ApiKey>) => void });
  }
}

function metadataHandler(given: Readonly<Record<string, string>> = {}) {
  const channel = new KeptChannel();
  const settings = resolveBrokerSettings(given);
  const autoCreation = new AutoTopicCreation({ rules, settings, clientId: "broker-1", channel });
  const image = makeImage();
  const handler = new MetadataHandler({
    rules,
    nodeId: 1,
    clusterId: "cluster",
    image,
    autoCreation,
  });
  const request = (body: MetadataRequest): MetadataResponse => ask(handler, ApiKeys.METADATA, body);
  return { channel, request };
}

const byName = (name: string) => [{ topicId: null, name }];

describe("Metadata", () => {
  test("lists the brokers that serve, and all topics when none is named", () => {
    const { request } = metadataHandler();
    const answer = request({ topics: null, allowAutoTopicCreation: true });
    expect(answer.brokers).toEqual([
      { nodeId: 1, host: "b1", rack: "a" },
      { nodeId: 2, host: "b2", rack: "a" },
    ]);
    expect(answer.clusterId).toBe("cluster");
    expect(answer.topics.map((topic) => topic.name)).toEqual(["orders"]);
    expect(request({ topics: [], allowAutoTopicCreation: true }).topics).toEqual([]);
  });

  test("names leader, epoch, ISR and offline replicas, and says when there is no leader", () => {
    const { request } = metadataHandler();
    const { topics } = request({ topics: byName("orders"), allowAutoTopicCreation: false });
    const common = { replicaNodes: [1, 2, 3], offlineReplicas: [3] };
    expect(topics[0]?.partitions).toEqual([
      {
        ...common,
        errorCode: 0,
        partitionIndex: 0,
        leaderId: 2,
        leaderEpoch: 4,
        isrNodes: [2, 1],
      },
      {
        ...common,
        errorCode: Errors.LEADER_NOT_AVAILABLE,
        partitionIndex: 1,
        leaderId: -1,
        leaderEpoch: 5,
        isrNodes: [3],
      },
    ]);
  });

  test("finds a topic by its id, and says when there is no such id", () => {
    const { request } = metadataHandler();
    const topics = [
      { topicId: "topic-id", name: null },
      { topicId: "another", name: null },
    ];
    const answer = request({ topics, allowAutoTopicCreation: true });
    expect(answer.topics.map((topic) => [topic.name, topic.errorCode])).toEqual([
      ["orders", 0],
      ["", Errors.UNKNOWN_TOPIC_ID],
    ]);
  });

  test("has an unknown topic made once, and calls it unknown meanwhile", () => {
    const { channel, request } = metadataHandler({ "num.partitions": "3" });
    const wish = { topics: byName("new"), allowAutoTopicCreation: true };
    expect(request(wish).topics[0]?.errorCode).toBe(Errors.UNKNOWN_TOPIC_OR_PARTITION);
    request(wish);
    expect(channel.sent.map((each) => each.apiKey)).toEqual([ApiKeys.ENVELOPE]);
    expect(channel.sent[0]?.body).toMatchObject({
      request: {
        apiKey: ApiKeys.CREATE_TOPICS,
        body: { topics: [{ name: "new", numPartitions: 3, replicationFactor: 1 }] },
      },
    });
    channel.sent[0]?.done({ kind: "timeout" });
    request(wish);
    expect(channel.sent).toHaveLength(2);
  });

  test("makes no topic when broker or client do not want it, or the name is invalid", () => {
    const off = metadataHandler({ "auto.create.topics.enable": "false" });
    off.request({ topics: byName("new"), allowAutoTopicCreation: true });
    const on = metadataHandler();
    on.request({ topics: byName("new"), allowAutoTopicCreation: false });
    for (const name of ["", ".", "..", "a/b", "x".repeat(250)]) {
      const answer = on.request({ topics: byName(name), allowAutoTopicCreation: true });
      expect(answer.topics[0]?.errorCode).toBe(Errors.INVALID_TOPIC_EXCEPTION);
    }
    expect([off.channel.sent, on.channel.sent]).toEqual([[], []]);
  });
});

describe("the settings of a topic", () => {
  const settings = resolveBrokerSettings({ "log.segment.bytes": 1000, "min.insync.replicas": 2 });

  test("come from the topic, else this broker, else all brokers, else the file", () => {
    const image = makeImage([
      config(BROKER_RESOURCE, "", "log.segment.bytes", "2000"),
      config(BROKER_RESOURCE, "2", "log.segment.bytes", "9000"),
    ]);
    const cache = new TopicSettingsCache({ rules, nodeId: 1, image, settings });
    const apply = (record: MetadataRecord): readonly string[] => {
      const delta = new MetadataDelta();
      image.apply(record, 100, 1, delta);
      return cache.changed(delta);
    };
    expect(cache.of("orders")["segment.bytes"]).toBe(2000);
    expect(cache.of("orders")["min.insync.replicas"]).toBe(2);
    expect(apply(config(BROKER_RESOURCE, "1", "log.segment.bytes", "3000"))).toEqual(["orders"]);
    expect(cache.of("orders")["segment.bytes"]).toBe(3000);
    expect(apply(config(TOPIC_RESOURCE, "orders", "segment.bytes", "4000"))).toEqual(["orders"]);
    expect(cache.of("orders")["segment.bytes"]).toBe(4000);
    expect(cache.of("other")["segment.bytes"]).toBe(3000);
  });
});

describe("DescribeConfigs", () => {
  const given = { "log.segment.bytes": 1000 };
  const settings = resolveBrokerSettings(given);
  const image = makeImage([
    config(TOPIC_RESOURCE, "orders", "min.insync.replicas", "2"),
    config(BROKER_RESOURCE, "", "message.max.bytes", "5000"),
  ]);
  const topics = new TopicSettingsCache({ rules, nodeId: 1, image, settings });
  const handler = new DescribeConfigsHandler({ nodeId: 1, image, topics, settings, given });
  const describeOne = (
    resourceType: number,
    resourceName: string,
    configurationKeys: readonly string[] | null,
  ): DescribeConfigsResponse["results"][number] | undefined =>
    ask<DescribeConfigsResponse>(handler, ApiKeys.DESCRIBE_CONFIGS, {
      resources: [{ resourceType, resourceName, configurationKeys }],
    }).results[0];

  test("tells which settings of a topic are its own", () => {
    const keys = ["min.insync.replicas", "segment.bytes", "max.message.bytes"];
    expect(describeOne(TOPIC_RESOURCE, "orders", keys)?.configs).toEqual([
      { name: "max.message.bytes", value: "5000", isDefault: true },
      { name: "min.insync.replicas", value: "2", isDefault: false },
      { name: "segment.bytes", value: "1000", isDefault: true },
    ]);
    expect(describeOne(TOPIC_RESOURCE, "orders", null)?.configs.length).toBeGreaterThan(10);
  });

  test("tells this broker's settings, and those of all brokers", () => {
    const keys = ["log.segment.bytes", "message.max.bytes", "num.partitions"];
    expect(describeOne(BROKER_RESOURCE, "1", keys)?.configs).toEqual([
      { name: "log.segment.bytes", value: "1000", isDefault: false },
      { name: "message.max.bytes", value: "5000", isDefault: true },
      { name: "num.partitions", value: "1", isDefault: true },
    ]);
    expect(describeOne(BROKER_RESOURCE, "", null)?.configs).toEqual([
      { name: "message.max.bytes", value: "5000", isDefault: false },
    ]);
  });

  test("refuses what it does not know, by name", () => {
    expect(describeOne(TOPIC_RESOURCE, "nope", null)?.errorMessage).toBe("there is no topic nope");
    expect(describeOne(BROKER_RESOURCE, "2", null)?.errorCode).toBe(Errors.INVALID_REQUEST);
    expect(describeOne(8, "x", null)?.errorCode).toBe(Errors.INVALID_REQUEST);
  });
});
