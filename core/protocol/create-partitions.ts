import type { NodeId } from "../ids.ts";

/** CreatePartitions (key 37), version 3: answered by the controller. */
export interface CreatePartitionsRequest {
  readonly topics: readonly {
    readonly name: string;
    /** How many partitions the topic is to have afterwards. */
    readonly count: number;
    /** The replicas of each new partition, the preferred leader first; null to let them be placed. */
    readonly assignments: readonly { readonly brokerIds: readonly NodeId[] }[] | null;
  }[];
  readonly timeoutMs: number;
  readonly validateOnly: boolean;
}

export interface CreatePartitionsResponse {
  readonly results: readonly {
    readonly name: string;
    readonly errorCode: number;
    readonly errorMessage: string | null;
  }[];
}
