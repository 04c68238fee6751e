/**
 * A quick look at the operations that make up nearly all of a plan. It says yes only to a send that
 * the reader would take as it is; what it does not vouch for is read with care, and complained about
 * there.
 */
import { MAX_TIME_MS } from "./plan.ts";
import type { ClientPlan, SendOperation, TopicPlan } from "./plan.ts";

/** UTF-8 takes no more than this for one unit of UTF-16. */
const MOST_BYTES_PER_UNIT = 3;

export function isSoundSend(
  value: unknown,
  topics: readonly TopicPlan[],
  kindOf: ReadonlyMap<string, ClientPlan["kind"]>,
  limits: ReadonlyMap<string, number>,
  idShape: RegExp,
): value is SendOperation {
  if (typeof value !== "object" || value === null) return false;
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  const send = value as Readonly<Record<keyof SendOperation, unknown>>;
  if (send.op !== "send" || !hasJustTheFields(send)) return false;
  const { id, at, client, topic, key, value: text, timestamp } = send;
  if (typeof id !== "string" || typeof client !== "string" || typeof topic !== "string") {
    return false;
  }
  if (!idShape.test(id) || kindOf.get(client) !== "producer") return false;
  if (!isCount(at) || !isCount(timestamp) || timestamp > MAX_TIME_MS) return false;
  if (!isTextOrNull(key) || !isTextOrNull(text)) return false;
  const units = (key?.length ?? 0) + (text?.length ?? 0);
  const limit = limits.get(topic);
  if (limit === undefined || units * MOST_BYTES_PER_UNIT > limit) return false;
  const place = send.partition;
  if (place === undefined) return !("partition" in send);
  const partitions = topics.find(({ name }) => name === topic)?.partitions ?? 0;
  return isCount(place) && place < partitions;
}

/** Without the base64 forms, which are read with care. */
function hasJustTheFields(value: object): boolean {
  for (const name in value) {
    switch (name) {
      case "id":
      case "at":
      case "client":
      case "op":
      case "topic":
      case "partition":
      case "key":
      case "value":
      case "timestamp":
        continue;
      default:
        return false;
    }
  }
  return true;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}
