import type { BrokerEpoch, NodeId, ProducerId } from "../ids.ts";

/** AllocateProducerIds (key 67), version 0: a block of ids for one broker (KIP-730). */
export interface AllocateProducerIdsRequest {
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
}

export interface AllocateProducerIdsResponse {
  readonly errorCode: number;
  readonly producerIdStart: ProducerId;
  readonly producerIdLen: number;
}
