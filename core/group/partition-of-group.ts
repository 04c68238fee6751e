/** Which partition of `__consumer_offsets` keeps a group (GroupCoordinatorService.java, Utils.java). */
import type { GroupId } from "../ids.ts";

/** Java's String.hashCode: over UTF-16 units, in 32 bits. */
export function javaHashCode(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
  return hash;
}

export function partitionOfGroup(group: GroupId, partitions: number): number {
  const hash = javaHashCode(group);
  // The least integer has no positive counterpart in Java and becomes 0.
  return (hash === -0x80000000 ? 0 : Math.abs(hash)) % partitions;
}
