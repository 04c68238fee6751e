/**
 * The follower's side of a fetch session (FetchSessionHandler.java, KIP-227): which partitions the
 * next request has to name. Work is proportional to what changed.
 */
import { Errors } from "../errors.ts";
import type { TopicId } from "../ids.ts";
import type { FetchPartition, FetchRequest } from "../protocol/fetch.ts";
import type { FollowedPartition } from "./followed-partition.ts";

const MAX_EPOCH = 2147483647;

export type FetchTopics = Pick<
  FetchRequest,
  "sessionId" | "sessionEpoch" | "topics" | "forgottenTopicsData"
>;

export class FetcherSession {
  #id = 0;
  /** 0: the next request is a full one. */
  #epoch = 0;
  #changed: FollowedPartition[] = [];
  #forgotten: FollowedPartition[] = [];

  /** It has to be in the next request: new, moved, or back from a delay. */
  changed(followed: FollowedPartition): void {
    if (followed.isChanged) return;
    followed.isChanged = true;
    this.#changed.push(followed);
  }

  /** It is not fetched for now. */
  forget(followed: FollowedPartition): void {
    if (!followed.isInSession) return;
    followed.isInSession = false;
    this.#forgotten.push(followed);
  }

  /**
   * What the next request says of the session. `all` are the partitions of this fetcher, `current`
   * finds the one that is in the place of a forgotten one.
   */
  next(
    all: Iterable<FollowedPartition>,
    current: (followed: FollowedPartition) => FollowedPartition | undefined,
    maxBytes: number,
  ): FetchTopics {
    const isFull = this.#epoch === 0;
    const changed = this.#changed;
    const forgotten = this.#forgotten;
    this.#changed = [];
    this.#forgotten = [];
    for (const followed of changed) followed.isChanged = false;
    const topics = new TopicList<FetchPartition>();
    for (const followed of isFull ? all : changed) {
      if (followed.state !== "fetching") continue;
      topics.add(followed.partition.topicId, this.#ask(followed, maxBytes));
    }
    const dropped = new TopicList<number>();
    if (!isFull) {
      for (const followed of forgotten) {
        // It may be back, or have been replaced, since it was forgotten.
        if (current(followed)?.isInSession === true) continue;
        dropped.add(followed.partition.topicId, followed.partition.index);
      }
    }
    return {
      sessionId: this.#id,
      sessionEpoch: this.#epoch,
      topics: topics.list,
      forgottenTopicsData: dropped.list,
    };
  }

  /** Takes the answer's head. False when it says only that the session is over. */
  answered(errorCode: number, sessionId: number): boolean {
    if (errorCode === Errors.FETCH_SESSION_ID_NOT_FOUND) {
      this.#id = 0;
      this.#epoch = 0;
      return false;
    }
    if (errorCode !== Errors.NONE) {
      this.lost();
      return false;
    }
    if (this.#epoch === 0) {
      this.#id = sessionId;
      this.#epoch = sessionId === 0 ? 0 : 1;
    } else {
      this.#epoch = this.#epoch === MAX_EPOCH ? 1 : this.#epoch + 1;
    }
    return true;
  }

  /** Nobody knows whether the last request counted: the next one begins anew, and ends this one. */
  lost(): void {
    this.#epoch = 0;
  }

  #ask(followed: FollowedPartition, maxBytes: number): FetchPartition {
    followed.askedOffset = followed.fetchOffset;
    followed.askedEpoch = followed.leaderEpoch;
    followed.askedLastEpoch = followed.lastFetchedEpoch;
    followed.isInSession = true;
    return {
      partition: followed.partition.index,
      currentLeaderEpoch: followed.leaderEpoch,
      fetchOffset: followed.fetchOffset,
      lastFetchedEpoch: followed.lastFetchedEpoch,
      logStartOffset: followed.partition.log.logStartOffset,
      partitionMaxBytes: maxBytes,
    };
  }
}

/** Values grouped by topic, in the order in which they come. */
class TopicList<T> {
  readonly list: { readonly topicId: TopicId; readonly partitions: T[] }[] = [];

  add(topicId: TopicId, value: T): void {
    const last = this.list[this.list.length - 1];
    if (last?.topicId === topicId) last.partitions.push(value);
    else this.list.push({ topicId, partitions: [value] });
  }
}
