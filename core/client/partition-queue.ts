import type { ProducerEpoch, ProducerId, Sequence } from "../ids.ts";
import { NO_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE } from "../ids.ts";
import type { PartitionMetadata } from "./client-metadata.ts";
import type { CompressionRatio } from "./compression-ratio.ts";
import type { ProducerBatch } from "./producer-batch.ts";

/**
 * What a producer has for one partition: the batches that wait, and its sequences there
 * (RecordAccumulator's deque, TxnPartitionEntry.java).
 */
export class PartitionQueue {
  readonly metadata: PartitionMetadata;
  readonly compressionRatio: CompressionRatio;
  /** Order in which partitions were first used: makes every walk over them the same. */
  readonly ordinal: number;
  /** Oldest first. Those with a sequence, to be retried, come before those without. */
  readonly batches: ProducerBatch[] = [];
  /** It may not send until its batch is answered. */
  isMuted = false;

  /** Under which its next sequence counts; another than the producer's: the next starts at 0. */
  producerId: ProducerId = NO_PRODUCER_ID;
  producerEpoch: ProducerEpoch = NO_EPOCH;
  nextSequence: Sequence = 0;
  lastAckedSequence: Sequence = NO_SEQUENCE;
  /** Batches that have a sequence and no result, on their way or in the queue, in sequence order. */
  readonly unacked: ProducerBatch[] = [];
  /** A batch expired whose fate is unknown: the sequence that would follow it; -1 without one. */
  unresolvedNext: Sequence = NO_SEQUENCE;

  constructor(metadata: PartitionMetadata, compressionRatio: CompressionRatio, ordinal: number) {
    this.metadata = metadata;
    this.compressionRatio = compressionRatio;
    this.ordinal = ordinal;
  }

  get firstUnackedSequence(): Sequence {
    return this.unacked[0]?.baseSequence ?? NO_SEQUENCE;
  }

  forget(batch: ProducerBatch): void {
    const at = this.unacked.indexOf(batch);
    if (at >= 0) this.unacked.splice(at, 1);
  }

  /** As if nothing had ever been sent to it. */
  resetSequences(): void {
    this.producerId = NO_PRODUCER_ID;
    this.producerEpoch = NO_EPOCH;
    this.nextSequence = 0;
    this.lastAckedSequence = NO_SEQUENCE;
    this.unacked.length = 0;
    this.unresolvedNext = NO_SEQUENCE;
  }
}
