import type {
  LeaderEpoch,
  NodeId,
  Offset,
  PartitionEpoch,
  PartitionName,
  Uuid,
} from "../../core/ids.ts";
import type { Batch } from "../../core/record/batch.ts";
import type { Canon, Commit, CommittedLoss, LostBatch } from "./canon.ts";
import { PastEra } from "./canon.ts";
import type { Unrecognised } from "./forgotten-producers.ts";
import { GhostLog } from "./ghost-log.ts";
import type { Reign } from "./reign.ts";
import type { ReplicaGhost } from "./replica-ghost.ts";

/** A partition as the controller has it. Replaced, never changed. */
export interface Registration {
  readonly leader: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: PartitionEpoch;
  readonly isr: readonly NodeId[];
  readonly replicas: readonly NodeId[];
}

/** What the controller decided when it made a leader, and from whom it chose. */
export interface Election {
  readonly leader: NodeId;
  readonly why: string;
  readonly previousIsr: readonly NodeId[];
  readonly unclean: boolean;
  readonly uncleanAllowed: boolean;
  /** Those of the previous ISR that were alive when it was committed; null before. */
  electable: readonly NodeId[] | null;
}

/** A batch that somebody outside was promised or shown before the cluster had committed it. */
export interface Promised {
  readonly batch: Batch;
  readonly node: string;
}

const FORGOTTEN_AT_ONCE = 256;

/** Truth about one partition: what is committed for good, and who really leads. */
export class PartitionGhost implements Canon {
  readonly name: PartitionName;
  readonly topic: string;
  /** Its number within the topic. */
  readonly index: number;
  /** The metadata log has no ISR and no acknowledgements. */
  readonly isMetadata: boolean;
  /** The canonical log: what a leader ever had below its high watermark. */
  readonly committed: GhostLog = new GhostLog();
  /** Highest high watermark that any leader reached. */
  trueHighWatermark: Offset = 0;
  /** Null until the controller's record of it is committed. */
  registration: Registration | null = null;
  /** Where the controller has the replicas, in their order; empty: nowhere in particular. */
  directories: readonly Uuid[] = [];
  /** Up to this leader epoch it is known whether the leader had everything, and who was electable. */
  judgedEpoch: LeaderEpoch = -1;
  committedEpoch: LeaderEpoch = -1;
  /** Of leaders that may lack what a deposed one commits; in the order of their epochs. */
  readonly reigns: Reign[] = [];
  /** Whom the controller made leader, by leader epoch. */
  readonly electedIn: (NodeId | undefined)[] = [];
  /** Who led from when on, in microseconds; -1 for nobody. */
  readonly leaders: { readonly node: NodeId; readonly at: number }[] = [];
  /** By leader epoch. */
  readonly elections: (Election | undefined)[] = [];
  /** Of each batch of `committed`. */
  readonly commits: Commit[] = [];
  /** In the order of their epochs; none where nothing committed was ever lost. */
  readonly pastEras: PastEra[] = [];
  /** In the order in which they came to light. */
  readonly losses: CommittedLoss[] = [];
  readonly replicas: ReplicaGhost[] = [];
  /**
   * Damage that Kafka cannot find out has hit one of its logs: bits that no CRC covers, or a hole below
   * the recovery point. Nothing is promised any more.
   */
  isBeyondPromise: boolean = false;
  /** Oldest first; see there. */
  readonly unrecognised: Unrecognised[] = [];
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
    this.index = Number(name.slice(this.topic.length + 1));
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
    return this.#decisions.get(controller) ?? null;
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

  /**
   * How a leader came to be trusted: by the election of its epoch, or by an unclean one since the last
   * leader was judged, in which it did not take office, but which left it alone in the ISR.
   */
  electionBehind(leaderEpoch: LeaderEpoch, node: NodeId): Election | undefined {
    for (let epoch = leaderEpoch; epoch > this.judgedEpoch; epoch -= 1) {
      const election = this.elections[epoch];
      if (election?.unclean === true && election.leader === node) return election;
    }
    return this.elections[leaderEpoch];
  }

  /**
   * Forgets what all replicas have deleted from the start of their logs: a cluster that idles for hours
   * would fill the memory with it. Some of it at a time, since each time costs all that is kept.
   */
  forgetDeleted(): void {
    let start = Infinity;
    for (const { logStartOffset } of this.replicas) start = Math.min(start, logStartOffset);
    if (this.committed.countBelow(start) < FORGOTTEN_AT_ONCE) return;
    this.commits.splice(0, this.committed.forgetBefore(start));
    for (const { log } of this.replicas) log.forgetBefore(start);
  }

  /** That log has everything committed, and it is the committed content. */
  isHeldBy(log: GhostLog): boolean {
    const { committed, trueHighWatermark } = this;
    return log.end >= trueHighWatermark && log.samePrefix(committed, committed.end);
  }

  isLastInIsr(node: NodeId): boolean {
    const isr = this.registration?.isr;
    return isr !== undefined && isr.length === 1 && isr[0] === node;
  }

  /** What is committed for a broker that is in that leader epoch. */
  canonOf(epoch: LeaderEpoch): Canon {
    return this.pastEraOf(epoch) ?? this;
  }

  pastEraOf(epoch: LeaderEpoch): PastEra | null {
    const { pastEras } = this;
    for (let index = 0; index < pastEras.length; index += 1) {
      const era = pastEras[index] as PastEra;
      if (epoch < era.until) return era;
    }
    return null;
  }

  /** What was committed below it for a broker in one of these epochs is so for one in the other. */
  commonEnd(one: LeaderEpoch, other: LeaderEpoch): Offset {
    const low = Math.min(one, other);
    const high = Math.max(one, other);
    let end = Infinity;
    for (const { until, loss } of this.pastEras) {
      if (low < until && until <= high) end = Math.min(end, loss.offset);
    }
    return end;
  }

  /** Commits what `log` has below `highWatermark`, which is news in that era (null: the present one). */
  commit(era: PastEra | null, log: GhostLog, highWatermark: Offset, by: Commit): void {
    const canon = era ?? this;
    canon.trueHighWatermark = highWatermark;
    const { committed, commits } = canon;
    let index = log.countBelow(committed.end);
    for (;;) {
      const batch = log.batches[index++];
      if (batch === undefined || batch.nextOffset > highWatermark) return;
      // A leader that lacks committed records is reported elsewhere; its log proves nothing more.
      if (batch.baseOffset !== committed.end) return;
      committed.append(batch);
      commits.push(by);
    }
  }

  /**
   * A deposed leader of that era (null: the present one) is about to commit what a later one of the
   * same era has not got: from here on it writes a book of its own, which up to there is the common one.
   */
  fork(era: PastEra | null, loss: CommittedLoss): void {
    const { committed, commits, trueHighWatermark } = era ?? this;
    const own = committed.clone();
    const kept = own.countBelow(loss.offset);
    own.truncateTo(loss.offset);
    const highWatermark = Math.min(trueHighWatermark, loss.offset);
    const forked = new PastEra(loss, own, highWatermark, commits.slice(0, kept));
    const index = era === null ? this.pastEras.length : this.pastEras.indexOf(era);
    this.pastEras.splice(index, 0, forked);
    this.losses.push(loss);
  }

  /** A leader took office without what is committed from `loss.offset` on: that is no more. */
  lose(loss: CommittedLoss): readonly LostBatch[] {
    const { committed, commits } = this;
    this.pastEras.push(new PastEra(loss, committed.clone(), this.trueHighWatermark, commits));
    this.losses.push(loss);
    const kept = committed.countBelow(loss.offset);
    const lost = committed.batches.slice(kept).map((batch, index) => ({
      batch,
      loss,
      isrSize: commits[kept + index]?.isrSize ?? 0,
      wasCommitted: true,
    }));
    committed.truncateTo(loss.offset);
    commits.length = kept;
    this.trueHighWatermark = Math.min(this.trueHighWatermark, loss.offset);
    return lost;
  }
}
