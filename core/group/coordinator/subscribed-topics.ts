/**
 * The topics that members of protocol type "consumer" subscribe to (computeSubscribedTopics in
 * ClassicGroup.java). Each version of a subscription begins as version 0 does: version, topics.
 */
import { RecordReader } from "../records/bytes.ts";

export const CONSUMER_PROTOCOL_TYPE = "consumer";

/** Length of an empty text. */
const LEAST_TOPIC_BYTES = 2;

/** All topics of these subscriptions; null when one of them cannot be read. */
export function subscribedTopics(subscriptions: Iterable<Uint8Array>): ReadonlySet<string> | null {
  const topics = new Set<string>();
  for (const subscription of subscriptions) {
    const reader = new RecordReader(subscription);
    if (reader.int16("version") < 0) return null;
    const count = reader.count("topics", LEAST_TOPIC_BYTES);
    for (let at = 0; at < count; at++) topics.add(reader.text("topic"));
    if (reader.problem !== null) return null;
  }
  return topics;
}
