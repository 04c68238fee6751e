/** What the sticky assignors put into the user data of a subscription, in Kafka's own bytes. */
import type { TopicPartition } from "./assignor.ts";
import { NO_GENERATION } from "./assignor.ts";
import { inJavaOrder } from "./java-order.ts";
import type { Claim } from "./member-claims.ts";
import { ProtocolReader, ProtocolWriter } from "./protocol-bytes.ts";
import { byTopic, readTopicPartitions, writeTopicPartitions } from "./topic-partitions.ts";

const GENERATION_BYTES = 4;

/** Version 1 (KIP-341): the previous assignment and its generation. There is no version number. */
export function encodeStickyUserData(
  partitions: readonly TopicPartition[],
  generationId: number,
): Uint8Array {
  const writer = new ProtocolWriter();
  const topics = new Map(byTopic(partitions).map((entry) => [entry.topic, entry]));
  writeTopicPartitions(
    writer,
    inJavaOrder([...topics.keys()]).map((topic) => topics.get(topic)!),
  );
  writer.int32(generationId);
  return writer.finish();
}

/** Version 0 ends before the generation. Bytes that make no sense claim nothing, as in Kafka. */
export function decodeStickyUserData(bytes: Uint8Array): Claim {
  const reader = new ProtocolReader(bytes);
  const partitions = readTopicPartitions(reader, "the previous assignment");
  if (reader.error !== null) return { partitions: [], generationId: NO_GENERATION };
  const hasGeneration = reader.remaining >= GENERATION_BYTES;
  return { partitions, generationId: hasGeneration ? reader.int32("the generation") : null };
}

/** All that cooperative-sticky tells: what a member has is in its subscription already. */
export function encodeGeneration(generationId: number): Uint8Array {
  const writer = new ProtocolWriter();
  writer.int32(generationId);
  return writer.finish();
}

export function decodeGeneration(bytes: Uint8Array): number {
  const reader = new ProtocolReader(bytes);
  const generationId = reader.int32("the generation");
  return reader.error === null ? generationId : NO_GENERATION;
}
