/**
 * What a log says about its producers, found by reading its batches in order: the yardstick for the
 * state that brokers keep in memory and in snapshots (ProducerStateManager.java).
 */
import type { Offset, ProducerEpoch, ProducerId, Sequence } from "../../core/ids.ts";
import type { Batch } from "../../core/record/batch.ts";
import type { GhostLog } from "./ghost-log.ts";

/** Kafka remembers this many batches of each producer. */
const REMEMBERED = 5;

export interface ScannedBatch {
  readonly firstSequence: Sequence;
  readonly lastSequence: Sequence;
  readonly lastOffset: Offset;
}

export interface ScannedProducer {
  producerEpoch: ProducerEpoch;
  lastTimestamp: number;
  /** The last ones of this epoch, oldest first. */
  readonly batches: ScannedBatch[];
}

/** Follows one log: reads only what was appended since it was last asked. */
export class ProducerScan {
  readonly #log: GhostLog;
  #producers: Map<ProducerId, ScannedProducer> = new Map();
  #read = 0;
  #cuts: number;

  constructor(log: GhostLog) {
    this.#log = log;
    this.#cuts = log.cuts;
  }

  /** All producers of the log as it is now. Valid until the next call. */
  producers(): ReadonlyMap<ProducerId, ScannedProducer> {
    const { batches, cuts } = this.#log;
    if (cuts !== this.#cuts) {
      this.#producers = new Map();
      this.#read = 0;
      this.#cuts = cuts;
    }
    while (this.#read < batches.length) this.#take(batches[this.#read++] as Batch);
    return this.#producers;
  }

  #take(batch: Batch): void {
    const { producerId, producerEpoch, baseSequence, lastSequence, maxTimestamp } = batch.body;
    if (producerId < 0) return;
    let producer = this.#producers.get(producerId);
    if (producer === undefined) {
      producer = { producerEpoch, lastTimestamp: maxTimestamp, batches: [] };
      this.#producers.set(producerId, producer);
    } else if (producer.producerEpoch !== producerEpoch) {
      producer.batches.length = 0;
      producer.producerEpoch = producerEpoch;
    }
    producer.lastTimestamp = maxTimestamp;
    if (producer.batches.length === REMEMBERED) producer.batches.shift();
    const { lastOffset } = batch;
    producer.batches.push({ firstSequence: baseSequence, lastSequence, lastOffset });
  }
}

/** The sequence with which that producer must go on under that epoch; null: the epoch is over. */
export function sequenceDue(producer: ScannedProducer, epoch: ProducerEpoch): Sequence | null {
  if (epoch < producer.producerEpoch) return null;
  if (epoch > producer.producerEpoch) return 0;
  return nextSequence(producer.batches.at(-1)?.lastSequence ?? -1);
}

/** The sequence after `sequence`; they wrap at 2^31 - 1. */
export function nextSequence(sequence: Sequence): Sequence {
  return sequence === 0x7fffffff ? 0 : sequence + 1;
}
