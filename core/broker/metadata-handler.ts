/**
 * Answers Metadata from what this broker knows (KafkaApis.handleTopicMetadataRequest,
 * KRaftMetadataCache.scala). What it knows may be old; clients compare leader epochs.
 *
 * Differs from Kafka: as "controller", to which admin clients send their changes, the broker names
 * itself, where Kafka draws any live broker. Both forward.
 */
import { Errors } from "../errors.ts";
import type { NodeId, Offset, TopicId } from "../ids.ts";
import { isInternalTopic, NO_NODE } from "../ids.ts";
import type { MetadataImage, PartitionRegistration, TopicImage } from "../metadata/image.ts";
import type { Call } from "../network/request-server.ts";
import type { ApiKeys } from "../protocol/message.ts";
import type {
  MetadataPartition,
  MetadataRequest,
  MetadataResponse,
  MetadataTopic,
} from "../protocol/metadata.ts";
import type { AutoTopicCreation } from "./auto-topic-creation.ts";
import type { BrokerRules } from "./broker-rules.ts";

/** Uuid.ZERO_UUID: no topic. */
const NO_TOPIC_ID: TopicId = "AAAAAAAAAAAAAAAAAAAAAA";

export interface MetadataHandlerOptions {
  readonly rules: BrokerRules;
  readonly nodeId: NodeId;
  readonly clusterId: string;
  readonly image: MetadataImage;
  readonly autoCreation: AutoTopicCreation;
}

export class MetadataHandler {
  readonly #options: MetadataHandlerOptions;
  /** Of the image as it is at `#knownAt`: every client of a cluster may ask at one time. */
  readonly #known: Map<TopicImage, MetadataTopic> = new Map();
  #knownAt: Offset = -1;

  constructor(options: MetadataHandlerOptions) {
    this.#options = options;
  }

  handle(call: Call): void {
    const request = call.request.body as MetadataRequest;
    const { rules, nodeId, clusterId, image } = this.#options;
    const brokers: MetadataResponse["brokers"][number][] = [];
    for (const { id, host, rack, fenced } of image.brokers.values()) {
      if (rules.listsBroker(fenced)) brokers.push({ nodeId: id, host, rack });
    }
    call.respond<typeof ApiKeys.METADATA>({
      brokers,
      clusterId,
      controllerId: nodeId,
      topics: this.#topics(request),
    });
  }

  #topics(request: MetadataRequest): MetadataTopic[] {
    const { image } = this.#options;
    const answers: MetadataTopic[] = [];
    if (request.topics === null) {
      for (const topic of image.topicsByName.values()) answers.push(this.#describe(topic));
      return answers;
    }
    for (const { topicId, name } of request.topics) {
      const topic =
        name !== null
          ? image.topicsByName.get(name)
          : topicId !== null
            ? image.topicsById.get(topicId)
            : undefined;
      if (topic !== undefined) answers.push(this.#describe(topic));
      else if (name === null) answers.push(unknownId(topicId));
      else answers.push(this.#unknownName(name, request.allowAutoTopicCreation));
    }
    return answers;
  }

  #describe(topic: TopicImage): MetadataTopic {
    const { image } = this.#options;
    if (this.#knownAt !== image.offset) this.#known.clear();
    this.#knownAt = image.offset;
    let known = this.#known.get(topic);
    if (known === undefined) this.#known.set(topic, (known = this.#described(topic)));
    return known;
  }

  #described(topic: TopicImage): MetadataTopic {
    return {
      errorCode: Errors.NONE,
      name: topic.name,
      topicId: topic.id,
      isInternal: isInternalTopic(topic.name),
      partitions: topic.partitions.map((partition, index) => this.#partition(partition, index)),
    };
  }

  #partition(partition: PartitionRegistration, partitionIndex: number): MetadataPartition {
    const { rules, image } = this.#options;
    const { leader, leaderEpoch, replicas, isr } = partition;
    const hasLeader = rules.hasUsableLeader(leader, image.brokers.has(leader));
    return {
      errorCode: hasLeader ? Errors.NONE : Errors.LEADER_NOT_AVAILABLE,
      partitionIndex,
      leaderId: hasLeader ? leader : NO_NODE,
      leaderEpoch,
      // Copies: whoever gets the answer may keep it, and the image is this broker's own.
      replicaNodes: replicas.slice(),
      isrNodes: isr.slice(),
      offlineReplicas: replicas.filter((id) => image.brokers.get(id)?.fenced !== false),
    };
  }

  #unknownName(name: string, allowedByClient: boolean): MetadataTopic {
    return {
      errorCode: this.#options.autoCreation.request(name, allowedByClient),
      name,
      topicId: NO_TOPIC_ID,
      isInternal: isInternalTopic(name),
      partitions: [],
    };
  }
}

function unknownId(topicId: TopicId | null): MetadataTopic {
  return {
    errorCode: Errors.UNKNOWN_TOPIC_ID,
    name: "",
    topicId: topicId ?? NO_TOPIC_ID,
    isInternal: false,
    partitions: [],
  };
}
