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
import type { NodeId, Offset } from "../../core/ids.ts";
import type { CommittedLoss, CopyFate } from "../ghost/canon.ts";
import { destroyedAt } from "../ghost/canon.ts";
import type { FaultRecord } from "../ghost/fault-record.ts";
import type { Ghost, LossJudge } from "../ghost/ghost.ts";
import { sameBatch } from "../ghost/ghost-log.ts";
import type { Election } from "../ghost/partition-ghost.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";

/** `ghost` is asked when a loss is judged, not before: the judge is one of its parts. */
export function lossJudge(ghost: () => Ghost, faults: FaultRecord): LossJudge {
  return (leader, offset, leaderEpoch, at) => {
    const { partition, node } = leader;
    const election = partition.elections[leaderEpoch];
    if (election === undefined) return null;
    const own = destroyedAt(leader.destroyed, offset);
    const wasInIsr = election.previousIsr.includes(node.nodeId);
    if (wasInIsr ? own === undefined : !mayBeUnclean(election)) return null;
    const { metadata } = ghost();
    const isElectable = (id: NodeId): boolean => {
      const broker = metadata.brokers.get(id);
      return broker !== undefined && !broker.fenced && !broker.inControlledShutdown;
    };
    for (const member of election.previousIsr) {
      const other = partition.replica(member);
      if (other === undefined || other === leader || !isElectable(member)) continue;
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
