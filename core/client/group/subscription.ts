/** What the user of a consumer asked for (SubscriptionState.java): topics, a pattern, or partitions. */
import { assert } from "../../assert.ts";
import type { ClientMetadata, TopicMetadata } from "../client-metadata.ts";
import type { RebalanceListener } from "./rebalance-listener.ts";

export type SubscriptionKind = "none" | "topics" | "pattern" | "assigned";

export class Subscription {
  readonly #metadata: ClientMetadata;
  kind: SubscriptionKind = "none";
  listener: RebalanceListener | null = null;
  #topics: readonly string[] = [];
  #pattern: RegExp | null = null;
  /** Topics of the whole group, which its leader watches. */
  #groupTopics: readonly string[] = [];

  constructor(metadata: ClientMetadata) {
    this.#metadata = metadata;
  }

  /** Partitions come from the group. */
  get isAutomatic(): boolean {
    return this.kind === "topics" || this.kind === "pattern";
  }

  /** Subscribed topics by name; none when partitions are assigned by hand. */
  get topics(): readonly string[] {
    return this.#topics;
  }

  subscribe(topics: readonly string[], listener: RebalanceListener | null): void {
    this.#become("topics");
    this.listener = listener;
    this.#setTopics(topics);
  }

  /** `source` is a regular expression that has to match whole names. */
  subscribePattern(source: string, listener: RebalanceListener | null): void {
    this.#become("pattern");
    this.listener = listener;
    this.#pattern = new RegExp(`^(?:${source})$`, "u");
    this.#metadata.followAll(true);
    this.matchListed();
  }

  assignByHand(): void {
    this.#become("assigned");
  }

  clear(): void {
    this.kind = "none";
    this.#pattern = null;
    this.#metadata.followAll(false);
    this.watch([]);
    this.#setTopics([]);
  }

  /** Whether a partition of that topic may be assigned now. */
  accepts(topic: string): boolean {
    return this.#pattern !== null ? this.#pattern.test(topic) : this.#topics.includes(topic);
  }

  /** With a pattern: subscribes to all topics that match now. */
  matchListed(): void {
    if (this.kind !== "pattern") return;
    this.#setTopics(this.#metadata.listed.filter((topic) => this.accepts(topic)));
  }

  /** With a pattern: the leader of the group knew topics that this member does not know yet. */
  add(topics: readonly string[]): void {
    this.#setTopics([...this.#topics, ...topics]);
  }

  /** The leader of a group looks at the topics of all its members. */
  watch(topics: readonly string[]): void {
    const before = this.#groupTopics;
    this.#groupTopics = inOrder(topics);
    for (const topic of this.#groupTopics) this.#metadata.topic(topic);
    this.#forget(before);
  }

  /** Partitions of each topic that is watched; topics that are not there are left out. */
  snapshot(): ReadonlyMap<string, number> {
    const known = new Map<string, number>();
    for (const name of inOrder([...this.#topics, ...this.#groupTopics])) {
      const topic = this.#metadata.topic(name);
      if (exists(topic)) known.set(name, topic.partitionCount);
    }
    return known;
  }

  #become(kind: SubscriptionKind): void {
    const isLegal = this.kind === "none" || this.kind === kind;
    assert(isLegal, `${this.kind} and ${kind} exclude each other: unsubscribe first`);
    this.kind = kind;
  }

  #setTopics(topics: readonly string[]): void {
    const before = this.#topics;
    const after = inOrder(topics);
    if (isSameList(before, after)) return;
    this.#topics = after;
    for (const topic of after) this.#metadata.topic(topic);
    this.#forget(before);
  }

  /** Those that nobody needs any more are not looked up any more. */
  #forget(topics: readonly string[]): void {
    for (const topic of topics) {
      const isNeeded = this.#topics.includes(topic) || this.#groupTopics.includes(topic);
      if (!isNeeded) this.#metadata.forget(topic);
    }
  }
}

export function exists(topic: TopicMetadata): boolean {
  return topic.error === 0 && topic.partitionCount > 0;
}

export function isSameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((entry, at) => entry === right[at]);
}

export function isSameSnapshot(
  left: ReadonlyMap<string, number>,
  right: ReadonlyMap<string, number>,
): boolean {
  if (left.size !== right.size) return false;
  for (const [topic, count] of left) if (right.get(topic) !== count) return false;
  return true;
}

/** Each once, sorted. */
function inOrder(topics: readonly string[]): readonly string[] {
  return [...new Set(topics)].sort();
}
