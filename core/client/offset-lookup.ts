/**
 * Asks leaders about offsets: where a log begins or ends, for partitions without a valid position
 * (ListOffsets), and whether a new leader's log holds what was read (OffsetForLeaderEpoch, KIP-320;
 * OffsetFetcher.java, OffsetsForLeaderEpochUtils.java).
 */
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import { Errors } from "../errors.ts";
import type { ClientChannel, Outcome } from "../network/client-channel.ts";
import { ApiKeys } from "../protocol/message.ts";
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP } from "../protocol/list-offsets.ts";
import type { ConsumerSettings } from "../settings/client-settings.ts";
import type { ClientMetadata } from "./client-metadata.ts";
import type { ConsumerPartition, FetchState } from "./consumer-partition.ts";
import type { ConsumerRules } from "./consumer-rules.ts";

export interface OffsetLookupOptions {
  readonly settings: ConsumerSettings;
  readonly rules: ConsumerRules;
  readonly metadata: ClientMetadata;
  /** The leader told the offset that a reset asked for. */
  readonly onReset: (partition: ConsumerPartition, offset: Offset) => void;
  /** The leader told the end (-1: unknown) of the epoch of the position. */
  readonly onValidated: (
    partition: ConsumerPartition,
    epoch: LeaderEpoch,
    endOffset: Offset,
  ) => void;
  /** The look-up failed: to be tried again later, or (not retriable) told to the user. */
  readonly onFailed: (partition: ConsumerPartition, error: number) => void;
  /** After a request ended, in whatever way. */
  readonly onDone: () => void;
}

/** What was asked about one partition. */
interface Question {
  readonly partition: ConsumerPartition;
  readonly state: FetchState;
  readonly offset: Offset;
  readonly offsetEpoch: LeaderEpoch;
}

interface Answer {
  readonly error: number;
  readonly epoch: LeaderEpoch;
  readonly offset: Offset;
}

export class OffsetLookup {
  readonly #options: OffsetLookupOptions;
  /** Partitions in state resetting or validating. */
  readonly #open: Set<ConsumerPartition> = new Set();

  constructor(options: OffsetLookupOptions) {
    this.#options = options;
  }

  add(partition: ConsumerPartition): void {
    this.#open.add(partition);
  }

  remove(partition: ConsumerPartition): void {
    this.#open.delete(partition);
  }

  /** Asks about every partition whose leader can be asked now. */
  run(nowMs: number): void {
    if (this.#open.size === 0) return;
    const groups = new Map<NodeId, { resets: Question[]; validations: Question[] }>();
    for (const partition of this.#open) {
      if (partition.isAsking || partition.retryAtMs > nowMs) continue;
      const { leader } = partition.metadata;
      let group = groups.get(leader);
      if (group === undefined) groups.set(leader, (group = { resets: [], validations: [] }));
      const { state, offset, offsetEpoch } = partition;
      const isReset = state.kind === "resetting";
      (isReset ? group.resets : group.validations).push({ partition, state, offset, offsetEpoch });
    }
    const { metadata } = this.#options;
    for (const [leader, group] of groups) {
      if (leader < 0) {
        metadata.requestUpdate();
        continue;
      }
      const channel = metadata.readyBroker(leader);
      if (channel === null) continue;
      if (group.resets.length > 0) this.#askOffsets(channel, group.resets);
      if (group.validations.length > 0) this.#askEpochs(channel, group.validations);
    }
  }

  #askOffsets(channel: ClientChannel, questions: readonly Question[]): void {
    const { settings, rules } = this.#options;
    const request = {
      replicaId: -1,
      isolationLevel: settings["isolation.level"] === "read_committed" ? 1 : 0,
      topics: byTopic(questions).map(([name, group]) => ({
        name,
        partitions: group.map(({ partition, state }) => ({
          partitionIndex: partition.index,
          currentLeaderEpoch: rules.requestedEpoch(partition.metadata.leaderEpoch),
          timestamp:
            state.kind === "resetting" && state.to === "earliest"
              ? EARLIEST_TIMESTAMP
              : LATEST_TIMESTAMP,
        })),
      })),
      timeoutMs: settings["request.timeout.ms"],
    };
    for (const { partition } of questions) partition.isAsking = true;
    channel.send(ApiKeys.LIST_OFFSETS, request, (outcome) => {
      const answers = new Map<string, Answer>();
      if (outcome.kind === "response") {
        for (const topic of outcome.body.topics) {
          for (const { partitionIndex, errorCode, leaderEpoch, offset } of topic.partitions) {
            const answer = { error: errorCode, epoch: leaderEpoch, offset };
            answers.set(`${topic.name}-${partitionIndex}`, answer);
          }
        }
      }
      this.#settle(questions, outcome.kind, answers);
    });
  }

  #askEpochs(channel: ClientChannel, questions: readonly Question[]): void {
    const { rules } = this.#options;
    const request = {
      replicaId: -1,
      topics: byTopic(questions).map(([topic, group]) => ({
        topic,
        partitions: group.map(({ partition, offsetEpoch }) => ({
          partition: partition.index,
          currentLeaderEpoch: rules.requestedEpoch(partition.leaderEpoch),
          leaderEpoch: offsetEpoch,
        })),
      })),
    };
    for (const { partition } of questions) partition.isAsking = true;
    channel.send(ApiKeys.OFFSET_FOR_LEADER_EPOCH, request, (outcome) => {
      const answers = new Map<string, Answer>();
      if (outcome.kind === "response") {
        for (const { topic, partitions } of outcome.body.topics) {
          for (const { partition, errorCode, leaderEpoch, endOffset } of partitions) {
            const answer = { error: errorCode, epoch: leaderEpoch, offset: endOffset };
            answers.set(`${topic}-${partition}`, answer);
          }
        }
      }
      this.#settle(questions, outcome.kind, answers);
    });
  }

  #settle(
    questions: readonly Question[],
    kind: Outcome<0>["kind"],
    answers: ReadonlyMap<string, Answer>,
  ): void {
    const missing = {
      error: kind === "unsupported" ? Errors.UNSUPPORTED_VERSION : Errors.NETWORK_EXCEPTION,
      epoch: -1,
      offset: -1,
    };
    for (const question of questions) {
      const { partition } = question;
      partition.isAsking = false;
      this.#take(question, answers.get(partition.metadata.name) ?? missing);
    }
    this.#options.onDone();
  }

  /** Uses an answer, unless the partition went on without it. */
  #take(question: Question, answer: Answer): void {
    const { onReset, onValidated, onFailed, rules } = this.#options;
    const { partition, state, offset, offsetEpoch } = question;
    if (!this.#open.has(partition)) return;
    if (state.kind === "resetting") {
      if (partition.state !== state) return;
      if (answer.error !== Errors.NONE) onFailed(partition, answer.error);
      else if (answer.offset < 0) onFailed(partition, Errors.OFFSET_NOT_AVAILABLE);
      else onReset(partition, answer.offset);
      return;
    }
    if (partition.state.kind !== "validating") return;
    const { offset: now, offsetEpoch: nowEpoch } = partition;
    if (!rules.acceptsAnswer(offset, offsetEpoch, now, nowEpoch)) return;
    if (answer.error !== Errors.NONE) onFailed(partition, answer.error);
    else onValidated(partition, answer.epoch, answer.offset);
  }
}

function byTopic(questions: readonly Question[]): [string, Question[]][] {
  const groups = new Map<string, Question[]>();
  for (const question of questions) {
    const group = groups.get(question.partition.topic);
    if (group === undefined) groups.set(question.partition.topic, [question]);
    else group.push(question);
  }
  return [...groups];
}
