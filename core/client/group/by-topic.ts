import type { PartitionMetadata } from "../client-metadata.ts";

/** Groups things by the topic of their partition, in the order in which topics come first. */
export function byTopic<T extends { readonly partition: PartitionMetadata }>(
  entries: Iterable<T>,
): [topic: string, entries: T[]][] {
  const groups = new Map<string, T[]>();
  for (const entry of entries) {
    const { name } = entry.partition.topic;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [entry]);
    else group.push(entry);
  }
  return [...groups];
}
