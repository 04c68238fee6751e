import type { BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch, TopicId } from "../ids.ts";

/** 0 recovered, 1 recovering from an unclean election (KIP-704). */
export type LeaderRecoveryState = 0 | 1;

/** AlterPartition (key 56), version 3: leader to active controller. KIP-497, KIP-841, KIP-903. */
export interface AlterPartitionRequest {
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
  readonly topics: readonly {
    readonly topicId: TopicId;
    readonly partitions: readonly AlterPartitionData[];
  }[];
}

export interface AlterPartitionData {
  readonly partitionIndex: number;
  readonly leaderEpoch: LeaderEpoch;
  /** Broker epoch -1: not fetched in this leadership, the controller does not compare. */
  readonly newIsrWithEpochs: readonly {
    readonly brokerId: NodeId;
    readonly brokerEpoch: BrokerEpoch;
  }[];
  readonly leaderRecoveryState: LeaderRecoveryState;
  readonly partitionEpoch: PartitionEpoch;
}

export interface AlterPartitionResponse {
  readonly errorCode: number;
  readonly topics: readonly {
    readonly topicId: TopicId;
    readonly partitions: readonly AlterPartitionResult[];
  }[];
}

export interface AlterPartitionResult {
  readonly partitionIndex: number;
  readonly errorCode: number;
  readonly leaderId: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  readonly isr: readonly NodeId[];
  readonly leaderRecoveryState: LeaderRecoveryState;
  readonly partitionEpoch: PartitionEpoch;
}
