/**
 * What is really true in the cluster, gathered from the facts: for each partition the committed log,
 * each replica's log, high watermark and belief, and what the controllers decided. Checkers compare
 * facts with it; the strict profile asks it before a fault strikes. Constant work per fact.
 */
import type { FactOf } from "../../core/facts.ts";
import type { LeaderEpoch, NodeId, Offset, PartitionName } from "../../core/ids.ts";
import { NO_NODE } from "../../core/ids.ts";
import type { Batch } from "../../core/record/batch.ts";
import type { Moment, NodeEvent, Observer } from "../observation.ts";
import type { DiskScan } from "./disk-scan.ts";
import { scanDisk } from "./disk-scan.ts";
import type { DurableFiles } from "./durable-files.ts";
import { Commitments } from "./commitments.ts";
import type { CommitListener, LossJudge, LossListener } from "./commitments.ts";
import type { FaultRecord } from "./fault-record.ts";
import { isUncovered } from "./header-rot.ts";
import { isMetadataLost } from "./metadata-loss.ts";
import { METADATA_PARTITION } from "./metadata-partition.ts";
import { MetadataGhost } from "./metadata-ghost.ts";
import { NodeGhost } from "./node-ghost.ts";
import { PartitionGhost } from "./partition-ghost.ts";
import { QuorumGhost } from "./quorum-ghost.ts";
import { ReplicaGhost } from "./replica-ghost.ts";

export { METADATA_PARTITION };

export interface GhostOptions {
  /** Null where nobody restarts: then a restarted log is what the node says it is. */
  readonly files: DurableFiles | null;
  /** min.insync.replicas of a topic that has none of its own. */
  readonly defaultMinIsr: number;
  /** Which faults struck whom; absent: destroyed copies have no culprits. */
  readonly faults?: FaultRecord;
  /** Says whether what a new leader lacks may be lost; absent: it may not. */
  readonly judge?: LossJudge;
}

export class Ghost implements Observer {
  readonly partitions: Map<PartitionName, PartitionGhost> = new Map();
  readonly metadata: MetadataGhost;
  readonly quorum: QuorumGhost = new QuorumGhost();
  readonly nodes: NodeGhost[] = [];
  readonly files: DurableFiles | null;
  /** The controller that took office last; -1 for none. It may be deposed, or dead. */
  activeController: NodeId = NO_NODE;
  truncations: number = 0;
  /** Bytes that are not what was written may be on some disk. */
  tainted: boolean = false;
  /**
   * Damage to a majority of the voters' disks has taken committed metadata for good: somebody was elected
   * without it, by nobody's mistake. The cluster has another history from then on.
   */
  metadataLost: boolean = false;
  readonly #defaultMinIsr: number;
  readonly #byNodeId: (NodeGhost | undefined)[] = [];
  readonly #commitments: Commitments;
  readonly #faults: FaultRecord | null;
  #lastPartition: PartitionGhost | null = null;

  constructor(options: GhostOptions) {
    this.files = options.files;
    this.#defaultMinIsr = options.defaultMinIsr;
    this.#faults = options.faults ?? null;
    this.metadata = new MetadataGhost((name) => this.partition(name));
    const { faults = null, judge = null } = options;
    this.#commitments = new Commitments(this.metadata, faults, judge);
  }

  // ---- what is true -----------------------------------------------------------------------------

  get leaderChanges(): number {
    return this.metadata.leaderChanges;
  }

  get isrChanges(): number {
    return this.metadata.isrChanges;
  }

  /** Leader as the controller has it; -1 for none. */
  leader(partition: PartitionName): NodeId {
    return this.partitions.get(partition)?.registration?.leader ?? NO_NODE;
  }

  /** The running broker that acts as leader in the highest epoch, deposed or not; -1 for none. */
  presumedLeader(partition: PartitionName): NodeId {
    let best: ReplicaGhost | null = null;
    for (const replica of this.partitions.get(partition)?.replicas ?? []) {
      if (!replica.presumesLeadership) continue;
      if (best === null || replica.leaderEpoch > best.leaderEpoch) best = replica;
    }
    return best?.node.nodeId ?? NO_NODE;
  }

  /** That replica holds everything committed, and it is the committed content. */
  holdsCommitted(partition: PartitionName, node: NodeId): boolean {
    const ghost = this.partitions.get(partition);
    const replica = ghost?.replica(node);
    if (ghost === undefined) return true;
    return replica === undefined ? ghost.trueHighWatermark === 0 : ghost.isHeldBy(replica.log);
  }

  /** A fault damaged that node's disk, or lost a sync of it, or put another in its place. */
  isDamaged(node: NodeId): boolean {
    const ghost = this.#byNodeId[node];
    return ghost !== undefined && (ghost.damaged || ghost.replaced);
  }

  /** Damage to the voters' disks has taken committed metadata from the quorum. */
  mayHaveLostMetadata(): boolean {
    return isMetadataLost(this, this.partition(METADATA_PARTITION));
  }

  /** min(min.insync.replicas, replication factor), the lowest that was ever set for the topic. */
  effectiveMinIsr(partition: PartitionGhost, replicas: number): number {
    const own = this.metadata.minInsyncReplicas(partition.topic) ?? this.#defaultMinIsr;
    return Math.min(own, replicas);
  }

  onCommit(listener: CommitListener): void {
    this.#commitments.onCommit(listener);
  }

  onLoss(listener: LossListener): void {
    this.#commitments.onLoss(listener);
  }

  // ---- lookup -----------------------------------------------------------------------------------

  partition(name: PartitionName): PartitionGhost {
    const last = this.#lastPartition;
    if (last !== null && last.name === name) return last;
    let partition = this.partitions.get(name);
    if (partition === undefined) {
      partition = new PartitionGhost(name, name === METADATA_PARTITION);
      partition.takenOver(this.activeController);
      this.partitions.set(name, partition);
    }
    this.#lastPartition = partition;
    return partition;
  }

  replica(name: PartitionName, moment: Moment): ReplicaGhost {
    const partition = this.partition(name);
    const replica = partition.replica(moment.nodeId);
    if (replica !== undefined) return replica;
    const node = this.node(moment.nodeId, moment.node);
    const made = new ReplicaGhost(partition, node);
    partition.addReplica(made);
    node.replicas.push(made);
    return made;
  }

  node(nodeId: NodeId, name: string): NodeGhost {
    let node = this.#byNodeId[nodeId];
    if (node === undefined) {
      node = new NodeGhost(nodeId, name);
      this.#byNodeId[nodeId] = node;
      this.nodes.push(node);
    }
    return node;
  }

  /** To be told of facts before any check is. */
  readonly first: NonNullable<Observer["on"]> = {
    "high-watermark": (fact, moment) => {
      // In most runs nobody's leadership is ever judged.
      if (fact.as !== "leader" || fact.leaderEpoch >= this.partition(fact.partition).judgedEpoch) {
        return;
      }
      const deposed = this.replica(fact.partition, moment);
      this.#commitments.committingLate(deposed, fact.highWatermark, moment.at);
    },
  };

  // ---- facts ------------------------------------------------------------------------------------

  readonly on: NonNullable<Observer["on"]> = {
    "log-loaded": (fact, moment) => this.#logLoaded(fact, moment),
    appended: (fact, moment) => {
      const replica = this.replica(fact.partition, moment);
      replica.log.append(fact.batch);
      replica.lookedAt = moment.at;
      if (replica.partition.isMetadata && fact.as === "follower") this.quorum.heard(moment.nodeId);
    },
    truncated: (fact, moment) => this.#truncated(fact, moment),
    "log-flushed": (fact, moment) => {
      const replica = this.replica(fact.partition, moment);
      if (fact.upTo > replica.syncedEnd) replica.syncedEnd = Math.min(fact.upTo, replica.log.end);
      // Of voters: on another disk than the quorum began with they have no say in what is committed.
      const isOwn = this.quorum.member(moment.nodeId).hasOriginalDisk;
      if (isOwn && replica.syncedEnd > replica.onceSyncedEnd) {
        replica.onceSyncedEnd = replica.syncedEnd;
      }
    },
    "log-prefix-deleted": (fact, moment) => {
      const replica = this.replica(fact.partition, moment);
      replica.logStartOffset = fact.logStartOffset;
      replica.deletedBelow = Math.max(replica.deletedBelow, fact.logStartOffset);
      replica.partition.forgetDeleted();
    },
    "became-leader": (fact, moment) => this.#becameLeader(fact, moment),
    "became-follower": (fact, moment) => this.#becameFollower(fact, moment),
    "high-watermark": (fact, moment) => this.#highWatermark(fact, moment),
    "follower-fetched": (fact, moment) =>
      this.replica(fact.partition, moment).heardFrom(fact, moment.at),
    "isr-proposed": (fact, moment) => this.replica(fact.partition, moment).propose(fact),
    "isr-committed": (fact, moment) => {
      const replica = this.replica(fact.partition, moment);
      replica.believedIsr = fact.isr;
      replica.partitionEpoch = fact.partitionEpoch;
      replica.lookedAt = moment.at;
    },
    "fetcher-added": (fact, moment) => {
      this.replica(fact.partition, moment).fetchFrom(fact.leader);
    },
    "fetcher-removed": (fact, moment) => {
      this.replica(fact.partition, moment).stopFetching(fact.why);
    },
    "metadata-committed": (fact, moment) => this.#metadataCommitted(fact, moment),
    "partition-decided": (fact, moment) => {
      const { leader, leaderEpoch, partitionEpoch, isr, replicas } = fact;
      const partition = this.partition(fact.partition);
      // What a deposed controller decides is nobody's election.
      if (leader !== fact.previousLeader && moment.nodeId === this.activeController) {
        const { why, previousIsr, unclean, uncleanAllowed } = fact;
        const election = { leader, why, previousIsr, unclean, uncleanAllowed, electable: null };
        partition.elections[leaderEpoch] = election;
      }
      const decision = { leader, leaderEpoch, partitionEpoch, isr, replicas };
      partition.decide(moment.nodeId, decision);
    },
    "controller-activated": (_fact, moment) => {
      this.activeController = moment.nodeId;
      for (const partition of this.partitions.values()) partition.takenOver(moment.nodeId);
    },
    "raft-state": (fact, moment) => {
      if (fact.state === "leader" && this.#lostMetadata(moment)) this.metadataLost = true;
      this.quorum.state(fact, moment);
    },
    "voter-fetched": (fact, moment) => {
      this.quorum.counted(fact.voter, this.replica(METADATA_PARTITION, moment).log.end);
    },
    "vote-granted": (fact, moment) => this.quorum.vote(fact, moment),
    "broker-state": (fact, moment) => {
      this.node(moment.nodeId, moment.node).state = fact.state;
    },
    "log-dir-failed": (_fact, moment) => {
      this.node(moment.nodeId, moment.node).online = false;
    },
  };

  nodeEvent(event: NodeEvent, moment: Moment): void {
    if (moment.nodeId < 0) return;
    const node = this.node(moment.nodeId, moment.node);
    switch (event.kind) {
      case "booted":
        return this.#booted(node, event.disk, moment);
      case "ended":
        node.running = false;
        node.paused = false;
        node.endedBy = event.cause;
        if (event.cause !== "power-loss") return;
        this.tainted = true;
        return node.losePower();
      case "lost-power":
        this.tainted = true;
        return node.losePower();
      case "paused":
        node.paused = true;
        return;
      case "resumed":
        node.paused = false;
        return;
      case "disk-damaged":
        node.damaged = true;
        this.tainted = true;
        node.damage(event.path, event.to === 0);
        // It may strike between the start of the process and the opening of its logs.
        if (node.running && node.replicas.some(({ loaded }) => !loaded)) this.#scan(node);
        if (event.how === "bit-rot") this.#rotted(node, event.path, event.from);
        return;
    }
  }

  #booted(node: NodeGhost, disk: "same" | "empty" | "foreign", moment: Moment): void {
    node.running = true;
    node.paused = false;
    node.online = true;
    node.state = "STARTING";
    node.registered = node.endedBy === null;
    node.incarnation = moment.incarnation;
    if (disk !== "same") {
      node.replaced = true;
      node.newDiskIn = moment.incarnation;
    }
    const { state, leader } = this.quorum.member(node.nodeId);
    const followed = state === "follower" ? leader : NO_NODE;
    this.quorum.booted(node.nodeId, disk !== "same");
    if (node.votesAtRisk) this.quorum.forgot(node.nodeId);
    if (node.endedBy === "power-loss") node.votesAtRisk = false;
    node.disk = disk;
    for (const replica of node.replicas) {
      replica.forgetBeliefs();
      if (replica.partition.isMetadata) replica.followed = followed;
      if (disk !== "empty") continue;
      if (replica.log.end > 0) replica.struck = true;
      this.#commitments.destroyed(replica, 0, replica.log.end, moment.at, true);
      replica.log.startAt(0, null);
      replica.syncedEnd = 0;
      replica.highWatermark = 0;
    }
    node.scans = new Map<PartitionName, DiskScan>();
    if (this.files === null || disk !== "same" || node.endedBy === null) return;
    this.#scan(node);
  }

  #rotted(node: NodeGhost, path: string, position: number): void {
    const [, partition, base] = /([^/]+)\/(\d+)\.log$/.exec(path) ?? [];
    const replica = node.replicas.find((one) => one.partition.name === partition);
    if (replica === undefined || base === undefined) return;
    if (isUncovered(replica.log, Number(base), position)) replica.partition.isBeyondPromise = true;
  }

  #scan(node: NodeGhost): void {
    if (this.files === null) return;
    node.scans = scanDisk(
      this.files,
      node.name,
      (name) => this.partitions.get(name)?.replica(node.nodeId)?.log,
    );
  }

  #logLoaded(fact: FactOf<"log-loaded">, moment: Moment): void {
    const replica = this.replica(fact.partition, moment);
    const { node, log } = replica;
    const endBefore = log.end;
    if (replica.partition.isMetadata) replica.logStartOffset = fact.logStartOffset;
    const scan = node.scans.get(fact.partition);
    if (scan === undefined) {
      log.truncateTo(fact.endOffset);
      // The process may have died in the very call that appended it, before it could tell.
      const last = fact.lastBatch ?? null;
      if (last !== null && last.baseOffset === log.end) log.append(last);
    } else {
      const { committed } = replica.partition;
      // Below its recovery point Kafka looks for no holes, such as lost syncs leave.
      const { holeAt } = scan;
      if (node.damaged && holeAt !== null && holeAt < fact.endOffset) {
        replica.partition.isBeyondPromise = true;
      }
      log.replace(
        fact.logStartOffset,
        scan.batchesOr(log, fact.endOffset),
        fact.endOffset,
        committed,
      );
    }
    replica.loaded = true;
    replica.highWatermark = fact.highWatermark;
    replica.highWatermarkEpoch = -1;
    replica.toldHighWatermark = fact.highWatermark;
    this.#cameBack(replica, endBefore, moment.at);
  }

  /** A log is open again: judge whether a fault took a part of it. */
  #cameBack(replica: ReplicaGhost, endBefore: Offset, at: number): void {
    const { node, log, partition } = replica;
    // Another's disk that was never formatted is an empty one: the node starts with it.
    const isOther = node.disk === "foreign";
    const excused =
      (isOther || replica.lostPower || node.mayHaveLost(partition.name)) &&
      (!node.registered || partition.isLastInIsr(node.nodeId)) &&
      partition.inCommittedIsr(node.nodeId);
    if (log.end < endBefore) this.#commitments.destroyed(replica, log.end, endBefore, at, isOther);
    replica.openedAt = at;
    if (replica.lostPower) replica.syncedEnd = log.end;
    else replica.syncedEnd = Math.min(replica.syncedEnd, log.end);
    // Also when nothing committed is gone yet: its leader counts on what it had, until it asks again.
    if (excused && log.end < endBefore) replica.struck = true;
    replica.lostPower = false;
  }

  #truncated(fact: FactOf<"truncated">, moment: Moment): void {
    const replica = this.replica(fact.partition, moment);
    const { log } = replica;
    const endBefore = log.end;
    if (replica.partition.isMetadata && fact.why === "out-of-range") {
      // A snapshot, which is on disk, stands for all that came before.
      // If the log reached beyond it, the leader has had it cut; what damage took was there once.
      const isCut = endBefore > fact.toOffset || fact.toOffset > replica.onceSyncedEnd;
      log.startAt(fact.toOffset, replica.partition.committed);
      replica.syncedEnd = fact.toOffset;
      replica.logStartOffset = fact.toOffset;
      if (isCut && this.quorum.member(moment.nodeId).hasOriginalDisk)
        replica.onceSyncedEnd = fact.toOffset;
    } else if (fact.toOffset < log.end) {
      if (fact.why !== "recovery") this.truncations += 1;
      log.truncateTo(fact.toOffset);
    } else if (fact.toOffset > log.end && fact.why === "out-of-range") {
      log.startAt(fact.toOffset, replica.partition.committed);
    }
    replica.syncedEnd = Math.min(replica.syncedEnd, log.end);
    if (fact.why !== "recovery" && fact.toOffset < Math.min(endBefore, replica.onceSyncedEnd)) {
      replica.onceSyncedEnd = fact.toOffset;
    }
    replica.highWatermark = Math.min(replica.highWatermark, log.end);
  }

  /** Who was just elected lacks committed metadata, by nobody's mistake. */
  #lostMetadata(moment: Moment): boolean {
    const { log, partition } = this.replica(METADATA_PARTITION, moment);
    return !partition.isHeldBy(log) && this.mayHaveLostMetadata();
  }

  /** A log that was never opened at this start is a new one, or was lost with its directory. */
  #openUnloaded(replica: ReplicaGhost, endOffset: Offset, at: number): void {
    if (replica.loaded) return;
    const endBefore = replica.log.end;
    replica.log.truncateTo(endOffset);
    replica.loaded = true;
    replica.highWatermark = Math.min(replica.highWatermark, endOffset);
    replica.toldHighWatermark = replica.highWatermark;
    this.#cameBack(replica, endBefore, at);
  }

  #becameLeader(fact: FactOf<"became-leader">, moment: Moment): void {
    const replica = this.replica(fact.partition, moment);
    this.#openUnloaded(replica, fact.endOffset, moment.at);
    replica.lead(fact);
    const { partition } = replica;
    if (partition.isMetadata || !replica.wasMadeLeader) return;
    this.#commitments.tookOffice(replica, fact.leaderEpoch, true, moment.at);
    // Where committed records were lost, somebody may come back who has them, and knows it.
    if (partition.pastEras.length > 0)
      this.#commitments.commit(replica, fact.highWatermark, moment);
  }

  #becameFollower(fact: FactOf<"became-follower">, moment: Moment): void {
    const replica = this.replica(fact.partition, moment);
    this.#openUnloaded(replica, fact.endOffset, moment.at);
    replica.follow(fact);
  }

  #highWatermark(fact: FactOf<"high-watermark">, moment: Moment): void {
    const replica = this.replica(fact.partition, moment);
    replica.highWatermark = fact.highWatermark;
    replica.highWatermarkEpoch = fact.leaderEpoch;
    if (fact.as === "follower") {
      if (fact.told > replica.toldHighWatermark) replica.toldHighWatermark = fact.told;
      return;
    }
    replica.counted = fact.counted;
    if (replica.partition.isMetadata) this.quorum.committed(moment.nodeId, fact.highWatermark);
    this.#commitments.commit(replica, fact.highWatermark, moment);
  }

  #metadataCommitted(fact: FactOf<"metadata-committed">, moment: Moment): void {
    const { metadata } = this;
    metadata.committed(fact);
    if (!metadata.fresh || !fact.endsBatch) return;
    for (const { partition, replica } of metadata.leftIsr) {
      const gone = partition.replica(replica);
      if (gone === undefined || this.#faults === null) continue;
      gone.leftIsrBy = this.#faults.culprits([gone.node.name], moment.at, moment.at);
    }
    for (const partition of metadata.touchedPartitions) {
      for (const replica of partition.replicas) {
        if (replica.struck && !partition.inCommittedIsr(replica.node.nodeId)) {
          replica.struck = false;
        }
      }
    }
    for (const broker of metadata.registeredBrokers) {
      // Its registration had to take it out of every ISR: no excuse is left.
      const node = this.#byNodeId[broker];
      if (node === undefined) continue;
      node.registered = true;
      for (const replica of node.replicas) {
        // But the last member of an ISR stays in it, whatever it has lost: nobody else may lead.
        if (!replica.partition.isLastInIsr(broker)) replica.struck = false;
      }
    }
    for (const partition of metadata.touchedPartitions) {
      const { registration, leaders } = partition;
      if (registration !== null && leaders.at(-1)?.node !== registration.leader) {
        leaders.push({ node: registration.leader, at: moment.at });
      }
      if (registration === null) continue;
      this.#commitments.elected(partition, registration.leaderEpoch);
      if (registration.leaderEpoch <= partition.judgedEpoch) continue;
      const leader = partition.replica(registration.leader);
      // One that has no process yet, or that the controller does not know, is judged when it leads.
      if (leader === undefined || !leader.isRunning || !leader.node.registered) continue;
      this.#commitments.tookOffice(leader, registration.leaderEpoch, false, moment.at);
    }
  }
}
