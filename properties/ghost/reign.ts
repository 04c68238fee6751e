import type { LeaderEpoch } from "../../core/ids.ts";
import type { Destruction } from "./canon.ts";
import { GhostLog } from "./ghost-log.ts";
import type { Election } from "./partition-ghost.ts";
import type { ReplicaGhost } from "./replica-ghost.ts";

/**
 * With what a leader began that may lack, legally, what another commits: it was elected from outside the
 * ISR, or a fault had destroyed a part of its log. It is remembered for good. Whom it deposed may sleep
 * through its whole reign, and through those after it, and wake up still believing that it leads.
 */
export class Reign {
  readonly epoch: LeaderEpoch;
  readonly leader: ReplicaGhost;
  /** How the leader came to be trusted. */
  readonly election: Election;
  #began: { readonly log: GhostLog; readonly destroyed: readonly Destruction[] } | null = null;

  constructor(epoch: LeaderEpoch, leader: ReplicaGhost, election: Election) {
    this.epoch = epoch;
    this.leader = leader;
    this.election = election;
  }

  /** All that it has of its predecessors. Until it leads it may still fetch more of that. */
  get log(): GhostLog {
    return this.#began?.log ?? this.leader.log;
  }

  /** What faults had taken of its log when it began. */
  get destroyed(): readonly Destruction[] {
    return this.#began?.destroyed ?? this.leader.destroyed;
  }

  /** It leads, or never will, since another was elected. */
  begin(): void {
    const { log, destroyed } = this.leader;
    this.#began ??= { log: log.clone(), destroyed: [...destroyed] };
  }
}
