import type { ProducerEpoch, ProducerId } from "../ids.ts";

/** InitProducerId (key 22), version 5. Without a transactional id every answer is a fresh producer id. */
export interface InitProducerIdRequest {
  readonly transactionalId: string | null;
  readonly transactionTimeoutMs: number;
  readonly producerId: ProducerId;
  readonly producerEpoch: ProducerEpoch;
}

export interface InitProducerIdResponse {
  readonly errorCode: number;
  readonly producerId: ProducerId;
  readonly producerEpoch: ProducerEpoch;
}
