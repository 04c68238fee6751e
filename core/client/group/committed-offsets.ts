/** Reads what a group has committed (ConsumerCoordinator.fetchCommittedOffsets). */
import type { LeaderEpoch, Offset } from "../../ids.ts";
import type { Ports } from "../../ports.ts";
import { Errors, errorName } from "../../errors.ts";
import type { Outcome } from "../../network/client-channel.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { ConsumerSettings } from "../../settings/client-settings.ts";
import type { PartitionMetadata } from "../client-metadata.ts";
import { byTopic } from "./by-topic.ts";
import type { CoordinatorLookup } from "./coordinator-lookup.ts";
import type { Member } from "./member.ts";
import type { MembershipRules } from "./membership-rules.ts";
import { RepeatedCalls } from "./repeated-calls.ts";

export interface CommittedOffset {
  readonly offset: Offset;
  readonly leaderEpoch: LeaderEpoch;
  readonly metadata: string;
}

/** Null where nothing is committed. */
export type CommittedResult =
  | {
      readonly kind: "offsets";
      readonly offsets: ReadonlyMap<PartitionMetadata, CommittedOffset | null>;
    }
  | { readonly kind: "failed"; readonly error: string };

export interface CommittedOffsetsOptions {
  readonly clientId: string;
  readonly settings: ConsumerSettings;
  readonly rules: MembershipRules;
  readonly member: Member;
  readonly lookup: CoordinatorLookup;
}

/** What one answer says: offsets, or an error of the group or of some partition. */
type Reading =
  | ReadonlyMap<PartitionMetadata, CommittedOffset | null>
  | { readonly error: number; readonly isOfPartition: boolean };

export class CommittedOffsets {
  readonly #ports: Ports;
  readonly #options: CommittedOffsetsOptions;
  readonly #calls: RepeatedCalls;

  /** `name` is what the timer and the draws are called. */
  constructor(ports: Ports, name: string, options: CommittedOffsetsOptions) {
    this.#ports = ports;
    this.#options = options;
    const { clientId, settings, lookup } = options;
    this.#calls = new RepeatedCalls(ports, name, clientId, settings, lookup);
  }

  get isWaitedFor(): boolean {
    return this.#calls.isBusy;
  }

  /** Asks until there is an answer; `timeoutMs` may be Infinity. */
  read(
    partitions: readonly PartitionMetadata[],
    timeoutMs: number,
    done: (result: CommittedResult) => void,
  ): void {
    const { rules } = this.#options;
    this.#calls.start({
      deadlineMs: this.#ports.clock.monotonicMs() + timeoutMs,
      attempt: (ended) =>
        this.#ask(partitions, (reading) => {
          if (!("error" in reading)) {
            if (ended("done")) done({ kind: "offsets", offsets: reading });
          } else if (rules.isRetriableRead(reading.error, reading.isOfPartition)) {
            ended("again");
          } else if (ended("done")) {
            done({ kind: "failed", error: errorName(reading.error) });
          }
        }),
      failed: (fatal) =>
        done({ kind: "failed", error: fatal ?? errorName(Errors.REQUEST_TIMED_OUT) }),
    });
  }

  progress(): void {
    this.#calls.progress();
  }

  close(): void {
    this.#calls.close();
  }

  #ask(partitions: readonly PartitionMetadata[], done: (reading: Reading) => void): void {
    const { lookup, rules, member } = this.#options;
    const topics = byTopic(partitions.map((partition) => ({ partition })));
    const group = {
      groupId: member.groupId,
      memberId: null,
      memberEpoch: -1,
      topics: topics.map(([name, entries]) => ({
        name,
        partitionIndexes: entries.map(({ partition }) => partition.index),
      })),
    };
    const { channel } = lookup;
    if (channel === null) return done(ofGroup(Errors.COORDINATOR_NOT_AVAILABLE));
    channel.send(ApiKeys.OFFSET_FETCH, { groups: [group], requireStable: true }, (outcome) => {
      const reading = readingOf(partitions, outcome);
      const isLost = outcome.kind === "timeout" || outcome.kind === "disconnected";
      if (isLost || ("error" in reading && rules.losesCoordinator(reading.error))) {
        lookup.markUnknown();
      }
      done(reading);
    });
  }
}

function readingOf(
  partitions: readonly PartitionMetadata[],
  outcome: Outcome<typeof ApiKeys.OFFSET_FETCH>,
): Reading {
  if (outcome.kind === "unsupported") return ofGroup(Errors.UNSUPPORTED_VERSION);
  if (outcome.kind !== "response") return ofGroup(Errors.NETWORK_EXCEPTION);
  const group = outcome.body.groups[0];
  if (group === undefined) return ofGroup(Errors.UNKNOWN_SERVER_ERROR);
  if (group.errorCode !== Errors.NONE) return ofGroup(group.errorCode);
  const byName = new Map(partitions.map((partition) => [partition.name, partition]));
  const offsets = new Map<PartitionMetadata, CommittedOffset | null>();
  let error: number = Errors.NONE;
  for (const { name, partitions: answers } of group.topics) {
    for (const answer of answers) {
      const partition = byName.get(`${name}-${answer.partitionIndex}`);
      if (partition === undefined) continue;
      if (answer.errorCode === Errors.NONE) offsets.set(partition, committedOf(answer));
      // What is unstable will be stable later; every other error is for good.
      else if (error === Errors.NONE || error === Errors.UNSTABLE_OFFSET_COMMIT) {
        error = answer.errorCode;
      }
    }
  }
  return error === Errors.NONE ? offsets : { error, isOfPartition: true };
}

function ofGroup(error: number): Reading {
  return { error, isOfPartition: false };
}

function committedOf(answer: {
  readonly committedOffset: Offset;
  readonly committedLeaderEpoch: LeaderEpoch;
  readonly metadata: string | null;
}): CommittedOffset | null {
  const { committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata } = answer;
  return offset < 0 ? null : { offset, leaderEpoch, metadata: metadata ?? "" };
}
