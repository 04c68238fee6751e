import type { TopicPartition } from "./assignor.ts";
import type { ProtocolReader, ProtocolWriter } from "./protocol-bytes.ts";

/** A list of partitions as all messages of this folder write it: topic by topic. */
export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** Topics in the order in which they first come up, each with its partitions in theirs. */
export function byTopic(partitions: readonly TopicPartition[]): TopicPartitions[] {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) {
    const numbers = topics.get(topic);
    if (numbers === undefined) topics.set(topic, [partition]);
    else numbers.push(partition);
  }
  return [...topics].map(([topic, numbers]) => ({ topic, partitions: numbers }));
}

export function writeTopicPartitions(
  writer: ProtocolWriter,
  topics: readonly TopicPartitions[],
): void {
  writer.array(topics, ({ topic, partitions }) => {
    writer.string(topic);
    writer.array(partitions, (partition) => writer.int32(partition));
  });
}

export function readTopicPartitions(reader: ProtocolReader, field: string): TopicPartition[] {
  const topics = reader.array(field, () => ({
    topic: reader.string(`a topic of ${field}`),
    partitions: reader.array(`partitions of ${field}`, () =>
      reader.int32(`a partition of ${field}`),
    ),
  }));
  return topics.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}
