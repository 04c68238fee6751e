/**
 * What consumers of a classic group tell each other, in Kafka's own bytes (ConsumerProtocol.java,
 * ConsumerProtocolSubscription.json, ConsumerProtocolAssignment.json): the metadata of JoinGroup and the
 * assignment of SyncGroup. To brokers they are only bytes.
 *
 * A version that is too new is read as the newest one known, and bytes behind the last field are
 * ignored: new versions may only add fields at the end.
 */
import { assert } from "../../assert.ts";
import type { Assignment, Subscription, TopicPartition } from "./assignor.ts";
import { NO_GENERATION } from "./assignor.ts";
import { compareText } from "./assignor-rules.ts";
import { ProtocolReader, ProtocolWriter } from "./protocol-bytes.ts";
import type { Parsed } from "./protocol-bytes.ts";
import { byTopic, readTopicPartitions, writeTopicPartitions } from "./topic-partitions.ts";

/** The protocol type of consumer groups in JoinGroup. */
export const CONSUMER_PROTOCOL_TYPE = "consumer";
export const HIGHEST_CONSUMER_PROTOCOL_VERSION = 3;

/** Version 1 added owned partitions (KIP-429), 2 the generation (KIP-792), 3 the rack (KIP-881). */
export function encodeSubscription(
  subscription: Subscription,
  version: number = HIGHEST_CONSUMER_PROTOCOL_VERSION,
): Uint8Array {
  const writer = writerOf(version);
  const { topics, userData, ownedPartitions, generationId, rackId } = subscription;
  writer.array([...topics].sort(compareText), (topic) => writer.string(topic));
  writer.nullableBytes(userData);
  if (version >= 1)
    writeTopicPartitions(writer, byTopic([...ownedPartitions].sort(comparePartitions)));
  if (version >= 2) writer.int32(generationId);
  if (version >= 3) writer.nullableString(rackId);
  return writer.finish();
}

/** `groupInstanceId` comes from the member's entry in the JoinGroup response. */
export function decodeSubscription(
  bytes: Uint8Array,
  groupInstanceId: string | null = null,
): Parsed<Subscription> {
  const reader = new ProtocolReader(bytes);
  const version = reader.int16("the version");
  const topics = reader.array("topics", () => reader.string("a topic"));
  const userData = reader.nullableBytes("user data");
  const ownedPartitions = version >= 1 ? readTopicPartitions(reader, "owned partitions") : [];
  const generationId = version >= 2 ? reader.int32("the generation") : NO_GENERATION;
  const rackId = version >= 3 ? reader.nullableString("the rack") : null;
  return parsed(reader, version, "subscription", {
    topics,
    userData,
    ownedPartitions,
    generationId: Math.max(generationId, NO_GENERATION),
    groupInstanceId,
    rackId: rackId === "" ? null : rackId,
  });
}

export function encodeAssignment(
  { partitions, userData }: Assignment,
  version: number = HIGHEST_CONSUMER_PROTOCOL_VERSION,
): Uint8Array {
  const writer = writerOf(version);
  writeTopicPartitions(writer, byTopic(partitions));
  writer.nullableBytes(userData);
  return writer.finish();
}

export function decodeAssignment(bytes: Uint8Array): Parsed<Assignment> {
  const reader = new ProtocolReader(bytes);
  const version = reader.int16("the version");
  const partitions = readTopicPartitions(reader, "assigned partitions");
  const userData = reader.nullableBytes("user data");
  return parsed(reader, version, "assignment", { partitions, userData });
}

function writerOf(version: number): ProtocolWriter {
  assert(
    version >= 0 && version <= HIGHEST_CONSUMER_PROTOCOL_VERSION,
    `the consumer protocol has no version ${version}`,
  );
  const writer = new ProtocolWriter();
  writer.int16(version);
  return writer;
}

function parsed<T>(reader: ProtocolReader, version: number, what: string, value: T): Parsed<T> {
  if (version < 0) return { error: `a ${what} of version ${version}` };
  if (reader.error !== null) return { error: `a broken ${what}: ${reader.error}` };
  return { value };
}

function comparePartitions(left: TopicPartition, right: TopicPartition): number {
  return compareText(left.topic, right.topic) || left.partition - right.partition;
}
