import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import { NO_EPOCH, NO_NODE } from "../ids.ts";
import type { FactOf } from "../facts.ts";
import type { PartitionMetadata } from "./client-metadata.ts";
import type { Wanted } from "./fetch-session.ts";
import type { NodeFetcher } from "./node-fetcher.ts";

export type ResetTarget = "earliest" | "latest";

/** What a consumer does with one partition (SubscriptionState.FetchStates). */
export type FetchState =
  /** It is owned since just now: the group is to tell where to begin. */
  | { readonly kind: "initializing" }
  /** It has no position, and auto.offset.reset=none: only a seek helps. */
  | { readonly kind: "unset" }
  /** The leader is to say where its log begins or ends. */
  | {
      readonly kind: "resetting";
      readonly to: ResetTarget;
      readonly why: FactOf<"position-set">["why"];
      readonly cause: number;
    }
  /** Another leader or epoch: does its log hold what was read so far? No fetching meanwhile. */
  | { readonly kind: "validating" }
  | { readonly kind: "fetching" };

/** One assigned partition: the position (offset, epoch of the record before it, leader), and state. */
export class ConsumerPartition {
  readonly topic: string;
  readonly index: number;
  readonly metadata: PartitionMetadata;
  state: FetchState = { kind: "unset" };
  /** Of the next record that is wanted; -1 without a position. */
  offset: Offset = -1;
  /** Epoch of the last record before the position; -1 after a seek or a reset. */
  offsetEpoch: LeaderEpoch = NO_EPOCH;
  /** As its leader told it last; null before that. */
  highWatermark: Offset | null = null;
  /** The leader, and its epoch, that the position is good for. */
  leader: NodeId = NO_NODE;
  leaderEpoch: LeaderEpoch = NO_EPOCH;
  /** Who fetches it; null while nobody does. */
  fetcher: NodeFetcher | null = null;
  /** After an error: not before that time. */
  retryAtMs: number = -Infinity;
  failures = 0;
  /** A look-up of its offset or epoch is under way. */
  isAsking = false;
  /** Data of it waits for poll(). */
  isBuffered = false;
  /** Who fetched that data. */
  bufferedBy: NodeFetcher | null = null;
  /** By the user: nothing is fetched or handed out, what was fetched is kept. */
  isPaused = false;
  /** About to be given up: nothing is fetched or handed out any more. */
  isRevoking = false;

  constructor(metadata: PartitionMetadata) {
    this.metadata = metadata;
    this.topic = metadata.topic.name;
    this.index = metadata.index;
  }

  /** Takes nothing along from the time before. */
  forget(): void {
    this.state = { kind: "initializing" };
    this.offset = -1;
    this.offsetEpoch = NO_EPOCH;
    this.highWatermark = null;
    this.leader = NO_NODE;
    this.leaderEpoch = NO_EPOCH;
    this.retryAtMs = -Infinity;
    this.failures = 0;
  }

  get hasPosition(): boolean {
    return this.state.kind === "fetching" || this.state.kind === "validating";
  }

  /** What `fetcher` is to ask of it now; null for nothing. */
  wantedBy(fetcher: NodeFetcher, nowMs: number): Wanted | null {
    const topicId = this.metadata.topic.id;
    const isIdle = this.fetcher !== fetcher || this.state.kind !== "fetching" || this.isBuffered;
    if (isIdle || topicId === null || this.retryAtMs > nowMs) return null;
    if (this.isPaused || this.isRevoking) return null;
    const leaderEpoch = fetcher.requestedEpoch(this.leaderEpoch);
    return { topicId, partition: this.index, leaderEpoch, fetchOffset: this.offset };
  }
}
