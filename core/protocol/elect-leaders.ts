/** ElectLeaders (key 43), version 2. */
export interface ElectLeadersRequest {
  /** 0 preferred, 1 unclean. */
  readonly electionType: number;
  /** Null for all partitions. */
  readonly topicPartitions:
    readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null;
  readonly timeoutMs: number;
}

export const PREFERRED_ELECTION = 0;
export const UNCLEAN_ELECTION = 1;

export interface ElectLeadersResponse {
  readonly errorCode: number;
  readonly replicaElectionResults: readonly {
    readonly topic: string;
    readonly partitionResult: readonly {
      readonly partitionId: number;
      readonly errorCode: number;
      readonly errorMessage: string | null;
    }[];
  }[];
}
