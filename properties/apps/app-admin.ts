/** What kafkajs' admin client can do, as far as it is built. */
import type {
  CommittedOffset,
  GroupListings,
  GroupResult,
  PartitionResult,
} from "../../core/client/admin/group-admin.ts";
import type { ListedOffset } from "../../core/client/admin/list-offsets.ts";
import { Errors, errorName } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import type { CreatePartitionsResponse } from "../../core/protocol/create-partitions.ts";
import type { CreateTopicsResponse } from "../../core/protocol/create-topics.ts";
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP } from "../../core/protocol/list-offsets.ts";
import type { MetadataTopic } from "../../core/protocol/metadata.ts";
import type {
  AppAdmin,
  GroupOffsets,
  NewTopicConfig,
  TopicMetadata,
  TopicOffsets,
} from "./admin-api.ts";
import type { GroupDescription } from "./consumer-api.ts";
import { KafkaError } from "./kafka-error.ts";
import type { Lookups } from "./lookups.ts";
import { positionOf } from "./seeks.ts";

export class PromisedAdmin implements AppAdmin {
  readonly #lookups: Lookups;

  constructor(lookups: Lookups) {
    this.#lookups = lookups;
  }

  async connect(): Promise<void> {}

  async disconnect(): Promise<void> {}

  async listTopics(): Promise<string[]> {
    return (await this.#describe(null)).map(({ name }) => name ?? "").sort();
  }

  async createTopics({ topics }: { readonly topics: readonly NewTopicConfig[] }): Promise<boolean> {
    const asked = topics.map(({ topic, numPartitions, replicationFactor, configEntries }) => ({
      name: topic,
      partitions: numPartitions ?? -1,
      replicationFactor: replicationFactor ?? -1,
      configs: Object.fromEntries((configEntries ?? []).map(({ name, value }) => [name, value])),
    }));
    const names = asked.map(({ name }) => name).join(", ");
    const made = await this.#lookups.call<CreateTopicsResponse["topics"]>(
      "createTopics",
      names,
      (admin, done) => admin.createTopics(asked, done),
    );
    if (made.some(({ errorCode }) => errorCode === Errors.TOPIC_ALREADY_EXISTS)) return false;
    for (const { name, errorCode } of made) refuse(`topic ${name}`, errorCode);
    return true;
  }

  async createPartitions({
    topicPartitions,
  }: {
    readonly topicPartitions: readonly { readonly topic: string; readonly count: number }[];
  }): Promise<void> {
    const asked = topicPartitions.map(({ topic: name, count }) => ({ name, count }));
    const made = await this.#lookups.call<CreatePartitionsResponse["results"]>(
      "createPartitions",
      asked.map(({ name }) => name).join(", "),
      (admin, done) => admin.createPartitions(asked, done),
    );
    for (const { name, errorCode } of made) refuse(`topic ${name}`, errorCode);
  }

  async fetchTopicMetadata({ topics }: { readonly topics?: readonly string[] } = {}): Promise<{
    readonly topics: TopicMetadata[];
  }> {
    const described = await this.#describe(topics ?? null);
    for (const { name, errorCode } of described) refuse(`topic ${name}`, errorCode);
    return {
      topics: described.map(({ name, partitions }) => ({
        name: name ?? "",
        partitions: partitions.map((one) => ({
          partitionId: one.partitionIndex,
          leader: one.leaderId,
          replicas: one.replicaNodes,
          isr: one.isrNodes,
          partitionErrorCode: one.errorCode,
        })),
      })),
    };
  }

  async fetchTopicOffsets(topic: string): Promise<TopicOffsets[]> {
    const { topics } = await this.fetchTopicMetadata({ topics: [topic] });
    const partitions = (topics[0]?.partitions ?? [])
      .map(({ partitionId }) => ({ topic, partition: partitionId }))
      .sort((a, b) => a.partition - b.partition);
    const at = (timestamp: number): Promise<readonly ListedOffset[]> =>
      this.#lookups.call("fetchTopicOffsets", topic, (admin, done) =>
        admin.listOffsets(partitions, timestamp, done),
      );
    const [lows, highs] = [await at(EARLIEST_TIMESTAMP), await at(LATEST_TIMESTAMP)];
    return highs.map(({ partition, offset }, index) => {
      const [low, high] = [String(lows[index]?.offset ?? 0), String(offset)];
      return { partition, offset: high, high, low };
    });
  }

  async fetchOffsets({
    groupId,
    topics,
  }: {
    readonly groupId: string;
    readonly topics?: readonly string[];
  }): Promise<GroupOffsets[]> {
    const all = await this.#lookups.call<readonly CommittedOffset[]>(
      "fetchOffsets",
      groupId,
      (admin, done) => admin.groups.listOffsets(groupId, null, done),
    );
    const names = topics ?? [...new Set(all.map(({ topic }) => topic))].sort();
    return names.map((topic) => ({
      topic,
      partitions: all
        .filter((one) => one.topic === topic)
        .map(({ partition, offset, metadata }) => {
          return { partition, offset: String(offset), metadata };
        })
        .sort((a, b) => a.partition - b.partition),
    }));
  }

  async setOffsets({
    groupId,
    topic,
    partitions,
  }: {
    readonly groupId: string;
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
  }): Promise<void> {
    const offsets = partitions.map(({ partition, offset }) =>
      positionOf("setOffsets()", { topic, partition, offset }, 0),
    );
    const set = await this.#lookups.call<readonly PartitionResult[]>(
      "setOffsets",
      groupId,
      (admin, done) => admin.groups.alterOffsets(groupId, offsets, done),
    );
    for (const { partition, errorCode } of set) refuse(`${topic}-${partition}`, errorCode);
  }

  async listGroups(): Promise<{
    readonly groups: { readonly groupId: GroupId; readonly protocolType: string }[];
  }> {
    const { groups } = await this.#lookups.call<GroupListings>("listGroups", "", (admin, done) =>
      admin.groups.list(done),
    );
    return { groups: groups.map(({ groupId, protocolType }) => ({ groupId, protocolType })) };
  }

  async describeGroups(
    groupIds: readonly string[],
  ): Promise<{ readonly groups: GroupDescription[] }> {
    const groups: GroupDescription[] = [];
    for (const groupId of groupIds) groups.push(await this.#lookups.describeGroup(groupId));
    return { groups };
  }

  async deleteGroups(
    groupIds: readonly string[],
  ): Promise<{ readonly groupId: string; readonly errorCode: number }[]> {
    const results = await this.#lookups.call<readonly GroupResult<null>[]>(
      "deleteGroups",
      groupIds.join(", "),
      (admin, done) => admin.groups.delete(groupIds, (value) => done({ kind: "done", value })),
    );
    for (const { group, result } of results) {
      if (result.kind === "failed") throw new KafkaError(result.error, `${group}: ${result.error}`);
    }
    return results.map(({ group }) => ({ groupId: group, errorCode: Errors.NONE }));
  }

  #describe(topics: readonly string[] | null): Promise<readonly MetadataTopic[]> {
    return this.#lookups.call("describe topics", topics?.join(", ") ?? "all", (admin, done) =>
      admin.describeTopics(topics, done),
    );
  }
}

function refuse(what: string, errorCode: number): void {
  if (errorCode === Errors.NONE) return;
  const type = errorName(errorCode);
  throw new KafkaError(type, `${what}: ${type}`);
}
