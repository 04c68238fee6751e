/** What user code gives to send(), checked and copied: it may change its buffers as soon as it has called. */
import type { ProducerRecord } from "../../core/client/producer.ts";
import type { RecordHeader } from "../../core/client/record-size.ts";
import { utf8Encode } from "../../core/record/utf8.ts";
import { showValue } from "../../sim/input-error.ts";
import { MAX_TIME_MS } from "../plan/plan.ts";
import type { AppHeader, AppMessage, ProducerSend } from "./app.ts";

/** A record that has no sendId yet. */
export type NewRecord = Omit<ProducerRecord, "sendId">;

/** Throws a TypeError that names field and value. `acks` is what the client has in the plan. */
export function recordsOf(given: ProducerSend, acks: number, nowMs: number): NewRecord[] {
  known(given, "send()", ["topic", "messages", "acks"]);
  const { topic, messages } = given;
  if (typeof topic !== "string" || topic === "") throw wrong("topic", topic, "is not a topic");
  if (!Array.isArray(messages)) throw wrong("messages", messages, "is not an array");
  if (given.acks !== undefined && given.acks !== acks) {
    throw wrong("acks", given.acks, `is not the plan's: this client has acks ${acks}`);
  }
  return messages.map((message: AppMessage, index) =>
    recordOf(topic, message, `messages[${index}]`, nowMs),
  );
}

function recordOf(topic: string, message: AppMessage, path: string, nowMs: number): NewRecord {
  known(message, path, ["key", "value", "partition", "timestamp", "headers"]);
  const { partition, value } = message;
  if (value === undefined) throw wrong(`${path}.value`, value, "is not text, bytes or null");
  const record = {
    topic,
    key: bytesOf(message.key ?? null, `${path}.key`),
    value: bytesOf(value, `${path}.value`),
    timestamp: timestampOf(message.timestamp, `${path}.timestamp`, nowMs),
    headers: headersOf(message.headers ?? {}, `${path}.headers`),
  };
  if (partition === undefined || partition === null) return record;
  if (!Number.isSafeInteger(partition) || partition < 0) {
    throw wrong(`${path}.partition`, partition, "is not a partition");
  }
  return { ...record, partition };
}

function bytesOf(value: unknown, path: string): Uint8Array | null {
  if (value === null) return null;
  if (typeof value === "string") return utf8Encode(value);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  throw wrong(path, value, "is not text, bytes or null");
}

function timestampOf(given: unknown, path: string, nowMs: number): number {
  if (given === undefined) return nowMs;
  const timestamp = typeof given === "string" && /^\d{1,15}$/.test(given) ? Number(given) : given;
  const isTime = typeof timestamp === "number" && Number.isSafeInteger(timestamp);
  if (isTime && timestamp >= 0 && timestamp <= MAX_TIME_MS) return timestamp;
  throw wrong(path, given, `is not 0 to ${MAX_TIME_MS}`);
}

/** A list gives one header for each of its values, as in kafkajs. */
function headersOf(given: NonNullable<AppMessage["headers"]>, path: string): RecordHeader[] {
  return Object.entries(given).flatMap(([key, value]) => {
    const values: readonly AppHeader[] = Array.isArray(value) ? value : [value];
    return values.map((one) => ({ key, value: bytesOf(one, `${path}.${key}`) }));
  });
}

function known(value: unknown, path: string, fields: readonly string[]): void {
  if (typeof value !== "object" || value === null) throw wrong(path, value, "is not an object");
  for (const name of Object.keys(value)) {
    if (fields.includes(name)) continue;
    throw new TypeError(`${path}: "${name}" is not one of ${fields.join(", ")}`);
  }
}

function wrong(path: string, value: unknown, complaint: string): TypeError {
  return new TypeError(`${path}: ${showValue(value)} ${complaint}`);
}
