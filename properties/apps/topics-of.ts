/** Which topics a call of subscribe() means, and that they are there. */
import { showValue } from "../../sim/input-error.ts";
import type { SubscribeOptions } from "./consumer-api.ts";
import { KafkaError, NonRetriableError } from "./kafka-error.ts";
import type { Lookups } from "./lookups.ts";

/** A pattern stands for the topics that match now. Rejects with UNKNOWN_TOPIC_OR_PARTITION. */
export async function topicsOf(
  given: SubscribeOptions,
  lookups: Lookups,
  mayMake: boolean,
): Promise<string[]> {
  const asked = askedOf(given);
  const names = asked.filter((topic) => typeof topic === "string");
  const patterns = asked.filter((topic) => typeof topic !== "string");
  if (names.length > 0) {
    for (const { name, type } of await lookups.topics(names, mayMake)) {
      if (type !== null) throw new KafkaError(type, `topic ${name}: ${type}`);
    }
  }
  if (patterns.length === 0) return names;
  const all = await lookups.topics(null, false);
  const matching = all
    .map(({ name }) => name)
    // Not test(), which a pattern with the flag "g" answers differently each time.
    .filter((name) => patterns.some((pattern) => name.search(pattern) >= 0));
  return [...names, ...matching];
}

function askedOf({ topic, topics }: SubscribeOptions): readonly (string | RegExp)[] {
  if (topics !== undefined && !Array.isArray(topics)) {
    throw new NonRetriableError(`subscribe(): topics: ${showValue(topics)} is not a list`);
  }
  const asked: readonly unknown[] = topics ?? (topic === undefined ? [] : [topic]);
  if (asked.length === 0) throw new NonRetriableError("subscribe(): topics: names none");
  return asked.map((one) => {
    if ((typeof one === "string" && one !== "") || one instanceof RegExp) return one;
    throw new NonRetriableError(
      `subscribe(): topics: ${showValue(one)} is not a topic or a RegExp`,
    );
  });
}
