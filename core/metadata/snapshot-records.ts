/**
 * A metadata image as records, and back (MetadataImage.write, the loading side of MetadataLoader.java).
 * Two images that hold the same give the same records in the same order.
 */
import type { LeaderEpoch, Offset } from "../ids.ts";
import { NO_EPOCH, NO_NODE } from "../ids.ts";
import { BROKER_RESOURCE, TOPIC_RESOURCE } from "../protocol/configs.ts";
import type { BrokerRegistration, PartitionRegistration, TopicImage } from "./image.ts";
import { MetadataDelta, MetadataImage } from "./image.ts";
import type { MetadataRecord } from "./records.ts";

/** The records that make `image` out of an empty one. */
export function recordsOf(image: MetadataImage): readonly MetadataRecord[] {
  const records: MetadataRecord[] = [];
  for (const [name, featureLevel] of image.features) {
    records.push({ type: "FeatureLevel", name, featureLevel });
  }
  for (const broker of image.brokers.values()) records.push(brokerRecord(broker));
  for (const topic of image.topicsById.values()) addTopic(topic, records);
  addConfigs(TOPIC_RESOURCE, image.topicConfigs, records);
  addConfigs(BROKER_RESOURCE, image.brokerConfigs, records);
  if (image.nextProducerId > 0) {
    const { nextProducerId } = image;
    const nobody = { brokerId: NO_NODE, brokerEpoch: NO_EPOCH };
    records.push({ type: "ProducerIds", ...nobody, nextProducerId });
  }
  return records;
}

/** The image that the records of a snapshot make, which ends with the record at `lastOffset`. */
export function imageOf(
  records: readonly MetadataRecord[],
  lastOffset: Offset,
  epoch: LeaderEpoch,
): MetadataImage {
  const image = new MetadataImage();
  const delta = new MetadataDelta();
  for (const record of records) image.apply(record, lastOffset, epoch, delta);
  image.offset = lastOffset;
  image.epoch = epoch;
  return image;
}

/**
 * Makes `image` hold what `newer` holds, in place, and notes in `delta` what that changed. Both are
 * states of one log, so nothing of the older one is missing in the newer.
 */
export function replaceImage(
  image: MetadataImage,
  newer: MetadataImage,
  delta: MetadataDelta,
): void {
  replaceTopics(image, newer, delta);
  for (const [id, broker] of newer.brokers) {
    if (!isSame(image.brokers.get(id), broker)) delta.brokers.add(id);
  }
  for (const [topic, configs] of newer.topicConfigs) {
    if (!isSameMap(image.topicConfigs.get(topic), configs)) delta.topicConfigs.add(topic);
  }
  for (const topic of image.topicConfigs.keys()) {
    if (!newer.topicConfigs.has(topic)) delta.topicConfigs.add(topic);
  }
  for (const [broker, configs] of newer.brokerConfigs) {
    if (!isSameMap(image.brokerConfigs.get(broker), configs)) delta.brokerConfigs = true;
  }
  for (const broker of image.brokerConfigs.keys()) {
    if (!newer.brokerConfigs.has(broker)) delta.brokerConfigs = true;
  }
  replaceMap(image.brokers, newer.brokers);
  replaceMap(image.topicConfigs, newer.topicConfigs);
  replaceMap(image.brokerConfigs, newer.brokerConfigs);
  replaceMap(image.features, newer.features);
  image.nextProducerId = newer.nextProducerId;
  image.offset = newer.offset;
  image.epoch = newer.epoch;
}

function replaceTopics(image: MetadataImage, newer: MetadataImage, delta: MetadataDelta): void {
  for (const [id, topic] of newer.topicsById) {
    const known = image.topicsById.get(id);
    if (known === undefined) delta.createdTopics.add(id);
    for (const [partition, registration] of topic.partitions.entries()) {
      if (!isSamePartition(known?.partitions[partition], registration)) {
        delta.markPartition(id, partition);
      }
    }
  }
  replaceMap(image.topicsById, newer.topicsById);
  replaceMap(image.topicsByName, newer.topicsByName);
}

function brokerRecord(broker: BrokerRegistration): MetadataRecord {
  const { id, epoch, incarnationId, host, rack, fenced, inControlledShutdown, logDirs } = broker;
  return {
    type: "RegisterBroker",
    brokerId: id,
    brokerEpoch: epoch,
    incarnationId,
    host,
    rack,
    fenced,
    inControlledShutdown,
    logDirs,
  };
}

function addTopic(topic: TopicImage, records: MetadataRecord[]): void {
  records.push({ type: "Topic", name: topic.name, topicId: topic.id });
  for (const [partitionId, registration] of topic.partitions.entries()) {
    records.push({ type: "Partition", topicId: topic.id, partitionId, ...registration });
  }
}

function addConfigs(
  resourceType: number,
  all: ReadonlyMap<string, ReadonlyMap<string, string>>,
  records: MetadataRecord[],
): void {
  for (const [resourceName, configs] of all) {
    for (const [name, value] of configs) {
      records.push({ type: "Config", resourceType, resourceName, name, value });
    }
  }
}

function isSame(a: BrokerRegistration | undefined, b: BrokerRegistration): boolean {
  return (
    a !== undefined &&
    a.epoch === b.epoch &&
    a.fenced === b.fenced &&
    a.inControlledShutdown === b.inControlledShutdown
  );
}

/** Every change of a registration raises its partition epoch. */
function isSamePartition(a: PartitionRegistration | undefined, b: PartitionRegistration): boolean {
  return a !== undefined && a.partitionEpoch === b.partitionEpoch;
}

function isSameMap(
  a: ReadonlyMap<string, string> | undefined,
  b: ReadonlyMap<string, string>,
): boolean {
  if (a === undefined || a.size !== b.size) return false;
  for (const [name, value] of b) if (a.get(name) !== value) return false;
  return true;
}

function replaceMap<K, V>(target: Map<K, V>, source: ReadonlyMap<K, V>): void {
  target.clear();
  for (const [key, value] of source) target.set(key, value);
}
