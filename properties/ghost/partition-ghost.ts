import type { LeaderEpoch, NodeId, Offset, PartitionEpoch, PartitionName } from "../../core/ids.ts";
import type { Batch } from "../../core/record/batch.ts";
import { GhostLog } from "./ghost-log.ts";
import type { ReplicaGhost } from "./replica-ghost.ts";

/** A partition as the controller has it. Replaced, never changed. */
export interface Registration {
  readonly leader: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: PartitionEpoch;
  readonly isr: readonly NodeId[];
  readonly replicas: readonly NodeId[];
}

/** A batch that somebody outside was promised or shown before the cluster had committed it. */
export interface Promised {
  readonly batch: Batch;
  readonly node: string;
}

/** Truth about one partition: what is committed for good, and who really leads. */
export class PartitionGhost {
  readonly name: PartitionName;
  readonly topic: string;
  /** The metadata log has no ISR and no acknowledgements. */
  readonly isMetadata: boolean;
  /** The canonical log: what a leader ever had below its high watermark. */
  readonly committed: GhostLog = new GhostLog();
  /** Highest high watermark that any leader reached. */
  trueHighWatermark: Offset = 0;
  /** Null until the controller's record of it is committed. */
  registration: Registration | null = null;
  /** Whom the controller made leader, by leader epoch. */
  readonly electedIn: (NodeId | undefined)[] = [];
  readonly replicas: ReplicaGhost[] = [];
  readonly #byNode: (ReplicaGhost | undefined)[] = [];
  /** As each controller last wrote it, committed or not. */
  readonly #decisions: Map<NodeId, Registration | null> = new Map();
  /** The controller that took office last. */
  #office: NodeId = -1;
  /** Acknowledged with acks=all although not below `trueHighWatermark`: empty in a correct Kafka. */
  readonly ackedAhead: Promised[] = [];
  /** Likewise, shown to consumers. */
  readonly exposedAhead: Promised[] = [];

  constructor(name: PartitionName, isMetadata: boolean) {
    this.name = name;
    this.topic = name.slice(0, name.lastIndexOf("-"));
    this.isMetadata = isMetadata;
  }

  replica(node: NodeId): ReplicaGhost | undefined {
    return this.#byNode[node];
  }

  addReplica(replica: ReplicaGhost): void {
    this.replicas.push(replica);
    this.#byNode[replica.node.nodeId] = replica;
  }

  /** As written last by the controller in office; ahead of `registration` for a moment. */
  get decided(): Registration | null {
    const { registration } = this;
    const decision = this.#decisions.get(this.#office) ?? null;
    if (decision === null || registration === null) return decision ?? registration;
    return decision.partitionEpoch >= registration.partitionEpoch ? decision : registration;
  }

  /** What that controller builds its next decision on; null before the partition exists. */
  decidedBy(controller: NodeId): Registration | null {
    return this.#decisions.get(controller) ?? this.registration;
  }

  decide(controller: NodeId, registration: Registration): void {
    if (this.#office === -1) this.#office = controller;
    this.#decisions.set(controller, registration);
  }

  /** A controller took office: what others decided and did not commit is void for it. */
  takenOver(controller: NodeId): void {
    this.#office = controller;
    this.#decisions.set(controller, this.registration);
  }

  /** Whether the controller has that broker in the ISR. */
  inCommittedIsr(node: NodeId): boolean {
    return this.registration !== null && this.registration.isr.includes(node);
  }
}
