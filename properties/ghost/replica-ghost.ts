import type { FactOf, ProducerEntry } from "../../core/facts.ts";
import type {
  BrokerEpoch,
  LeaderEpoch,
  NodeId,
  Offset,
  PartitionEpoch,
  ProducerId,
} from "../../core/ids.ts";
import type { Destruction } from "./canon.ts";
import type { Forgetting } from "./forgotten-producers.ts";
import { GhostLog } from "./ghost-log.ts";
import type { NodeGhost } from "./node-ghost.ts";
import type { PartitionGhost } from "./partition-ghost.ts";
import type { ScannedProducer } from "./producer-scan.ts";
import { ProducerScan } from "./producer-scan.ts";

/** What a leader last heard from one follower, and the furthest it ever heard. */
export interface FollowerFetch {
  furthest: Offset;
  last: Offset;
  brokerEpoch: BrokerEpoch;
  /** End of the leader's log at that time. */
  leaderEnd: Offset;
  /**
   * When it last had all that the leader had then, or at the fetch before (Replica.scala), in
   * microseconds; -1 for never.
   */
  caughtUpAt: number;
}

/** An ISR change that a leader asked for. */
export interface Proposal {
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: PartitionEpoch;
  readonly isr: readonly NodeId[];
  /** Of each member, in its last fetch before the proposal; -1 for none. */
  readonly brokerEpochs: readonly BrokerEpoch[];
}

/** Truth about one replica of one partition. What the replica *believes* is named as belief. */
export class ReplicaGhost {
  readonly partition: PartitionGhost;
  readonly node: NodeGhost;
  readonly log: GhostLog = new GhostLog();
  readonly scan: ProducerScan = new ProducerScan(this.log);
  /** False between a start of the process and the opening of this log. */
  loaded: boolean = true;
  /** All batches below it survive a loss of power. */
  syncedEnd: Offset = 0;
  highWatermark: Offset = 0;
  /**
   * Highest end up to which its node ever had it synced, on the disk that it began with, and that no
   * leader has had it cut since: what damage may have taken was there once.
   */
  onceSyncedEnd: Offset = 0;
  /** Of the metadata: all before it was deleted from its disk, since a snapshot stands for it. */
  logStartOffset: Offset = 0;
  /** All before it was deleted from its disk once: its epoch cache has forgotten that. */
  deletedBelow: Offset = 0;
  /** When the process opened it, in microseconds. */
  openedAt: number = 0;
  /** When the process started that opened it last. */
  usedSince: number = 0;
  /** What it may not know of producers, by a fault that excuses it; null: it must know all. */
  forgetting: Forgetting | null = null;
  /** A loss of power struck since this log was open last. */
  lostPower: boolean = false;
  /**
   * It came back with less than it had, by a fault that excuses it, and the ISR has it still: until
   * it leaves, or is registered anew, its leader counts on what is gone.
   */
  struck: boolean = false;
  /** Parts of its log that faults took since it last entered the ISR. */
  readonly destroyed: Destruction[] = [];
  /** Faults that had a part in its leaving the ISR, last time. */
  leftIsrBy: readonly string[] = [];
  /** Leader epoch in which it last moved its high watermark; -1 for one that came from its disk. */
  highWatermarkEpoch: LeaderEpoch = -1;

  role: "none" | "leader" | "follower" = "none";
  /** Latest leader epoch that it took part in, in this incarnation. */
  leaderEpoch: LeaderEpoch = -1;
  partitionEpoch: PartitionEpoch = -1;
  /** Follower: whom it believes to lead. */
  believedLeader: NodeId = -1;

  /** Whom the process before followed when it ended; -1 for nobody. */
  followed: NodeId = -1;

  /** Leader: the epoch in which its uninterrupted leadership began. */
  ledSince: LeaderEpoch = -1;
  /** Leader: end of its log when the current epoch began. */
  epochStart: Offset = 0;
  believedIsr: readonly NodeId[] = [];
  believedReplicas: readonly NodeId[] = [];
  /** Leader: producers that it knew when the current epoch began. */
  producersAtStart: readonly ProducerEntry[] = [];
  /** Leader: by follower, since its uninterrupted leadership began. */
  readonly fetches: (FollowerFetch | undefined)[] = [];
  proposal: Proposal | null = null;
  /** Leader: when something last made it look at its high watermark, in microseconds. */
  lookedAt: number = -1;
  /** Leader: the replicas that its high watermark last waited for. */
  counted: readonly NodeId[] = [];

  /** Follower: highest that leaders told it, or what it started with. */
  toldHighWatermark: Offset = 0;
  /** Whom its fetcher of this partition asks; -1 without one. */
  fetcherLeader: NodeId = -1;
  /** The fetcher gave up until the next leadership. */
  fetcherStopped: boolean = false;

  constructor(partition: PartitionGhost, node: NodeGhost) {
    this.partition = partition;
    this.node = node;
  }

  /** Process up, log open, directory online: its log counts. A paused process is running. */
  get isRunning(): boolean {
    return this.loaded && this.node.running && this.node.online;
  }

  /** It leads because the controller wants this process to: nobody was made leader in a later epoch. */
  get wasMadeLeader(): boolean {
    const { registration, decided, isMetadata } = this.partition;
    if (isMetadata || !this.node.registered) return false;
    return (
      this.leaderEpoch >= Math.max(registration?.leaderEpoch ?? -1, decided?.leaderEpoch ?? -1)
    );
  }

  /** It may know nothing of that producer, which appended nothing since. */
  mayHaveForgotten({ batches }: ScannedProducer): boolean {
    return this.forgetting !== null && (batches.at(-1)?.lastOffset ?? -1) < this.forgetting.below;
  }

  /** Leader: it has forgotten that producer, so that it takes any sequence of it. */
  leadsWithout(producerId: ProducerId, producer: ScannedProducer): boolean {
    if (!this.mayHaveForgotten(producer)) return false;
    return !this.producersAtStart.some((known) => known.producerId === producerId);
  }

  get presumesLeadership(): boolean {
    return this.role === "leader" && this.node.running;
  }

  /** It acts as leader from here on. */
  lead(fact: FactOf<"became-leader">): void {
    const { leaderEpoch, endOffset, highWatermark } = fact;
    const led = this.role === "leader";
    if (!fact.alreadyLed || !led) {
      this.ledSince = leaderEpoch;
      this.fetches.length = 0;
    }
    if (this.leaderEpoch !== leaderEpoch || !led) this.epochStart = endOffset;
    this.role = "leader";
    this.leaderEpoch = leaderEpoch;
    this.partitionEpoch = fact.partitionEpoch;
    this.believedLeader = this.node.nodeId;
    this.believedIsr = fact.isr;
    this.believedReplicas = fact.replicas;
    this.producersAtStart = fact.producers;
    this.highWatermark = highWatermark;
    this.highWatermarkEpoch = leaderEpoch;
    this.proposal = null;
  }

  /** It follows from here on. */
  follow({ leaderEpoch, leader }: FactOf<"became-follower">): void {
    if (this.role === "leader") this.toldHighWatermark = this.highWatermark;
    this.role = "follower";
    this.leaderEpoch = leaderEpoch;
    this.believedLeader = leader;
    this.ledSince = -1;
    this.fetches.length = 0;
    this.proposal = null;
  }

  /** As leader it took note of a follower's fetch. */
  heardFrom({ follower, fetchOffset, brokerEpoch }: FactOf<"follower-fetched">, at: number): void {
    const known = this.fetches[follower];
    const leaderEnd = this.log.end;
    if (known === undefined) {
      const caughtUpAt = fetchOffset >= leaderEnd ? at : -1;
      const [furthest, last] = [fetchOffset, fetchOffset];
      this.fetches[follower] = { furthest, last, brokerEpoch, leaderEnd, caughtUpAt };
      this.lookedAt = at;
      return;
    }
    if (fetchOffset >= Math.min(leaderEnd, known.leaderEnd)) known.caughtUpAt = at;
    if (fetchOffset !== known.last) this.lookedAt = at;
    known.leaderEnd = leaderEnd;
    known.last = fetchOffset;
    known.brokerEpoch = brokerEpoch;
    if (fetchOffset > known.furthest) known.furthest = fetchOffset;
  }

  /** As leader it asked for another ISR. */
  propose({ leaderEpoch, partitionEpoch, proposedIsr: isr }: FactOf<"isr-proposed">): void {
    const brokerEpochs = isr.map((node) => this.fetches[node]?.brokerEpoch ?? -1);
    this.proposal = { leaderEpoch, partitionEpoch, isr, brokerEpochs };
  }

  fetchFrom(leader: NodeId): void {
    this.fetcherLeader = leader;
    this.fetcherStopped = false;
  }

  stopFetching(why: FactOf<"fetcher-removed">["why"]): void {
    this.fetcherLeader = -1;
    this.fetcherStopped = why === "failed" || why === "fenced" || why === "stopped";
  }

  /** A process starts: beliefs are gone, the log is on the disk. */
  forgetBeliefs(): void {
    this.loaded = false;
    this.followed = this.role === "follower" ? this.believedLeader : -1;
    this.role = "none";
    this.leaderEpoch = -1;
    this.partitionEpoch = -1;
    this.believedLeader = -1;
    this.ledSince = -1;
    this.believedIsr = [];
    this.producersAtStart = [];
    this.fetches.length = 0;
    this.proposal = null;
    this.fetcherLeader = -1;
    this.fetcherStopped = false;
  }
}
