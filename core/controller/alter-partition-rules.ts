import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch } from "../ids.ts";
import { NO_EPOCH } from "../ids.ts";

/** Which ISR changes the controller accepts (ReplicationControlManager.java). */
export class AlterPartitionRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    senderError: "KIP-631; ClusterControlManager.java",
    aheadError: "KAFKA-14154; ReplicationControlManager.java",
    leadershipError: "KIP-497; ReplicationControlManager.java",
    partitionEpochError: "KIP-497; ReplicationControlManager.java",
    isPossibleIsr: "KIP-497; Replicas.java",
    containsLeader: "KIP-497; ReplicationControlManager.java",
    recoveryError: "KIP-704; ReplicationControlManager.java",
    isLiveMember: "KIP-841; ReplicationControlManager.java",
    isSameIncarnation: "KIP-903; ReplicationControlManager.java",
  };

  /** Whether the whole request comes from the incarnation that is registered. */
  senderError(given: BrokerEpoch, registered: BrokerEpoch | undefined): ErrorCode {
    return given === registered ? Errors.NONE : Errors.STALE_BROKER_EPOCH;
  }

  /** A leader that knows more than this controller must look for the real one. */
  aheadError(
    givenLeaderEpoch: LeaderEpoch,
    leaderEpoch: LeaderEpoch,
    givenPartitionEpoch: PartitionEpoch,
    partitionEpoch: PartitionEpoch,
  ): ErrorCode {
    return givenLeaderEpoch > leaderEpoch || givenPartitionEpoch > partitionEpoch
      ? Errors.NOT_CONTROLLER
      : Errors.NONE;
  }

  /** Only the leader of the present epoch may change the ISR. */
  leadershipError(
    givenLeaderEpoch: LeaderEpoch,
    leaderEpoch: LeaderEpoch,
    sender: NodeId,
    leader: NodeId,
  ): ErrorCode {
    if (givenLeaderEpoch < leaderEpoch) return Errors.FENCED_LEADER_EPOCH;
    return sender === leader ? Errors.NONE : Errors.INVALID_REQUEST;
  }

  /** The change is one of the state that the leader knew: compare and set. */
  partitionEpochError(given: PartitionEpoch, partitionEpoch: PartitionEpoch): ErrorCode {
    return given < partitionEpoch ? Errors.INVALID_UPDATE_VERSION : Errors.NONE;
  }

  /** Members are replicas, each named once. */
  isPossibleIsr(isr: readonly NodeId[], replicas: readonly NodeId[]): boolean {
    return isr.every((id, at) => replicas.includes(id) && isr.indexOf(id) === at);
  }

  containsLeader(isr: readonly NodeId[], leader: NodeId): boolean {
    return isr.includes(leader);
  }

  /** A leader that recovers from an unclean election is alone, and is never made to recover again. */
  recoveryError(isRecovering: boolean, willRecover: boolean, isrSize: number): ErrorCode {
    if (willRecover && isrSize > 1) return Errors.INVALID_REQUEST;
    return willRecover && !isRecovering ? Errors.INVALID_REQUEST : Errors.NONE;
  }

  /** A broker that is fenced or shutting down may not be in an ISR. */
  isLiveMember(isFenced: boolean, isShuttingDown: boolean): boolean {
    return !isFenced && !isShuttingDown;
  }

  /** What the leader saw of a member must be its present incarnation; -1 is not compared. */
  isSameIncarnation(given: BrokerEpoch, registered: BrokerEpoch): boolean {
    return given === NO_EPOCH || given === registered;
  }
}
