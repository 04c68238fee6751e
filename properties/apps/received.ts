/** Records as handlers get them, and where each came from. */
import type { ConsumedRecord } from "../../core/client/consumer.ts";
import type { GroupId, Offset } from "../../core/ids.ts";
import type { ReceivedBatch, ReceivedMessage } from "./consumer-api.ts";

/** What a message was before it was handed out. */
export interface Origin {
  readonly group: GroupId;
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
}

/** By the message; of one incarnation of an app. */
export type Origins = WeakMap<object, Origin>;

/** What one fetch brought of a partition. */
export class RecordBatch implements ReceivedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly highWatermark: string;
  readonly messages: readonly ReceivedMessage[];
  readonly #first: Offset;
  /** Offset of the last record. */
  readonly lastRecord: Offset;
  /** The last offset that the fetch went over, with those that hold no record for users. */
  readonly last: Offset;
  readonly #end: Offset;

  /** At least one record, all of one partition; `next` is where the next fetch begins. */
  constructor(
    records: readonly ConsumedRecord[],
    next: Offset,
    highWatermark: Offset,
    group: GroupId,
    origins: Origins,
  ) {
    const [first] = records as readonly [ConsumedRecord];
    this.topic = first.topic;
    this.partition = first.partition;
    this.#first = first.offset;
    this.lastRecord = records[records.length - 1]!.offset;
    this.last = Math.max(this.lastRecord, next - 1);
    this.#end = Math.max(highWatermark, next);
    this.highWatermark = String(this.#end);
    this.messages = records.map((record) => {
      const message = messageOf(record);
      const { topic, partition, offset } = record;
      origins.set(message, { group, topic, partition, offset });
      return message;
    });
  }

  isEmpty(): boolean {
    return this.messages.length === 0;
  }

  firstOffset(): string {
    return String(this.#first);
  }

  lastOffset(): string {
    return String(this.last);
  }

  offsetLag(): string {
    return String(this.#end - 1 - this.last);
  }

  offsetLagLow(): string {
    return String(this.#end - 1 - this.#first);
  }
}

/** In the order of their first records. */
export function byPartition(records: readonly ConsumedRecord[]): (readonly ConsumedRecord[])[] {
  const groups = new Map<string, ConsumedRecord[]>();
  for (const record of records) {
    const key = `${record.topic}-${record.partition}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [record]);
    else group.push(record);
  }
  return [...groups.values()];
}

/** Copies its bytes: those of the simulated disks must not be written to. */
function messageOf(record: ConsumedRecord): ReceivedMessage {
  const headers: Record<string, Buffer | Buffer[]> = {};
  for (const { key, value } of record.headers) {
    const bytes = value === null ? Buffer.alloc(0) : Buffer.from(value);
    const before = Object.hasOwn(headers, key) ? headers[key] : undefined;
    if (before === undefined) headers[key] = bytes;
    else headers[key] = Array.isArray(before) ? [...before, bytes] : [before, bytes];
  }
  return {
    key: bufferOf(record.key),
    value: bufferOf(record.value),
    timestamp: String(record.timestamp),
    attributes: 0,
    offset: String(record.offset),
    headers,
  };
}

function bufferOf(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes);
}
