/** Commits what polls have returned, every auto.commit.interval.ms (ConsumerCoordinator.java). */
import type { Offset } from "../../ids.ts";
import type { Ports } from "../../ports.ts";
import type { ConsumerSettings } from "../../settings/client-settings.ts";
import type { AssignedPartitions } from "../assigned-partitions.ts";
import { CLIENT_LANE } from "../client-network.ts";
import type { ConsumerPartition } from "../consumer-partition.ts";
import { DeadlineTimer } from "../deadline-timer.ts";
import type { MembershipRules } from "./membership-rules.ts";
import type { OffsetCommits, OffsetToCommit } from "./offset-commits.ts";

export interface AutoCommitOptions {
  readonly clientId: string;
  readonly settings: ConsumerSettings;
  readonly rules: MembershipRules;
  readonly partitions: AssignedPartitions;
  readonly commits: OffsetCommits;
  /** A poll that waits has something to do. */
  readonly onDue: () => void;
}

export class AutoCommit {
  readonly #ports: Ports;
  readonly #options: AutoCommitOptions;
  readonly #timer: DeadlineTimer;
  #nextMs: number;

  constructor(ports: Ports, options: AutoCommitOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#timer = new DeadlineTimer(
      ports.timers.timer(CLIENT_LANE, `auto-commit ${options.clientId}`, () => {
        this.#timer.fired();
        options.onDue();
      }),
    );
    this.#nextMs = this.#afterInterval();
  }

  get isEnabled(): boolean {
    return this.#options.settings["enable.auto.commit"];
  }

  isDue(nowMs: number): boolean {
    return this.isEnabled && nowMs >= this.#nextMs;
  }

  /** A poll waits: it is to be woken when the time has come. */
  watch(nowMs: number): void {
    if (this.isEnabled) this.#timer.arm(this.#nextMs, nowMs);
  }

  /** Commits, if it is time. */
  maybeCommit(nowMs: number): void {
    if (!this.isDue(nowMs)) return;
    this.#nextMs = this.#afterInterval();
    this.#options.commits.commitAsync(this.positions(), "auto", null, (result) => {
      if (result.kind === "committed" || !result.isRetriable) return;
      this.#nextMs = this.#ports.clock.monotonicMs() + this.#options.settings["retry.backoff.ms"];
    });
  }

  /** The interval begins anew: there is a new assignment. */
  restart(): void {
    this.#nextMs = this.#afterInterval();
  }

  /** What may be committed without asking the user. */
  positions(): OffsetToCommit[] {
    const { rules, partitions } = this.#options;
    return consumedPositions(partitions, (partition) =>
      rules.positionToCommit(partition.offset, partitions.fetchedUpTo(partition)),
    );
  }

  close(): void {
    this.#timer.cancel();
  }

  #afterInterval(): number {
    return this.#ports.clock.monotonicMs() + this.#options.settings["auto.commit.interval.ms"];
  }
}

/** Where each owned partition is that has a valid position (SubscriptionState.allConsumed). */
export function consumedPositions(
  partitions: AssignedPartitions,
  offsetOf: (partition: ConsumerPartition) => Offset,
): OffsetToCommit[] {
  const positions: OffsetToCommit[] = [];
  for (const partition of partitions.owned) {
    if (partition.state.kind !== "fetching") continue;
    const { metadata, offsetEpoch } = partition;
    const offset = offsetOf(partition);
    positions.push({ partition: metadata, offset, leaderEpoch: offsetEpoch, metadata: "" });
  }
  return positions;
}
