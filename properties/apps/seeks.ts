/** Where user code wants to go on, until the next fetch begins there. */
import type { Offset } from "../../core/ids.ts";
import { showValue } from "../../sim/input-error.ts";
import type { TopicPartitionOffset } from "./consumer-api.ts";
import { NonRetriableError } from "./kafka-error.ts";

/** kafkajs' names for the end of a log and its beginning, among offsets. */
export const LATEST = -1;
export const EARLIEST = -2;

export interface Seek {
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
  /** The group was told. */
  isCommitted: boolean;
}

export class Seeks {
  readonly #seeks: Map<string, Seek> = new Map();

  set({ topic, partition, offset }: Omit<Seek, "isCommitted">): void {
    this.#seeks.set(`${topic}-${partition}`, { topic, partition, offset, isCommitted: false });
  }

  has(topic: string, partition: number): boolean {
    return this.#seeks.has(`${topic}-${partition}`);
  }

  all(): readonly Seek[] {
    return [...this.#seeks.values()];
  }

  delete({ topic, partition }: Seek): void {
    this.#seeks.delete(`${topic}-${partition}`);
  }
}

/** Topic, partition and offset that user code gave, checked; `least` is the lowest offset. */
export function positionOf(
  call: string,
  given: TopicPartitionOffset,
  least: Offset,
): { readonly topic: string; readonly partition: number; readonly offset: Offset } {
  const { topic, partition, offset } = given;
  if (typeof topic !== "string" || topic === "") {
    throw new NonRetriableError(`${call}: topic: ${showValue(topic)} is not a topic`);
  }
  if (!Number.isSafeInteger(partition) || partition < 0) {
    throw new NonRetriableError(`${call}: partition: ${showValue(partition)} is not a partition`);
  }
  const number = /^-?\d{1,16}$/.test(String(offset)) ? Number(offset) : NaN;
  if (Number.isSafeInteger(number) && number >= least) return { topic, partition, offset: number };
  throw new NonRetriableError(`${call}: offset: ${showValue(offset)} is not an offset`);
}
