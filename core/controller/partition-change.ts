/**
 * What becomes of a partition when its ISR changes or brokers come and go: the next ISR, leader and
 * recovery state (PartitionChangeBuilder.java). Without ELR (KIP-966): the ISR is never empty.
 */
import type { NodeId, TopicId, Uuid } from "../ids.ts";
import { NO_NODE } from "../ids.ts";
import type { PartitionRegistration } from "../metadata/image.ts";
import type { PartitionChangeRecord } from "../metadata/records.ts";
import type { LeaderRecoveryState } from "../protocol/alter-partition.ts";
import type { ElectionRules } from "./election-rules.ts";

export interface PartitionChangeRequest {
  readonly topicId: TopicId;
  readonly partitionId: number;
  readonly partition: PartitionRegistration;
  /** Possibly empty: then the last member stays. */
  readonly targetIsr: readonly NodeId[];
  /** What the leader says of its recovery; unchanged otherwise. */
  readonly recoveryState: LeaderRecoveryState;
  /** Prefer the first replica over a leader that may go on. */
  readonly isPreferred: boolean;
  readonly isUncleanAllowed: boolean;
  isAcceptable(replica: NodeId): boolean;
  /** New log directories of the replicas; absent: unchanged. */
  readonly directories?: readonly Uuid[];
}

export interface PartitionChange {
  readonly record: PartitionChangeRecord;
  readonly isUnclean: boolean;
}

interface Election {
  readonly leader: NodeId;
  readonly isUnclean: boolean;
}

/** Null when nothing changes. */
export function partitionChange(
  rules: ElectionRules,
  request: PartitionChangeRequest,
): PartitionChange | null {
  const { topicId, partitionId, partition, targetIsr, directories } = request;
  const { leader, isUnclean } = electLeader(rules, request);
  const kept = rules.keptIsr(targetIsr, partition.isr);
  const isr = isUnclean ? rules.isrOfUncleanLeader(leader, kept) : kept;
  const recovery = rules.recoveryState(isUnclean, request.recoveryState);
  const newLeader = rules.bumpsLeaderEpoch(leader, partition.leader);
  const newIsr = !isSameList(isr, partition.isr);
  const newRecovery = recovery !== partition.leaderRecoveryState;
  if (!newLeader && !newIsr && !newRecovery && directories === undefined) return null;
  const record: PartitionChangeRecord = {
    type: "PartitionChange",
    topicId,
    partitionId,
    isr: newIsr ? isr : null,
    leader: newLeader ? leader : null,
    leaderRecoveryState: newRecovery ? recovery : null,
    ...(directories === undefined ? {} : { directories }),
  };
  return { record, isUnclean };
}

/** The present leader if it may go on, else the first replica that may lead, else nobody. */
function electLeader(rules: ElectionRules, request: PartitionChangeRequest): Election {
  const { partition, targetIsr, isPreferred, isUncleanAllowed } = request;
  const { replicas, leader } = partition;
  const mayLead = (replica: NodeId): boolean =>
    rules.mayLead(targetIsr.includes(replica), request.isAcceptable(replica));
  const preferred = replicas[0] ?? NO_NODE;
  const keepsLeader = rules.keepsLeader(isPreferred, mayLead(preferred));
  if (keepsLeader && leader !== NO_NODE && mayLead(leader)) return { leader, isUnclean: false };
  const clean = replicas.find(mayLead);
  if (clean !== undefined) return { leader: clean, isUnclean: false };
  const unclean = replicas.find((replica) =>
    rules.mayLeadUncleanly(isUncleanAllowed, request.isAcceptable(replica)),
  );
  return unclean === undefined
    ? { leader: NO_NODE, isUnclean: false }
    : { leader: unclean, isUnclean: true };
}

function isSameList(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((id, at) => id === b[at]);
}
