import type { PartitionName } from "../../core/ids.ts";
import { METADATA_TOPIC } from "../../core/ids.ts";

/** The replicated log of the cluster's metadata. */
export const METADATA_PARTITION: PartitionName = `${METADATA_TOPIC}-0`;
