/**
 * What judging liveness needs to know beside the ghost: who leads the quorum and still commits, how far
 * metadata is applied, which ISR proposals are unanswered, when followers fetched last, and how often
 * things changed since the heal. Told after the ghost. Constant work per fact.
 */
import type { FactOf } from "../../core/facts.ts";
import type { LeaderEpoch, NodeId, Offset, PartitionName } from "../../core/ids.ts";
import { METADATA_TOPIC } from "../../core/ids.ts";
import type { Ghost } from "../ghost/ghost.ts";
import type { PartitionGhost, Registration } from "../ghost/partition-ghost.ts";
import type { Moment, NodeEvent, Observer } from "../observation.ts";

const METADATA_PARTITION: PartitionName = `${METADATA_TOPIC}-0`;

/** Metadata that a node acts on. */
export interface Applied {
  readonly offset: Offset;
  /** Of the quorum's leader who wrote the last record. */
  readonly epoch: LeaderEpoch;
  readonly at: number;
}

/** An ISR change that a leader asked for and has no answer to. */
export interface OpenProposal {
  readonly node: NodeId;
  readonly proposedIsr: readonly NodeId[];
  readonly partitionEpoch: number;
  readonly at: number;
}

/** How often things changed since the heal. */
export interface ChangeCount {
  /** Leader epoch at the heal, or the first after it. */
  readonly firstLeaderEpoch: LeaderEpoch;
  isrChanges: number;
  /** Of them, additions while the ISR was below min.insync.replicas. */
  frozenJoins: number;
  /** By node id of the replica. */
  readonly truncations: number[];
}

/** Told when one of the counts grew. */
export type ChangeListener = (partition: PartitionGhost | null, moment: Moment) => void;

export class LivenessWatch implements Observer {
  /** The controller that became active in the highest epoch; null before the first. */
  active: { readonly node: NodeId; readonly epoch: LeaderEpoch } | null = null;
  /** When the active controller committed something last. */
  committedAt: number = -1;
  /** By node id: up to where it has applied metadata. */
  readonly applied: (Applied | undefined)[] = [];
  /** Offset of the last committed record that says something. */
  decidedEnd: Offset = -1;
  readonly proposals: Map<PartitionName, OpenProposal> = new Map();
  /** Nodes whose log directory failed since their process started, or that ended by it. */
  readonly failedDirectories: Set<NodeId> = new Set();
  readonly foreignDisks: Set<NodeId> = new Set();
  /** Why the node's last process ended by itself. */
  readonly exits: Map<NodeId, string> = new Map();
  readonly changes: Map<PartitionName, ChangeCount> = new Map();
  /** By node id: offset of the record by which that broker was unfenced last. */
  readonly unfencedAt: (Offset | undefined)[] = [];
  /** Offset of the record by which one of its replicas got another directory last. */
  readonly assignedAt: Map<PartitionName, Offset> = new Map();
  /** Highest epoch of the quorum at the heal, and now. */
  firstQuorumEpoch: LeaderEpoch = -1;
  quorumEpoch: LeaderEpoch = -1;
  readonly #ghost: Ghost;
  readonly #lastFetches: Map<PartitionName, (number | undefined)[]> = new Map();
  readonly #known: Map<PartitionName, Registration> = new Map();
  #onChange: ChangeListener | null = null;

  constructor(ghost: Ghost) {
    this.#ghost = ghost;
  }

  /** The heal: from here on changes are counted, and the listener is told of each. */
  begin(onChange: ChangeListener): void {
    this.#onChange = onChange;
    this.firstQuorumEpoch = this.quorumEpoch;
    for (const { name, registration } of this.#ghost.partitions.values()) {
      if (registration !== null) this.#known.set(name, registration);
    }
  }

  /** When the leader took note of that follower's last fetch since the heal. */
  lastFetch(partition: PartitionName, follower: NodeId): number | undefined {
    return this.#lastFetches.get(partition)?.[follower];
  }

  changesOf(partition: PartitionName): ChangeCount {
    let count = this.changes.get(partition);
    if (count === undefined) {
      const leaderEpoch = this.#known.get(partition)?.leaderEpoch ?? 0;
      count = { firstLeaderEpoch: leaderEpoch, isrChanges: 0, frozenJoins: 0, truncations: [] };
      this.changes.set(partition, count);
    }
    return count;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "raft-state": ({ epoch }, moment) => {
      if (epoch <= this.quorumEpoch) return;
      this.quorumEpoch = epoch;
      this.#onChange?.(null, moment);
    },
    "controller-activated": ({ epoch }, { nodeId, at }) => {
      if (this.active !== null && epoch < this.active.epoch) return;
      this.active = { node: nodeId, epoch };
      // What it replayed up to the record of its own epoch is committed.
      this.committedAt = at;
    },
    "controller-resigned": ({ epoch }, { nodeId }) => {
      if (this.active?.node === nodeId && this.active.epoch <= epoch) this.active = null;
    },
    "high-watermark": (fact, { nodeId, at }) => {
      if (fact.partition !== METADATA_PARTITION || fact.as !== "leader") return;
      if (this.active?.node === nodeId) this.committedAt = at;
    },
    "metadata-applied": ({ offset, epoch }, { nodeId, at }) => {
      this.applied[nodeId] = { offset, epoch, at };
    },
    "metadata-committed": (fact, moment) => this.#committed(fact, moment),
    "partition-decided": ({ partition, why, offset }) => {
      if (why === "directory-assigned") this.assignedAt.set(partition, offset);
    },
    "isr-proposed": ({ partition, proposedIsr, partitionEpoch }, { nodeId, at }) => {
      this.proposals.set(partition, { node: nodeId, proposedIsr, partitionEpoch, at });
    },
    "isr-committed": ({ partition }, { nodeId }) => this.#answered(partition, nodeId),
    "isr-rolled-back": ({ partition }, { nodeId }) => this.#answered(partition, nodeId),
    "became-leader": ({ partition }, { nodeId }) => this.#answered(partition, nodeId),
    "became-follower": ({ partition }, { nodeId }) => this.#answered(partition, nodeId),
    "follower-fetched": ({ partition, follower }, { at }) => {
      if (this.#onChange === null) return;
      let fetches = this.#lastFetches.get(partition);
      if (fetches === undefined) this.#lastFetches.set(partition, (fetches = []));
      fetches[follower] = at;
    },
    truncated: ({ partition, why }, moment) => {
      if (this.#onChange === null || why === "recovery" || partition === METADATA_PARTITION) return;
      const { truncations } = this.changesOf(partition);
      truncations[moment.nodeId] = (truncations[moment.nodeId] ?? 0) + 1;
      this.#onChange(this.#ghost.partition(partition), moment);
    },
    "log-dir-failed": (_fact, { nodeId }) => {
      this.failedDirectories.add(nodeId);
    },
  };

  nodeEvent(event: NodeEvent, { nodeId }: Moment): void {
    if (nodeId < 0) return;
    if (event.kind === "booted") {
      this.failedDirectories.delete(nodeId);
      this.exits.delete(nodeId);
      if (event.disk === "foreign") this.foreignDisks.add(nodeId);
      else this.foreignDisks.delete(nodeId);
      return;
    }
    if (event.kind !== "ended") return;
    if (event.cause === "exit") this.exits.set(nodeId, event.reason);
    this.applied[nodeId] = undefined;
    if (this.active?.node === nodeId) this.active = null;
    for (const [partition, { node }] of this.proposals) {
      if (node === nodeId) this.proposals.delete(partition);
    }
  }

  #answered(partition: PartitionName, node: NodeId): void {
    if (this.proposals.get(partition)?.node === node) this.proposals.delete(partition);
  }

  #committed({ record, offset, endsBatch }: FactOf<"metadata-committed">, moment: Moment): void {
    const { metadata } = this.#ghost;
    if (!metadata.fresh) return;
    if (record.type !== "NoOp") this.decidedEnd = offset;
    if (record.type === "BrokerRegistrationChange" && record.fenced === false) {
      this.unfencedAt[record.brokerId] = offset;
    }
    if (!endsBatch || this.#onChange === null) return;
    for (const partition of metadata.touchedPartitions) this.#changed(partition, moment);
  }

  #changed(partition: PartitionGhost, moment: Moment): void {
    const { name, registration } = partition;
    const before = this.#known.get(name);
    if (registration === null || before === registration) return;
    const count = this.changesOf(name);
    this.#known.set(name, registration);
    if (before === undefined) return;
    const isLonger = registration.isr.length > before.isr.length;
    const isShorter = registration.isr.length < before.isr.length;
    if (isLonger || isShorter || registration.isr.some((id) => !before.isr.includes(id))) {
      count.isrChanges += 1;
      const minIsr = this.#ghost.effectiveMinIsr(partition, registration.replicas.length);
      if (isLonger && before.isr.length < minIsr) count.frozenJoins += 1;
    }
    this.#onChange?.(partition, moment);
  }
}
