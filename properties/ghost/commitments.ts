/**
 * Keeps the book of what is committed: which leader added to it, who took office without all of it, and
 * what was lost so. Leaders that were deposed and do not know it go on writing the book of their era.
 */
import type { LeaderEpoch, NodeId, Offset, Uuid } from "../../core/ids.ts";
import { UNASSIGNED_DIRECTORY } from "../../core/ids.ts";
import type { Batch } from "../../core/record/batch.ts";
import type { Moment } from "../observation.ts";
import type { CommittedLoss, Destruction, LostBatch } from "./canon.ts";
import type { FaultRecord } from "./fault-record.ts";
import { firstDifference } from "./ghost-log.ts";
import type { MetadataGhost } from "./metadata-ghost.ts";
import type { Election, PartitionGhost } from "./partition-ghost.ts";
import { Reign } from "./reign.ts";
import type { ReplicaGhost } from "./replica-ghost.ts";

/** A replica takes office without everything committed. Null: Kafka's rules do not allow that. */
export type LossJudge = (missing: Missing) => CommittedLoss | null;

export interface Missing {
  readonly leader: ReplicaGhost;
  readonly leaderEpoch: LeaderEpoch;
  readonly election: Election;
  /** What faults had taken of its log by then. */
  readonly destroyed: readonly Destruction[];
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
    const by = { leaderEpoch: replica.leaderEpoch, isrSize: believedIsr.length };
    partition.commit(era, log, highWatermark, by);
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
    if (lost.length === 0) return;
    for (const listener of this.#lossListeners) listener(partition, lost, loss.offset);
  }

  /**
   * A deposed leader, which does not know it yet, commits what followers had told it before, or by itself
   * if it was alone in the ISR. If a leader after it has not got that, it is lost as it is committed: as
   * legally as if it had been before. The first such leader counts, not the present one: it may have been
   * elected uncleanly, and after it others of its own ISR, who have all that it had.
   *   1. A, alone in the ISR, is cut off   2. B, outside, is elected, and commits y at 7   3. B is killed
   *   and elected again: cleanly   4. A, back and still leading, commits x at 7: lost by step 2
   * To be told before anybody judges the high watermark of the deposed one.
   */
  committingLate(deposed: ReplicaGhost, highWatermark: Offset, at: number): void {
    const { partition, log } = deposed;
    if (this.#judge === null) return;
    const era = partition.pastEraOf(deposed.leaderEpoch);
    for (const reign of partition.reigns) {
      const { epoch: leaderEpoch, leader, election, destroyed } = reign;
      if (leaderEpoch <= deposed.leaderEpoch || leader === deposed) continue;
      if (era !== null && leaderEpoch >= era.until) return;
      if (reign.log.end >= highWatermark && log.samePrefix(reign.log, highWatermark)) continue;
      const offset = firstDifference(log, reign.log, highWatermark);
      if (offset >= highWatermark) continue;
      // If a leader before that one has committed another record there, then not that one lost it.
      const { committed, commits } = era ?? partition;
      const there = commits[committed.countBelow(offset)];
      if (there !== undefined && there.leaderEpoch < leaderEpoch) return;
      const batch = log.batchAt(offset);
      const loss = this.#judge({ leader, leaderEpoch, election, destroyed, offset, batch, at });
      if (loss !== null) partition.fork(era, loss);
      return;
    }
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

  /**
   * Whether a leader has everything committed; what it has not is lost, if that is legal. `leads`: it has
   * begun to, else it was elected and need not know it yet.
   */
  tookOffice(leader: ReplicaGhost, leaderEpoch: LeaderEpoch, leads: boolean, at: number): void {
    const { partition, log, destroyed } = leader;
    const { committed, trueHighWatermark } = partition;
    if (this.#judge === null) return;
    let loss: CommittedLoss | null = null;
    const isComplete = partition.isHeldBy(log);
    const offset = Math.min(firstDifference(log, committed, committed.end), trueHighWatermark);
    const election = partition.electionBehind(leaderEpoch, leader.node.nodeId);
    if (!isComplete && election !== undefined) {
      const batch = committed.batchAt(offset);
      loss = this.#judge({ leader, leaderEpoch, election, destroyed, offset, batch, at });
    }
    partition.judgedEpoch = Math.max(partition.judgedEpoch, leaderEpoch);
    this.#reigns(leader, leaderEpoch, election, leads);
    if (isComplete || loss !== null) leader.struck = false;
    if (loss === null) return;
    const lost = partition.lose(loss);
    for (const listener of this.#lossListeners) listener(partition, lost, offset);
  }

  /** Remembers with what the leader begins, if it may lack what another commits. */
  #reigns(
    leader: ReplicaGhost,
    epoch: LeaderEpoch,
    election: Election | undefined,
    leads: boolean,
  ): void {
    const { reigns } = leader.partition;
    let reign = reigns.at(-1);
    if (reign !== undefined && reign.epoch < epoch) reign.begin();
    if (reign?.epoch !== epoch) {
      if (election === undefined) return;
      if (!election.unclean && leader.destroyed.length === 0) return;
      reigns.push((reign = new Reign(epoch, leader, election)));
    }
    if (leads) reign.begin();
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
