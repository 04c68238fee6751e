/**
 * What a replica does because it leads (the leader's half of Partition.scala): it follows its
 * followers, proposes ISR changes, and moves the high watermark.
 *
 * The committed ISR is what the controller is known to have; min.insync.replicas is judged by it.
 * While a proposal is under way the maximal ISR is the larger of the two; the high watermark waits
 * for all of that one (KIP-497).
 *
 * Differs from Kafka: metadata with the partition epoch that is known already does not end a pending
 * proposal. In Kafka it does (makeLeader), and then the leader counts too few replicas while the
 * controller may be committing the proposal: 1. the answer to proposal p brings epoch 6; 2. the
 * leader proposes to add C; 3. the record of epoch 6 arrives by metadata and ends that proposal;
 * 4. the controller commits it; 5. C lags, its grace ends, and the high watermark passes C, which is
 * in the ISR.
 *
 * Nor does a leader that missed an epoch keep what it knew of its followers. In Kafka it does
 * (resetReplicaState in Replica.scala), if it never followed: 1. A leads in epoch 1, B fetched up to 8;
 * 2. A hears nothing while C is elected in epoch 2, whose log ends at 7, and B cuts its own to 7;
 * 3. A is elected in epoch 3, still takes B's log to end at 8, and commits offset 7, which B lacks.
 */
import type { BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch } from "../ids.ts";
import type { PartitionRegistration } from "../metadata/image.ts";
import type { AlterPartitionData, AlterPartitionResult } from "../protocol/alter-partition.ts";
import { Errors } from "../errors.ts";
import { FollowerProgress } from "./follower-progress.ts";
import type { HighWatermarkCause } from "./isr-rules.ts";
import type { Partition } from "./partition.ts";
import type { ReplicationContext } from "./replication-context.ts";

/** An ISR that the leader asked the controller for. */
export interface IsrProposal {
  readonly partition: Partition;
  readonly change: "shrink" | "expand";
  readonly committedIsr: readonly NodeId[];
  readonly proposedIsr: readonly NodeId[];
  readonly data: AlterPartitionData;
}

/** Takes proposals to the controller, and brings the answers back to {@link LeaderState.answered}. */
export interface IsrProposals {
  /** False when an older proposal of that partition is still under way. */
  submit(proposal: IsrProposal): boolean;
}

export class LeaderState {
  /** All replicas but this broker, in the order of the assignment. */
  followers: readonly FollowerProgress[] = [];
  committedIsr: readonly NodeId[] = [];
  maximalIsr: readonly NodeId[] = [];
  pending: IsrProposal | null = null;
  /** End of this log when the present leader epoch began. */
  epochStart: Offset = 0;
  readonly #context: ReplicationContext;
  readonly #partition: Partition;
  readonly #proposals: IsrProposals;
  /** Reused by each look at the high watermark. */
  readonly #ends: Offset[] = [];

  constructor(context: ReplicationContext, partition: Partition, proposals: IsrProposals) {
    this.#context = context;
    this.#partition = partition;
    this.#proposals = proposals;
  }

  /** The follower of that id; undefined when it is no replica. */
  follower(id: NodeId): FollowerProgress | undefined {
    for (const follower of this.followers) if (follower.id === id) return follower;
    return undefined;
  }

  /** min.insync.replicas, but not more than there are replicas. */
  get minIsr(): number {
    const configured = this.#partition.log.settings["min.insync.replicas"];
    return this.#context.rules.isr.effectiveMinIsr(configured, this.followers.length + 1);
  }

  /** Takes over what the controller decided, at the start of a leader epoch and within it. */
  update(registration: PartitionRegistration, isNewEpoch: boolean, wentOn: boolean): void {
    const { rules, ports } = this.#context;
    const log = this.#partition.log;
    this.#setReplicas(registration.replicas);
    if (isNewEpoch) {
      this.epochStart = log.endOffset;
      const nowMs = ports.clock.monotonicMs();
      for (const follower of this.followers) {
        const isInIsr = registration.isr.includes(follower.id);
        follower.reset(rules, isInIsr, wentOn, log.endOffset, nowMs);
      }
      this.pending = null;
      this.#setIsr(registration.isr, registration.isr);
      this.#partition.partitionEpoch = registration.partitionEpoch;
      return;
    }
    const known = this.#partition.partitionEpoch;
    if (rules.isr.metadataReplacesPending(known, registration.partitionEpoch)) {
      this.#commit(registration.isr, registration.partitionEpoch);
    }
  }

  /** Notes a valid fetch of a follower, with this log's end before the read. */
  followerFetched(
    follower: FollowerProgress,
    fetchOffset: Offset,
    leaderEnd: Offset,
    nowMs: number,
    brokerEpoch: BrokerEpoch,
    requestLeaderEpoch: LeaderEpoch,
  ): void {
    const { rules, ports } = this.#context;
    const before = follower.endOffset;
    follower.fetched(rules, fetchOffset, leaderEnd, nowMs, brokerEpoch);
    if (ports.probe !== null) {
      ports.probe.emit({
        kind: "follower-fetched",
        partition: this.#partition.name,
        leaderEpoch: this.#partition.leaderEpoch,
        follower: follower.id,
        brokerEpoch,
        fetchOffset,
        requestLeaderEpoch,
      });
    }
    // Before the high watermark, which has to wait for whoever is about to join.
    this.#maybeExpand(follower);
    if (before !== fetchOffset) this.#partition.reconsiderHighWatermark("follower-end");
  }

  /** Proposes to drop the members of the ISR that lag for too long. */
  maybeShrink(nowMs: number): void {
    const { rules, nodeId } = this.#context;
    if (!rules.isr.mayPropose(this.pending !== null)) return;
    const kept = this.committedIsr.filter((id) => {
      if (id === nodeId) return true;
      const follower = this.follower(id);
      return follower !== undefined && this.#isCaughtUp(follower, nowMs);
    });
    if (kept.length < this.committedIsr.length) this.#propose(kept, "shrink");
  }

  /** The controller's answer to `proposal`; true when it has to be sent again. */
  answered(proposal: IsrProposal, result: AlterPartitionResult): boolean {
    // The state changed meanwhile: the answer is about something that is over.
    if (this.pending !== proposal) return false;
    const { rules, ports } = this.#context;
    if (result.errorCode === Errors.NONE) {
      const { leaderEpoch, partitionEpoch } = this.#partition;
      const accepts = rules.isr.acceptsAnswer(
        leaderEpoch,
        partitionEpoch,
        result.leaderEpoch,
        result.partitionEpoch,
      );
      if (accepts) this.#commit(result.isr, result.partitionEpoch);
      return false;
    }
    const reaction = rules.isr.afterRefusal(result.errorCode);
    if (reaction !== "roll-back") return reaction === "retry";
    this.pending = null;
    this.#setIsr(this.committedIsr, this.committedIsr);
    if (ports.probe !== null) {
      ports.probe.emit({
        kind: "isr-rolled-back",
        partition: this.#partition.name,
        leaderEpoch: this.#partition.leaderEpoch,
        isr: this.committedIsr,
      });
    }
    return false;
  }

  /** What the high watermark may be now; -1 when it may not move at all. */
  nextHighWatermark(cause: HighWatermarkCause): Offset {
    const { rules, ports } = this.#context;
    if (!rules.isr.reconsiders(cause)) return -1;
    if (!rules.isr.mayAdvance(this.committedIsr.length, this.minIsr)) return -1;
    const ends = this.#ends;
    ends.length = 0;
    ends.push(this.#partition.log.endOffset);
    for (const follower of this.followers) {
      if (follower.isInMaximalIsr) ends.push(follower.endOffset);
      else if (this.#waitsFor(follower, ports.clock.monotonicMs())) ends.push(follower.endOffset);
    }
    return rules.isr.highWatermark(ends);
  }

  /** Whom {@link nextHighWatermark} counted, for observers. */
  counted(): readonly NodeId[] {
    const nowMs = this.#context.ports.clock.monotonicMs();
    const counted = [this.#context.nodeId];
    for (const follower of this.followers) {
      if (follower.isInMaximalIsr || this.#waitsFor(follower, nowMs)) counted.push(follower.id);
    }
    return counted;
  }

  #maybeExpand(follower: FollowerProgress): void {
    const { rules } = this.#context;
    if (this.committedIsr.includes(follower.id)) return;
    if (!rules.isr.mayPropose(this.pending !== null)) return;
    const highWatermark = this.#partition.log.highWatermark;
    if (!rules.isr.mayJoin(follower.endOffset, highWatermark, this.epochStart)) return;
    if (!this.#isEligible(follower)) return;
    this.#propose([...this.committedIsr, follower.id], "expand");
  }

  #propose(proposedIsr: readonly NodeId[], change: "shrink" | "expand"): void {
    const { rules, ports } = this.#context;
    const { log, name, index, leaderEpoch, partitionEpoch } = this.#partition;
    const committedIsr = this.committedIsr;
    const proposal: IsrProposal = {
      partition: this.#partition,
      change,
      committedIsr,
      proposedIsr,
      data: {
        partitionIndex: index,
        leaderEpoch,
        newIsrWithEpochs: proposedIsr.map((brokerId) => ({
          brokerId,
          brokerEpoch: this.#epochOf(brokerId),
        })),
        leaderRecoveryState: 0,
        partitionEpoch,
      },
    };
    if (!this.#proposals.submit(proposal)) return;
    this.pending = proposal;
    this.#setIsr(committedIsr, rules.isr.maximalIsr(committedIsr, proposedIsr));
    if (ports.probe !== null) {
      ports.probe.emit({
        kind: "isr-proposed",
        partition: name,
        leaderEpoch,
        partitionEpoch,
        committedIsr,
        proposedIsr,
        change,
        highWatermark: log.highWatermark,
        endOffset: log.endOffset,
      });
    }
  }

  #commit(isr: readonly NodeId[], partitionEpoch: PartitionEpoch): void {
    const { ports } = this.#context;
    const before = this.committedIsr;
    this.pending = null;
    this.#setIsr(isr, isr);
    this.#partition.partitionEpoch = partitionEpoch;
    if (ports.probe !== null) {
      ports.probe.emit({
        kind: "isr-committed",
        partition: this.#partition.name,
        leaderEpoch: this.#partition.leaderEpoch,
        partitionEpoch,
        isr,
        added: isr.filter((id) => !before.includes(id)),
        removed: before.filter((id) => !isr.includes(id)),
      });
    }
    this.#partition.reconsiderHighWatermark("isr-committed");
    // Followers outside the ISR are looked at in each of their fetches, so that they may join.
    this.#partition.touchFollowers();
  }

  #setIsr(committed: readonly NodeId[], maximal: readonly NodeId[]): void {
    this.committedIsr = committed;
    this.maximalIsr = maximal;
    for (const follower of this.followers) {
      follower.isInMaximalIsr = maximal.includes(follower.id);
    }
  }

  #setReplicas(replicas: readonly NodeId[]): void {
    const known = this.followers;
    const { nodeId } = this.#context;
    const isSame =
      known.length === replicas.length - 1 && known.every(({ id }) => replicas.includes(id));
    if (isSame) return;
    this.followers = replicas
      .filter((id) => id !== nodeId)
      .map((id) => known.find((follower) => follower.id === id) ?? new FollowerProgress(id));
  }

  #isCaughtUp(follower: FollowerProgress, nowMs: number): boolean {
    return this.#context.rules.isr.isCaughtUp(
      follower.endOffset,
      this.#partition.log.endOffset,
      nowMs,
      follower.lastCaughtUpMs,
      this.#context.settings["replica.lag.time.max.ms"],
    );
  }

  #isEligible(follower: FollowerProgress): boolean {
    const broker = this.#context.image.brokers.get(follower.id);
    if (broker === undefined) return false;
    const { fenced, inControlledShutdown, epoch } = broker;
    return this.#context.rules.isr.isEligible(
      fenced,
      inControlledShutdown,
      follower.brokerEpoch,
      epoch,
    );
  }

  #waitsFor(follower: FollowerProgress, nowMs: number): boolean {
    const isCaughtUp = this.#isCaughtUp(follower, nowMs);
    return this.#context.rules.isr.countsOutsideIsr(isCaughtUp, this.#isEligible(follower));
  }

  /** -1 for a member that has not fetched in this leadership: the controller does not compare it. */
  #epochOf(id: NodeId): BrokerEpoch {
    if (id === this.#context.nodeId) return this.#context.brokerEpoch();
    return this.follower(id)?.brokerEpoch ?? -1;
  }
}
