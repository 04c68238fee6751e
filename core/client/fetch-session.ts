/**
 * The client's side of a fetch session with one broker (KIP-227, FetchSessionHandler.java): a request
 * names only the partitions that are new, changed or gone since the last one.
 */
import type { LeaderEpoch, Offset, TopicId } from "../ids.ts";
import type { FetchPartition, FetchRequest, FetchResponse } from "../protocol/fetch.ts";
import { Errors } from "../errors.ts";
import type { ConsumerRules } from "./consumer-rules.ts";

/** What is asked of one partition. */
export interface Wanted {
  readonly topicId: TopicId;
  readonly partition: number;
  readonly leaderEpoch: LeaderEpoch;
  readonly fetchOffset: Offset;
}

type TopicGroups<T> = { readonly topicId: TopicId; readonly partitions: T[] }[];

const NO_SESSION = 0;
const OPENING_EPOCH = 0;

export class FetchSession<Key> {
  readonly #rules: ConsumerRules;
  readonly #partitionMaxBytes: number;
  #id = NO_SESSION;
  #epoch = OPENING_EPOCH;
  /** What the broker was told last of each partition in the session. */
  readonly #told: Map<Key, Wanted> = new Map();
  readonly #byTopic: Map<TopicId, Map<number, Key>> = new Map();

  constructor(rules: ConsumerRules, partitionMaxBytes: number) {
    this.#rules = rules;
    this.#partitionMaxBytes = partitionMaxBytes;
  }

  /** The next request must name all partitions. */
  get isOpening(): boolean {
    return this.#epoch === OPENING_EPOCH;
  }

  /** Partitions in the session. */
  get size(): number {
    return this.#told.size;
  }

  /** What the last request asked of that partition. */
  told(key: Key): Wanted | undefined {
    return this.#told.get(key);
  }

  /** Whose data that is; undefined for a partition that is not in the session. */
  find(topicId: TopicId, partition: number): Key | undefined {
    return this.#byTopic.get(topicId)?.get(partition);
  }

  /**
   * The parts of the next request that concern the session. `changes` holds what may have changed:
   * all partitions when it is opening; null for one that is not to be fetched (any more).
   */
  next(
    changes: Iterable<readonly [Key, Wanted | null]>,
  ): Pick<FetchRequest, "sessionId" | "sessionEpoch" | "topics" | "forgottenTopicsData"> {
    const topics: TopicGroups<FetchPartition> = [];
    const forgottenTopicsData: TopicGroups<number> = [];
    if (this.isOpening) {
      this.#told.clear();
      this.#byTopic.clear();
    }
    for (const [key, wanted] of changes) {
      const told = this.#told.get(key);
      const isGone = told !== undefined && (wanted === null || wanted.topicId !== told.topicId);
      if (isGone) {
        groupOf(forgottenTopicsData, told.topicId).push(told.partition);
        this.#remove(key, told);
      }
      if (wanted === null || (!isGone && isSame(told, wanted))) continue;
      groupOf(topics, wanted.topicId).push({
        partition: wanted.partition,
        currentLeaderEpoch: wanted.leaderEpoch,
        fetchOffset: wanted.fetchOffset,
        lastFetchedEpoch: -1,
        logStartOffset: -1,
        partitionMaxBytes: this.#partitionMaxBytes,
      });
      this.#add(key, wanted);
    }
    return { sessionId: this.#id, sessionEpoch: this.#epoch, topics, forgottenTopicsData };
  }

  /** Takes note of an answer; false when the session is lost and the answer holds no data. */
  accept(response: FetchResponse): boolean {
    if (response.errorCode !== Errors.NONE) {
      if (!this.#rules.keepsSessionId(response.errorCode)) this.#id = NO_SESSION;
      this.#epoch = OPENING_EPOCH;
      return false;
    }
    this.#id = response.sessionId;
    // A broker without room for a session answers a full request with id 0.
    this.#epoch =
      response.sessionId === NO_SESSION ? OPENING_EPOCH : this.#rules.nextSessionEpoch(this.#epoch);
    return true;
  }

  /** No answer came: the broker may have gone on, so the session is closed and opened anew. */
  fail(): void {
    this.#epoch = OPENING_EPOCH;
  }

  #add(key: Key, wanted: Wanted): void {
    this.#told.set(key, wanted);
    let partitions = this.#byTopic.get(wanted.topicId);
    if (partitions === undefined) this.#byTopic.set(wanted.topicId, (partitions = new Map()));
    partitions.set(wanted.partition, key);
  }

  #remove(key: Key, told: Wanted): void {
    this.#told.delete(key);
    this.#byTopic.get(told.topicId)?.delete(told.partition);
  }
}

function isSame(told: Wanted | undefined, wanted: Wanted): boolean {
  return (
    told !== undefined &&
    told.fetchOffset === wanted.fetchOffset &&
    told.leaderEpoch === wanted.leaderEpoch
  );
}

function groupOf<T>(groups: TopicGroups<T>, topicId: TopicId): T[] {
  for (const group of groups) if (group.topicId === topicId) return group.partitions;
  const partitions: T[] = [];
  groups.push({ topicId, partitions });
  return partitions;
}
