/**
 * What is committed of a partition, and what was until a leader took office without all of it. Losing
 * records begins a new *era*: brokers that have not heard of that leader live on in the old one, and
 * may still serve, commit and acknowledge there what nobody else will ever have. A leader epoch says
 * in which era a broker lives.
 */
import type { LeaderEpoch, Offset } from "../../core/ids.ts";
import type { Batch } from "../../core/record/batch.ts";
import type { GhostLog } from "./ghost-log.ts";

export interface Canon {
  /** What a leader ever had below its high watermark. */
  readonly committed: GhostLog;
  /** Highest high watermark that any leader reached. */
  readonly trueHighWatermark: Offset;
}

/** How a batch came to be committed. */
export interface Commit {
  /** Epoch of the leader that had it below its high watermark first, not the batch's own. */
  readonly leaderEpoch: LeaderEpoch;
  /** Members of the ISR at that time. */
  readonly isrSize: number;
}

/** What became of one replica's copy of lost records. */
export interface CopyFate {
  readonly node: string;
  readonly fate: "destroyed" | "not eligible" | "never had it";
  /** Ids of the faults that destroyed or disqualified it. */
  readonly faults: readonly string[];
}

/** How committed records came to be lost, and why Kafka's rules allow it. */
export interface CommittedLoss {
  readonly at: number;
  /** Everything committed from this offset on is lost. */
  readonly offset: Offset;
  /** Who took office without it. */
  readonly leader: string;
  readonly leaderEpoch: LeaderEpoch;
  /** It was elected from outside the ISR, or it was in the ISR and its own copy was destroyed. */
  readonly how: "unclean election" | Destruction["kind"];
  /** In the order of the replicas. */
  readonly copies: readonly CopyFate[];
}

/** A part of a replica's log that a fault took. */
export interface Destruction {
  readonly from: Offset;
  readonly to: Offset;
  /** "power loss": of what was not synced; "lost sync": of what was synced, it was said. */
  readonly kind: "power loss" | "lost sync" | "bit rot" | "lost disk";
  readonly faults: readonly string[];
}

/** A replica may be damaged again before it has everything: older damage still counts. */
export function destroyedAt(
  destroyed: readonly Destruction[],
  offset: Offset,
): Destruction | undefined {
  return destroyed.findLast(({ from, to }) => from <= offset && offset < to);
}

/** The canon before a loss. Leaders of epochs below `until` still write it. */
export class PastEra implements Canon {
  readonly until: LeaderEpoch;
  readonly loss: CommittedLoss;
  readonly committed: GhostLog;
  trueHighWatermark: Offset;
  /** Of each batch of `committed`. */
  readonly commits: Commit[];

  constructor(
    loss: CommittedLoss,
    committed: GhostLog,
    trueHighWatermark: Offset,
    commits: readonly Commit[],
  ) {
    this.until = loss.leaderEpoch;
    this.loss = loss;
    this.committed = committed;
    this.trueHighWatermark = trueHighWatermark;
    this.commits = [...commits];
  }
}

/** Lost is what everybody reads, and not only what a deposed leader wrote for nobody. */
export function isCanonical(lost: readonly LostBatch[]): boolean {
  return lost.every(({ wasCommitted }) => wasCommitted);
}

/** A batch that was committed, and is lost. */
export interface LostBatch {
  readonly batch: Batch;
  readonly loss: CommittedLoss;
  /** Members of the ISR when it was committed. */
  readonly isrSize: number;
  /** False: committed only after the loss, by a leader that had not heard of it. */
  readonly wasCommitted: boolean;
}
