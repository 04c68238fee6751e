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
import type { Batch } from "../../core/record/batch.ts";
import type { CopyFate, Destruction } from "../ghost/canon.ts";
import { destroyedAt } from "../ghost/canon.ts";
import type { FaultRecord } from "../ghost/fault-record.ts";
import type { LossJudge } from "../ghost/commitments.ts";
import { sameBatch } from "../ghost/ghost-log.ts";
import type { Election } from "../ghost/partition-ghost.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";

/** Judges by the faults that struck the copies. */
export function lossJudge(faults: FaultRecord): LossJudge {
  return ({ leader, leaderEpoch, election, destroyed, offset, batch, at }) => {
    const { partition, node } = leader;
    const own = destroyedAt(destroyed, offset);
    const wasInIsr = election.previousIsr.includes(node.nodeId);
    if (wasInIsr ? own === undefined : !mayBeUnclean(election)) return null;
    for (const member of election.electable ?? election.previousIsr) {
      const other = partition.replica(member);
      if (other === undefined || other === leader) continue;
      if (other.node.online && holds(other, batch)) return null;
    }
    const others = partition.replicas.filter((replica) => replica !== leader);
    const fates = [leader, ...others].map((replica) => {
      const isHeld = holds(replica, batch);
      const isLeader = replica === leader;
      const taken = isLeader ? destroyed : replica.destroyed;
      return fateOf({ replica, destroyed: taken, offset, at, isHeld, isLeader, faults });
    });
    return {
      at,
      offset,
      leader: node.name,
      leaderEpoch,
      how: wasInIsr && own !== undefined ? own.kind : "unclean election",
      copies: fates,
    };
  };
}

/** Where the topic allows it, or an admin asks for it in so many words (KIP-460). */
function mayBeUnclean({ unclean, uncleanAllowed, why }: Election): boolean {
  return unclean && (uncleanAllowed || why === "elect-leaders");
}

function holds({ log }: ReplicaGhost, batch: Batch | undefined): boolean {
  const held = batch === undefined ? undefined : log.batchAt(batch.baseOffset);
  return batch !== undefined && held !== undefined && sameBatch(batch, held);
}

interface Copy {
  readonly replica: ReplicaGhost;
  readonly destroyed: readonly Destruction[];
  readonly offset: Offset;
  readonly at: number;
  readonly isHeld: boolean;
  readonly isLeader: boolean;
  readonly faults: FaultRecord;
}

function fateOf({ replica, destroyed, offset, at, isHeld, isLeader, faults }: Copy): CopyFate {
  const { node, partition } = replica;
  const own = destroyedAt(destroyed, offset);
  if (own !== undefined && !isHeld) {
    return { node: node.name, fate: "destroyed", faults: own.faults };
  }
  // It went down with the power, and what it had not synced is gone, although nobody has looked yet.
  if (!isLeader && replica.lostPower && replica.syncedEnd <= offset) {
    const blackouts = faults.on(node.name, "power-loss", replica.openedAt, at);
    return { node: node.name, fate: "destroyed", faults: blackouts };
  }
  const isMember = partition.inCommittedIsr(node.nodeId) && !isLeader;
  const causes = isMember ? faults.culprits([node.name], at, at) : replica.leftIsrBy;
  return { node: node.name, fate: isHeld ? "not eligible" : "never had it", faults: causes };
}
