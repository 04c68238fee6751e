import type { NodeId, Uuid } from "../ids.ts";
import { UNASSIGNED_DIRECTORY } from "../ids.ts";
import type { LeaderRecoveryState } from "../protocol/alter-partition.ts";

/** Who may lead (PartitionChangeBuilder.java). */
export class ElectionRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    isAcceptable: "KIP-631; ReplicationControlManager.java",
    hasOnlineDirectory: "KIP-858; DirectoryId.java",
    mayLead: "KIP-631; PartitionChangeBuilder.java",
    mayLeadUncleanly: "KIP-106; PartitionChangeBuilder.java",
    keepsLeader: "KIP-631; PartitionChangeBuilder.java",
    keptIsr: "KIP-631; PartitionChangeBuilder.java",
    isrOfUncleanLeader: "KIP-704; PartitionChangeBuilder.java",
    recoveryState: "KIP-704; PartitionChangeBuilder.java",
    bumpsLeaderEpoch: "KAFKA-15021; PartitionChangeBuilder.java",
    preferredNeeded: "KIP-460; ReplicationControlManager.java",
    uncleanNeeded: "KIP-460; ReplicationControlManager.java",
    mayTakePart: "KIP-841; ReplicationControlManager.java",
  };

  /** Whether a replica can be thought of as a leader while `removed` goes and `added` comes. */
  isAcceptable(replica: NodeId, removed: NodeId, added: NodeId, isActive: boolean): boolean {
    return replica !== removed && (replica === added || isActive);
  }

  /**
   * A replica whose log directory its broker does not have any more is gone, even when the broker is
   * back: on another disk it begins empty. A broker that names no directories has all of them.
   */
  hasOnlineDirectory(assigned: Uuid, ofBroker: readonly Uuid[]): boolean {
    if (assigned === UNASSIGNED_DIRECTORY || ofBroker.length === 0) return true;
    return ofBroker.includes(assigned);
  }

  /** A clean leader is an acceptable member of the ISR. */
  mayLead(isInIsr: boolean, isAcceptable: boolean): boolean {
    return isInIsr && isAcceptable;
  }

  /** Without a clean one, any acceptable replica, if the topic (or the admin) allows it. */
  mayLeadUncleanly(isAllowed: boolean, isAcceptable: boolean): boolean {
    return isAllowed && isAcceptable;
  }

  /** A leader that may go on goes on, unless the preferred one is asked for and may lead. */
  keepsLeader(isPreferredElection: boolean, preferredMayLead: boolean): boolean {
    return !(isPreferredElection && preferredMayLead);
  }

  /** The last member of an ISR stays in it when it goes: it alone has all that was committed. */
  keptIsr(remaining: readonly NodeId[], isr: readonly NodeId[]): readonly NodeId[] {
    return remaining.length === 0 ? isr : remaining;
  }

  /** An unclean leader begins alone: the others must take over its log first. */
  isrOfUncleanLeader(leader: NodeId, _isr: readonly NodeId[]): readonly NodeId[] {
    return [leader];
  }

  recoveryState(isUnclean: boolean, state: LeaderRecoveryState): LeaderRecoveryState {
    return isUnclean ? 1 : state;
  }

  /** A new leader epoch only for a new leader, never for a mere change of the ISR. */
  bumpsLeaderEpoch(leader: NodeId, previousLeader: NodeId): boolean {
    return leader !== previousLeader;
  }

  preferredNeeded(leader: NodeId, preferred: NodeId): boolean {
    return leader !== preferred;
  }

  uncleanNeeded(leader: NodeId): boolean {
    return leader < 0;
  }

  /** Which replicas of a new partition begin in its ISR. */
  mayTakePart(isFenced: boolean, isShuttingDown: boolean): boolean {
    return !isFenced && !isShuttingDown;
  }
}
