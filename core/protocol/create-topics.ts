import type { NodeId, TopicId } from "../ids.ts";

/** CreateTopics (key 19), version 7. Brokers forward it to the active controller in an Envelope. */
export interface CreateTopicsRequest {
  readonly topics: readonly CreatableTopic[];
  readonly timeoutMs: number;
  readonly validateOnly: boolean;
}

export interface CreatableTopic {
  readonly name: string;
  /** -1 for the broker's default, or when assignments are given. */
  readonly numPartitions: number;
  readonly replicationFactor: number;
  /** Empty, or the replicas of each partition, the preferred leader first. */
  readonly assignments: readonly {
    readonly partitionIndex: number;
    readonly brokerIds: readonly NodeId[];
  }[];
  readonly configs: readonly { readonly name: string; readonly value: string | null }[];
}

export interface CreateTopicsResponse {
  readonly topics: readonly {
    readonly name: string;
    readonly topicId: TopicId;
    readonly errorCode: number;
    readonly errorMessage: string | null;
    readonly numPartitions: number;
    readonly replicationFactor: number;
  }[];
}
