/**
 * Keeps the book of what is committed: which leader added to it, who took office without all of it, and
 * what was lost so. Leaders that were deposed and do not know it go on writing the book of their era.
 */
import type { LeaderEpoch, NodeId, Offset, Uuid } from "../../core/ids.ts";
import { NO_NODE, UNASSIGNED_DIRECTORY } from "../../core/ids.ts";
import type { Batch } from "../../core/record/batch.ts";
import type { Moment } from "../observation.ts";
import type { CommittedLoss, Destruction, LostBatch } from "./canon.ts";
import type { FaultRecord } from "./fault-record.ts";
import { firstDifference } from "./ghost-log.ts";
import type { MetadataGhost } from "./metadata-ghost.ts";
import type { Election, PartitionGhost } from "./partition-ghost.ts";
import type { ReplicaGhost } from "./replica-ghost.ts";

/** A replica takes office without everything committed. Null: Kafka's rules do not allow that. */
export type LossJudge = (missing: Missing) => CommittedLoss | null;

export interface Missing {
  readonly leader: ReplicaGhost;
  readonly leaderEpoch: LeaderEpoch;
  readonly election: Election;
  /** The first that it has not, and its batch. */
  readonly offset: Offset;
  readonly batch: Batch | undefined;
  readonly at: number;
}

/** Told about committed batches that are lost, oldest first. */
export type LossListener = (
  partition: PartitionGhost,
  lost: readonly LostBatch[],
  offset: Offset,
) => void;

/** Told about each batch that becomes committed, in the order of its log. */
export type CommitListener = (partition: PartitionGhost, batch: Batch, moment: Moment) => void;

export class Commitments {
  readonly #metadata: MetadataGhost;
  readonly #faults: FaultRecord | null;
  readonly #judge: LossJudge | null;
  readonly #commitListeners: CommitListener[] = [];
  readonly #lossListeners: LossListener[] = [];

  /** Without a judge nothing may be lost. */
  constructor(metadata: MetadataGhost, faults: FaultRecord | null, judge: LossJudge | null) {
    this.#metadata = metadata;
    this.#faults = faults;
    this.#judge = judge;
  }

  onCommit(listener: CommitListener): void {
    this.#commitListeners.push(listener);
  }

  onLoss(listener: LossListener): void {
    this.#lossListeners.push(listener);
  }

  commit(replica: ReplicaGhost, highWatermark: Offset, moment: Moment): void {
    const { partition, log, believedIsr } = replica;
    const era = partition.pastEraOf(replica.leaderEpoch);
    const canon = era ?? partition;
    if (highWatermark <= canon.trueHighWatermark) return;
    const { batches } = canon.committed;
    let index = batches.length;
    partition.commit(era, log, highWatermark, believedIsr.length);
    if (era === null) {
      for (; index < batches.length; index += 1) {
        const batch = batches[index] as Batch;
        for (const listener of this.#commitListeners) listener(partition, batch, moment);
      }
      return;
    }
    // A leader that was deposed without knowing it: nobody will ever have this.
    const { loss } = era;
    const isrSize = believedIsr.length;
    const lost = batches
      .slice(index)
      .map((batch) => ({ batch, loss, isrSize, wasCommitted: false }));
    for (const listener of this.#lossListeners) listener(partition, lost, loss.offset);
  }

  /**
   * A deposed leader, which does not know it yet, commits what followers had told it before. If the new
   * leader has not got that, it is lost as it is committed: as legally as if it had been before. To be
   * told before anybody judges the high watermark of the deposed one.
   */
  committingLate(deposed: ReplicaGhost, highWatermark: Offset, at: number): void {
    const { partition } = deposed;
    const { judgedEpoch: leaderEpoch, judgedElection: election } = partition;
    if (deposed.leaderEpoch >= leaderEpoch || partition.pastEraOf(deposed.leaderEpoch) !== null)
      return;
    const leader = partition.replica(partition.electedIn[leaderEpoch] ?? NO_NODE);
    if (this.#judge === null || leader === undefined || election === undefined) return;
    const offset = Math.min(firstDifference(deposed.log, leader.log, highWatermark), highWatermark);
    if (offset >= highWatermark) return;
    const batch = deposed.log.batchAt(offset);
    const loss = this.#judge({ leader, leaderEpoch, election, offset, batch, at });
    if (loss !== null) partition.fork(loss);
  }

  /** Elections up to that epoch are committed: who else could have been elected? */
  elected(partition: PartitionGhost, upTo: LeaderEpoch): void {
    for (let epoch = partition.committedEpoch + 1; epoch <= upTo; epoch += 1) {
      const election = partition.elections[epoch];
      if (election === undefined) continue;
      election.electable = election.previousIsr.filter((id) => {
        const broker = this.#metadata.brokers.get(id);
        if (broker === undefined || broker.fenced || broker.inControlledShutdown) return false;
        return hasDirectory(partition, id, broker.logDirs);
      });
      // From outside the ISR: until it leads, and is judged, nobody can say that it has everything.
      const leader = partition.replica(election.leader);
      if (this.#judge !== null && election.unclean && leader !== undefined) leader.struck = true;
    }
    partition.committedEpoch = Math.max(partition.committedEpoch, upTo);
  }

  /** Whether a leader has everything committed; what it has not is lost, if that is legal. */
  tookOffice(leader: ReplicaGhost, leaderEpoch: LeaderEpoch, at: number): void {
    const { partition, log } = leader;
    const { committed, trueHighWatermark } = partition;
    if (this.#judge === null) return;
    let loss: CommittedLoss | null = null;
    const isComplete = partition.isHeldBy(log);
    const offset = Math.min(firstDifference(log, committed, committed.end), trueHighWatermark);
    const election = partition.electionBehind(leaderEpoch, leader.node.nodeId);
    if (!isComplete && election !== undefined) {
      const batch = committed.batchAt(offset);
      loss = this.#judge({ leader, leaderEpoch, election, offset, batch, at });
    }
    if (leaderEpoch > partition.judgedEpoch) {
      partition.judgedEpoch = leaderEpoch;
      partition.judgedElection = election;
    }
    if (isComplete || loss !== null) leader.struck = false;
    if (loss === null) return;
    const lost = partition.lose(loss);
    for (const listener of this.#lossListeners) listener(partition, lost, offset);
  }

  /** Something took [from, to) of a replica's log: which faults can that have been? */
  destroyed(replica: ReplicaGhost, from: Offset, to: Offset, at: number, isDisk: boolean): void {
    const { node, partition, openedAt } = replica;
    const record = this.#faults;
    if (from >= to || record === null || partition.isMetadata) return;
    const powerLosses = record.on(node.name, "power-loss", openedAt, at);
    const rot = record.rotIn(node.name, partition.name);
    let kind: Destruction["kind"] = "power loss";
    let faults = powerLosses;
    if (isDisk) [kind, faults] = ["lost disk", record.newDisks(node.name, openedAt)];
    else if (rot.length > 0 && (from < replica.syncedEnd || powerLosses.length === 0)) {
      [kind, faults] = ["bit rot", rot];
    } else if (from < replica.syncedEnd) {
      const syncs = record.on(node.name, "lost-sync", 0, at);
      [kind, faults] = ["lost sync", [...syncs, ...powerLosses]];
    }
    replica.destroyed.push({ from, to, kind, faults });
  }
}

/**
 * Who came back on another disk is not electable until the partition is assigned to that disk, though it
 * may be in the ISR again by then (KIP-858; ReplicationControlManager.java, PartitionChangeBuilder.java).
 */
function hasDirectory(partition: PartitionGhost, id: NodeId, logDirs: readonly Uuid[]): boolean {
  const index = partition.registration?.replicas.indexOf(id) ?? -1;
  const assigned = partition.directories[index];
  if (assigned === undefined || assigned === UNASSIGNED_DIRECTORY) return true;
  return logDirs.length === 0 || logDirs.includes(assigned);
}
