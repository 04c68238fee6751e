/** What user code has paused: whole topics, or partitions. It outlives every assignment, as in kafkajs. */
import { NonRetriableError } from "./kafka-error.ts";

/** Without `partitions`: the whole topic. */
export interface TopicPartitions {
  readonly topic: string;
  readonly partitions?: readonly number[] | undefined;
}

interface PausedTopic {
  all: boolean;
  readonly paused: Set<number>;
  /** Exceptions from `all`. */
  readonly resumed: Set<number>;
}

export class Pauses {
  readonly #topics: Map<string, PausedTopic> = new Map();

  /** Throws when the argument is no list of topics, with or without partitions. */
  pause(given: readonly TopicPartitions[]): void {
    for (const { topic, partitions } of checked("pause", given)) {
      const state = this.#stateOf(topic);
      if (partitions === undefined) {
        state.paused.clear();
        state.resumed.clear();
      }
      for (const partition of partitions ?? []) {
        state.paused.add(partition);
        state.resumed.delete(partition);
      }
      state.all = partitions === undefined;
    }
  }

  resume(given: readonly TopicPartitions[]): void {
    for (const { topic, partitions } of checked("resume", given)) {
      const state = this.#stateOf(topic);
      if (partitions === undefined) {
        state.paused.clear();
        state.resumed.clear();
        state.all = false;
      }
      for (const partition of partitions ?? []) {
        state.paused.delete(partition);
        if (state.all) state.resumed.add(partition);
      }
    }
  }

  has(topic: string, partition: number): boolean {
    const state = this.#topics.get(topic);
    if (state === undefined) return false;
    return (state.all && !state.resumed.has(partition)) || state.paused.has(partition);
  }

  #stateOf(topic: string): PausedTopic {
    let state = this.#topics.get(topic);
    if (state === undefined) {
      state = { all: false, paused: new Set(), resumed: new Set() };
      this.#topics.set(topic, state);
    }
    return state;
  }
}

function checked(call: string, given: readonly TopicPartitions[]): readonly TopicPartitions[] {
  if (!Array.isArray(given))
    throw new NonRetriableError(`${call}(): is not given a list of topics`);
  for (const one of given as readonly (TopicPartitions | null | undefined)[]) {
    if (typeof one?.topic !== "string" || one.topic === "") {
      throw new NonRetriableError(`${call}(): topic: ${String(one?.topic)} is not a topic`);
    }
    const { partitions } = one;
    if (partitions === undefined) continue;
    if (!Array.isArray(partitions) || partitions.some((p) => !Number.isSafeInteger(p) || p < 0)) {
      throw new NonRetriableError(
        `${call}(): partitions: ${String(partitions)} are not partitions`,
      );
    }
  }
  return given;
}
