import type { Assignment, PartitionView, Subscription, TopicPartition } from "./assignor.ts";
import { compareText } from "./assignor-rules.ts";
import { inJavaOrder } from "./java-order.ts";

/** Of a partition that nobody has, and of one that there is not. */
export const NOBODY = -1;
export const NO_PARTITION = -1;

/**
 * A group in numbers. Members are numbered in the order of their ids, topics in that of their names,
 * and partitions through all topics, so that comparing numbers is comparing names. Topics that have no
 * partitions are left out.
 */
export class GroupIndex {
  /** Members in the order in which they were given. */
  readonly #given: readonly number[];
  readonly #topicByName: Map<string, number> = new Map();
  readonly memberIds: readonly string[];
  /** By member. */
  readonly subscriptions: readonly Subscription[];
  /** The members as the HashMap that the leader hands to an assignor is walked. */
  readonly walk: readonly number[];
  readonly #lists: TopicLists;
  readonly topics: readonly string[];
  /** By member: the topics that it wants, each once. Equal ones may be one array. */
  readonly wanted: readonly Int32Array[];
  /** By topic: its first partition. One more than there are topics. */
  readonly firstOf: Int32Array;
  /** By partition. */
  readonly topicOf: Int32Array;
  readonly views: readonly PartitionView[];

  constructor(
    partitions: ReadonlyMap<string, readonly PartitionView[]>,
    group: ReadonlyMap<string, Subscription>,
  ) {
    const ids = [...group.keys()];
    this.memberIds = [...ids].sort(compareText);
    this.subscriptions = this.memberIds.map((id) => group.get(id)!);
    const numbers = new Map(this.memberIds.map((id, member) => [id, member]));
    this.#given = ids.map((id) => numbers.get(id)!);
    this.walk = inJavaOrder(ids).map((id) => numbers.get(id)!);

    const lists = distinctLists(this.subscriptions);
    this.#lists = lists;
    this.topics = [...partitions.keys()]
      .filter((topic) => partitions.get(topic)!.length > 0)
      .sort(compareText);
    this.topics.forEach((topic, number) => this.#topicByName.set(topic, number));
    const wanted = lists.distinct.map((topics) => this.#numbersOf(topics));
    this.wanted = lists.listOf.map((list) => wanted[list]!);

    const views = this.topics.map((topic) => inOrder(partitions.get(topic)!));
    this.firstOf = new Int32Array(this.topics.length + 1);
    views.forEach((partitions, topic) => {
      this.firstOf[topic + 1] = this.firstOf[topic]! + partitions.length;
    });
    this.views = views.flat();
    this.topicOf = new Int32Array(this.views.length);
    this.topics.forEach((_, topic) => {
      this.topicOf.fill(topic, this.firstOf[topic], this.firstOf[topic + 1]);
    });
  }

  get memberCount(): number {
    return this.memberIds.length;
  }

  get partitionCount(): number {
    return this.views.length;
  }

  partitionsOf(topic: number): number {
    return this.firstOf[topic + 1]! - this.firstOf[topic]!;
  }

  /** The number of a partition by its name, or NO_PARTITION. */
  find(topicName: string, partition: number): number {
    const topic = this.#topicByName.get(topicName);
    if (topic === undefined) return NO_PARTITION;
    const first = this.firstOf[topic]!;
    const end = this.firstOf[topic + 1]!;
    // Nearly always partitions are numbered without gaps.
    const guess = first + partition;
    if (guess >= first && guess < end && this.views[guess]!.partition === partition) return guess;
    for (let at = first; at < end; at++) if (this.views[at]!.partition === partition) return at;
    return NO_PARTITION;
  }

  /** What `owners` (by partition) says for each member, who come in the order in which they were given. */
  assignments(owners: Int32Array): Map<string, Assignment> {
    const lists = this.memberIds.map((): TopicPartition[] => []);
    owners.forEach((member, partition) => {
      if (member !== NOBODY) lists[member]!.push(this.nameOf(partition));
    });
    return new Map(
      this.#given.map((member) => [
        this.memberIds[member]!,
        { partitions: lists[member]!, userData: null },
      ]),
    );
  }

  /** As Kafka asks it: who wants nothing is like all others if it comes before them in the walk. */
  allWantTheSame(): boolean {
    const sets = this.#lists.distinct.map((topics) => new Set(topics));
    let model = new Set<string>();
    for (const member of this.walk) {
      const topics = sets[this.#lists.listOf[member]!]!;
      if (model.size === 0) model = topics;
      else if (topics !== model && !areEqual(topics, model)) return false;
    }
    return true;
  }

  nameOf(partition: number): TopicPartition {
    const topic = this.topics[this.topicOf[partition]!]!;
    return { topic, partition: this.views[partition]!.partition };
  }

  #numbersOf(topics: readonly string[]): Int32Array {
    const numbers = new Set<number>();
    for (const topic of topics) {
      const number = this.#topicByName.get(topic);
      if (number !== undefined) numbers.add(number);
    }
    return Int32Array.from(numbers);
  }
}

interface TopicLists {
  readonly distinct: readonly (readonly string[])[];
  /** By member: which of them it has. */
  readonly listOf: readonly number[];
}

/** Members of a group mostly want the same: equal lists are looked up once. */
function distinctLists(subscriptions: readonly Subscription[]): TopicLists {
  const distinct: (readonly string[])[] = [];
  const byKey = new Map<string, number>();
  const listOf = subscriptions.map(({ topics }) => {
    const key = JSON.stringify(topics);
    const known = byKey.get(key);
    if (known !== undefined) return known;
    byKey.set(key, distinct.length);
    return distinct.push(topics) - 1;
  });
  return { distinct, listOf };
}

function inOrder(partitions: readonly PartitionView[]): readonly PartitionView[] {
  return [...partitions].sort((left, right) => left.partition - right.partition);
}

function areEqual(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return left.size === right.size && [...left].every((item) => right.has(item));
}
