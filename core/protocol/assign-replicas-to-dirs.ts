import type { BrokerEpoch, NodeId, TopicId, Uuid } from "../ids.ts";

/** AssignReplicasToDirs (key 73), version 0: where a broker keeps its replicas. KIP-858. */
export interface AssignReplicasToDirsRequest {
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
  readonly directories: readonly {
    readonly id: Uuid;
    readonly topics: readonly {
      readonly topicId: TopicId;
      readonly partitions: readonly number[];
    }[];
  }[];
}

export interface AssignReplicasToDirsResponse {
  /** Of the whole request. */
  readonly errorCode: number;
  readonly directories: readonly {
    readonly id: Uuid;
    readonly topics: readonly {
      readonly topicId: TopicId;
      readonly partitions: readonly {
        readonly partitionIndex: number;
        readonly errorCode: number;
      }[];
    }[];
  }[];
}
