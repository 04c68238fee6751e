/**
 * The order in which a Java HashMap is walked. Where Kafka's sticky assignors walk one, who comes first
 * may keep a partition more, so their answers cannot be told without it.
 *
 * Differs from Kafka: a bucket with more than eight entries becomes a tree in Java, and its order then
 * another one. That takes ids made to collide.
 */

const SMALLEST_TABLE = 16;

/** String.hashCode: signed, 32 bits. */
export function javaStringHash(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) {
    hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0;
  }
  return hash;
}

/** TopicPartition.hashCode, given the hash of the topic. */
export function javaPartitionHash(topicHash: number, partition: number): number {
  return (Math.imul(31, 31 + partition) + topicHash) | 0;
}

/** How large the table of a HashMap is that was filled one by one to `count` entries. */
export function javaTableSize(count: number, from: number = SMALLEST_TABLE): number {
  let size = from;
  while (count * 4 > size * 3) size *= 2;
  return size;
}

/** The bucket of a hash; entries of one bucket stay in the order of insertion. */
export function javaBucket(hash: number, tableSize: number): number {
  return (hash ^ (hash >>> 16)) & (tableSize - 1);
}

/** Distinct keys, given in the order of insertion, as `new HashMap<>()` would walk them. */
export function inJavaOrder(keys: readonly string[]): string[] {
  const size = javaTableSize(keys.length);
  const buckets = keys.map((key) => ({ key, bucket: javaBucket(javaStringHash(key), size) }));
  return buckets.sort((left, right) => left.bucket - right.bucket).map(({ key }) => key);
}
