/** Blocks of producer ids for brokers (ProducerIdControlManager.java, KIP-730). */
import { Errors } from "../errors.ts";
import type { MetadataImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type {
  AllocateProducerIdsRequest,
  AllocateProducerIdsResponse,
} from "../protocol/allocate-producer-ids.ts";
import type { Decision } from "../replicated-state/replicated-state-machine.ts";
import { tellStale } from "./broker-lifecycle.ts";
import { Changes } from "./changes.ts";
import type { ControllerContext } from "./context.ts";
import { decide } from "./context.ts";

/** PRODUCER_ID_BLOCK_SIZE in ProducerIdsBlock.java. */
const BLOCK_SIZE = 1000;

export function allocateProducerIds(
  context: ControllerContext,
  image: MetadataImage,
  request: AllocateProducerIdsRequest,
): Decision<MetadataRecord, AllocateProducerIdsResponse> {
  const { brokerId, brokerEpoch } = request;
  const { lifecycle } = context.rules;
  const changes = new Changes(context.ports.probe);
  const broker = image.brokers.get(brokerId);
  const error = lifecycle.brokerEpochError(brokerEpoch, broker?.epoch);
  if (error !== Errors.NONE) {
    tellStale(context, brokerEpoch, broker);
    return decide(changes, { errorCode: error, producerIdStart: 0, producerIdLen: 0 });
  }
  const first = image.nextProducerId;
  changes.tell({ kind: "producer-ids-allocated", broker: brokerId, first, count: BLOCK_SIZE });
  changes.add({
    type: "ProducerIds",
    brokerId,
    brokerEpoch,
    nextProducerId: lifecycle.nextProducerId(first, BLOCK_SIZE),
  });
  return decide(changes, {
    errorCode: Errors.NONE,
    producerIdStart: first,
    producerIdLen: BLOCK_SIZE,
  });
}
