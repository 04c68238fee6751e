/**
 * A leader takes office without everything committed: is that legal? Only by copies. Kafka elects a
 * member of the ISR that is alive, or, where the topic allows it and no such member is left, any
 * replica that is alive (PartitionChangeBuilder.java). So a loss is legal when
 *
 * - the leader was a member of the ISR and a fault destroyed its own copy; being in the ISR it was
 *   held to have everything (without ELR, KIP-966, that is known: the "last replica standing"), or
 * - it was elected from outside the ISR, the topic allowing it,
 *
 * and in either case no other member of the ISR that could have been elected has a copy. Anything else
 * is a violation: B1 reports it.
 */
import type { Offset } from "../../core/ids.ts";
import type { CommittedLoss, CopyFate } from "../ghost/canon.ts";
import { destroyedAt } from "../ghost/canon.ts";
import type { FaultRecord } from "../ghost/fault-record.ts";
import type { LossJudge } from "../ghost/ghost.ts";
import { sameBatch } from "../ghost/ghost-log.ts";
import type { Election } from "../ghost/partition-ghost.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";

export function lossJudge(faults: FaultRecord): LossJudge {
  return (leader, offset, leaderEpoch, at) => {
    const { partition, node } = leader;
    const election = electionOf(leader, leaderEpoch);
    if (election === undefined) return null;
    const own = destroyedAt(leader.destroyed, offset);
    const wasInIsr = election.previousIsr.includes(node.nodeId);
    if (wasInIsr ? own === undefined : !mayBeUnclean(election)) return null;
    for (const member of election.electable ?? election.previousIsr) {
      const other = partition.replica(member);
      if (other === undefined || other === leader) continue;
      if (other.node.online && holds(other, offset)) return null;
    }
    const others = partition.replicas.filter((replica) => replica !== leader);
    const fates = [leader, ...others].map((replica) =>
      fateOf(replica, offset, at, replica === leader, faults),
    );
    const loss: CommittedLoss = {
      at,
      offset,
      leader: node.name,
      leaderEpoch,
      how: wasInIsr && own !== undefined ? own.kind : "unclean election",
      copies: fates,
    };
    return loss;
  };
}

/**
 * How that leader came to be trusted: the election of that epoch, or an unclean one before, in which it
 * never took office, but which left it as the only member of the ISR.
 */
function electionOf({ partition, node }: ReplicaGhost, leaderEpoch: number): Election | undefined {
  for (let epoch = leaderEpoch; epoch > partition.judgedEpoch; epoch -= 1) {
    const election = partition.elections[epoch];
    if (election?.unclean === true && election.leader === node.nodeId) return election;
  }
  return partition.elections[leaderEpoch];
}

/** Where the topic allows it, or an admin asks for it in so many words (KIP-460). */
function mayBeUnclean({ unclean, uncleanAllowed, why }: Election): boolean {
  return unclean && (uncleanAllowed || why === "elect-leaders");
}

function holds({ log, partition }: ReplicaGhost, offset: Offset): boolean {
  const want = partition.committed.batchAt(offset);
  const held = log.batchAt(offset);
  return want !== undefined && held !== undefined && sameBatch(want, held);
}

function fateOf(
  replica: ReplicaGhost,
  offset: Offset,
  at: number,
  isLeader: boolean,
  faults: FaultRecord,
): CopyFate {
  const { node, partition } = replica;
  const own = destroyedAt(replica.destroyed, offset);
  if (own !== undefined) return { node: node.name, fate: "destroyed", faults: own.faults };
  // It went down with the power, and what it had not synced is gone, although nobody has looked yet.
  if (!isLeader && replica.lostPower && replica.syncedEnd <= offset) {
    const blackouts = faults.on(node.name, "power-loss", replica.openedAt, at);
    return { node: node.name, fate: "destroyed", faults: blackouts };
  }
  const isMember = partition.inCommittedIsr(node.nodeId) && !isLeader;
  const causes = isMember ? faults.culprits([node.name], at, at) : replica.leftIsrBy;
  const fate = holds(replica, offset) ? "not eligible" : "never had it";
  return { node: node.name, fate, faults: causes };
}
