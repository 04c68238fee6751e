/**
 * Commits of offsets: synchronous ones are repeated until their time is over, asynchronous ones are not
 * (ConsumerCoordinator.java). Callbacks are called by the consumer's next poll, or when a synchronous
 * commit has ended, as in Java.
 */
import type { FactOf } from "../../facts.ts";
import type { LeaderEpoch, Offset } from "../../ids.ts";
import { NO_GENERATION, NO_MEMBER_ID } from "../../ids.ts";
import type { Ports } from "../../ports.ts";
import { Errors, errorName } from "../../errors.ts";
import type { Outcome } from "../../network/client-channel.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { ConsumerSettings } from "../../settings/client-settings.ts";
import type { PartitionMetadata } from "../client-metadata.ts";
import { CLIENT_LANE } from "../client-network.ts";
import { byTopic } from "./by-topic.ts";
import type { CoordinatorLookup } from "./coordinator-lookup.ts";
import type { Member, Membership } from "./member.ts";
import type { MembershipRules } from "./membership-rules.ts";
import { RepeatedCalls } from "./repeated-calls.ts";

export interface OffsetToCommit {
  readonly partition: PartitionMetadata;
  /** Of the next record to read. */
  readonly offset: Offset;
  /** Of the record before it; -1 when it is not known. */
  readonly leaderEpoch: LeaderEpoch;
  readonly metadata: string;
}

export type CommitMode = FactOf<"commit-sent">["mode"];

/**
 * `error` is an error of the protocol, or COMMIT_FAILED: it is no member of the group any more, and
 * others may have gone on from an older offset. A retriable one may have been committed nonetheless.
 */
export type CommitResult =
  | { readonly kind: "committed" }
  | { readonly kind: "failed"; readonly error: string; readonly isRetriable: boolean };

export type CommitDone = (result: CommitResult) => void;

export interface OffsetCommitsOptions {
  readonly clientId: string;
  readonly settings: ConsumerSettings;
  readonly rules: MembershipRules;
  readonly member: Member;
  readonly lookup: CoordinatorLookup;
  /** Partitions come from the group, so that only a member may commit. */
  readonly isMember: () => boolean;
  readonly onProgress: () => void;
  /** The coordinator has answered. */
  readonly onAnswer: () => void;
}

const COMMITTED: CommitResult = { kind: "committed" };

export class OffsetCommits {
  readonly #ports: Ports;
  readonly #options: OffsetCommitsOptions;
  readonly #calls: RepeatedCalls;
  /** Callbacks that the next call of the user runs. */
  #completed: (() => void)[] = [];
  /** Asynchronous commits that wait for the coordinator to be found, or for an answer. */
  #openCount = 0;
  #unsentCount = 0;
  #commitCount = 0;
  /** An asynchronous commit learned that the instance is fenced: nothing helps any more. */
  #isFenced = false;

  constructor(ports: Ports, options: OffsetCommitsOptions) {
    this.#ports = ports;
    this.#options = options;
    const { clientId, settings, lookup } = options;
    this.#calls = new RepeatedCalls(ports, "commit", clientId, settings, lookup);
  }

  get isFenced(): boolean {
    return this.#isFenced;
  }

  /** There are callbacks to run. */
  get hasCompleted(): boolean {
    return this.#completed.length > 0;
  }

  /** Asynchronous commits that were not sent yet. */
  get waitsForCoordinator(): boolean {
    return this.#unsentCount > 0;
  }

  /** Asynchronous commits under way. */
  get openCount(): number {
    return this.#openCount;
  }

  /** A synchronous commit is under way: the user waits inside a call. */
  get isWaitedFor(): boolean {
    return this.#calls.isBusy;
  }

  runCallbacks(): void {
    const completed = this.#completed;
    this.#completed = [];
    for (const callback of completed) callback();
  }

  /** The coordinator was found, or is to be looked for again. */
  progress(): void {
    this.#calls.progress();
  }

  /**
   * Sends them once. `ended` is told as soon as the answer is there, possibly at once; `callback` later,
   * by the user's next call.
   */
  commitAsync(
    offsets: readonly OffsetToCommit[],
    mode: CommitMode,
    callback: CommitDone | null,
    ended: CommitDone | null = null,
  ): void {
    const { lookup, onProgress } = this.#options;
    this.#openCount += 1;
    const end = (result: CommitResult): void => {
      this.#openCount -= 1;
      if (isFenced(result)) this.#isFenced = true;
      if (callback !== null) this.#completed.push(() => callback(result));
      ended?.(result);
      this.#ports.work.later(CLIENT_LANE, "commit ended", onProgress);
    };
    if (offsets.length === 0) return end(COMMITTED);
    if (lookup.channel !== null) return this.#send(offsets, mode, end);
    this.#unsentCount += 1;
    lookup.findThen((isFound) => {
      this.#unsentCount -= 1;
      if (isFound) this.#send(offsets, mode, end);
      else end(failed(Errors.COORDINATOR_NOT_AVAILABLE, true));
    });
  }

  /** Sends them until that succeeded, failed for good, or the time is over. */
  commitSync(
    offsets: readonly OffsetToCommit[],
    mode: CommitMode,
    timeoutMs: number,
    done: CommitDone,
  ): void {
    const end = (result: CommitResult): void => {
      this.runCallbacks();
      done(result);
    };
    if (offsets.length === 0) {
      return this.#ports.work.later(CLIENT_LANE, "commit nothing", () => end(COMMITTED));
    }
    this.#calls.start({
      deadlineMs: this.#ports.clock.monotonicMs() + timeoutMs,
      attempt: (ended) =>
        this.#send(offsets, mode, (result) => {
          const isFinal = result.kind === "committed" || !result.isRetriable;
          if (ended(isFinal ? "done" : "again") && isFinal) end(result);
        }),
      failed: (fatal) => {
        // Kafka's TimeoutException, whatever the last attempt met.
        if (fatal === null) end(failed(Errors.REQUEST_TIMED_OUT, true));
        else end(refused(fatal));
      },
    });
  }

  close(): void {
    this.#calls.close();
  }

  #send(offsets: readonly OffsetToCommit[], mode: CommitMode, done: CommitDone): void {
    const { rules, member, lookup, isMember, onAnswer } = this.#options;
    const { channel } = lookup;
    if (channel === null) return done(failed(Errors.COORDINATOR_NOT_AVAILABLE, true));
    const asMember = isMember();
    if (!rules.mayCommit(asMember, member.state === "stable")) {
      return done(
        member.isRebalancing ? failed(Errors.REBALANCE_IN_PROGRESS, false) : refused(NO_MEMBER),
      );
    }
    const sent = member.membership;
    const commit = (this.#commitCount += 1);
    const request = {
      groupId: member.groupId,
      generationIdOrMemberEpoch: asMember ? sent.generation : NO_GENERATION,
      memberId: asMember ? sent.memberId : NO_MEMBER_ID,
      groupInstanceId: asMember ? member.instanceId : null,
      topics: byTopic(offsets).map(([name, group]) => ({
        name,
        partitions: group.map(({ partition, offset, leaderEpoch, metadata }) => ({
          partitionIndex: partition.index,
          committedOffset: offset,
          committedLeaderEpoch: leaderEpoch,
          committedMetadata: metadata,
        })),
      })),
    };
    const { generationIdOrMemberEpoch: generation, memberId } = request;
    this.#tellSent(commit, mode, generation, memberId, offsets);
    channel.send(ApiKeys.OFFSET_COMMIT, request, (outcome) => {
      const error = errorOf(outcome);
      this.#tellDone(commit, generation, memberId, error);
      done(this.#resultOf(error, sent, asMember, outcome.kind));
      // A consumer that is being closed meanwhile waits for all answers.
      onAnswer();
    });
  }

  #resultOf(
    error: number,
    sent: Membership,
    asMember: boolean,
    kind: Outcome<0>["kind"],
  ): CommitResult {
    const { rules, member, lookup } = this.#options;
    if (error === Errors.NONE) return COMMITTED;
    const isLost = kind === "timeout" || kind === "disconnected";
    if (isLost || rules.losesCoordinator(error) || error === Errors.REQUEST_TIMED_OUT) {
      lookup.markUnknown();
    }
    if (rules.isRetriableCommit(error)) return failed(error, true);
    const isRefusal = rules.resetOn(error) !== "nothing";
    if (!asMember || (!isRefusal && error !== Errors.REBALANCE_IN_PROGRESS)) {
      return failed(error, false);
    }
    if (error === Errors.REBALANCE_IN_PROGRESS) {
      member.requestRejoin("a commit met a rebalance");
      return failed(error, false);
    }
    const isCurrent = member.membership === sent;
    if (!isCurrent && member.state === "preparing") {
      return failed(Errors.REBALANCE_IN_PROGRESS, false);
    }
    if (error === Errors.FENCED_INSTANCE_ID && !isCurrent) return refused(NO_MEMBER);
    member.fenceBy(error, "commit");
    return error === Errors.FENCED_INSTANCE_ID ? failed(error, false) : refused(NO_MEMBER);
  }

  #tellSent(
    commit: number,
    mode: CommitMode,
    generation: number,
    member: string,
    offsets: readonly OffsetToCommit[],
  ): void {
    const { probe } = this.#ports;
    if (probe === null) return;
    probe.emit({
      kind: "commit-sent",
      group: this.#options.member.groupId,
      member,
      generation,
      commit,
      mode,
      offsets: offsets.map(({ partition, offset, leaderEpoch }) => {
        return { partition: partition.name, offset, leaderEpoch, error: Errors.NONE };
      }),
    });
  }

  #tellDone(commit: number, generation: number, member: string, error: number): void {
    const { probe } = this.#ports;
    if (probe === null) return;
    const group = this.#options.member.groupId;
    probe.emit({ kind: "commit-done", group, member, generation, commit, error });
  }
}

/** Kafka's CommitFailedException. */
const NO_MEMBER = "COMMIT_FAILED";

function failed(error: number, isRetriable: boolean): CommitResult {
  return { kind: "failed", error: errorName(error), isRetriable };
}

function refused(error: string): CommitResult {
  return { kind: "failed", error, isRetriable: false };
}

function isFenced(result: CommitResult): boolean {
  return result.kind === "failed" && result.error === errorName(Errors.FENCED_INSTANCE_ID);
}

/** The first error of an answer; what was lost on the way counts as an error too. */
function errorOf(outcome: Outcome<typeof ApiKeys.OFFSET_COMMIT>): number {
  if (outcome.kind === "unsupported") return Errors.UNSUPPORTED_VERSION;
  if (outcome.kind === "timeout") return Errors.REQUEST_TIMED_OUT;
  if (outcome.kind === "disconnected") return Errors.NETWORK_EXCEPTION;
  for (const { partitions } of outcome.body.topics) {
    for (const { errorCode } of partitions) if (errorCode !== Errors.NONE) return errorCode;
  }
  return Errors.NONE;
}
