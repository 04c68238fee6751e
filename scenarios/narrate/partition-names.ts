import type { PartitionName } from "../../core/ids.ts";

/** "orders" of "orders-1". */
export function topicOf(partition: PartitionName): string {
  return partition.slice(0, partition.lastIndexOf("-"));
}

/** 1 of "orders-1". */
export function indexOf(partition: PartitionName): number {
  return Number(partition.slice(partition.lastIndexOf("-") + 1));
}
