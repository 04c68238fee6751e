import type { Ghost } from "./ghost.ts";
import type { PartitionGhost } from "./partition-ghost.ts";

/**
 * Damage to the voters' disks has taken committed metadata: too few voters hold it all for a majority not
 * to be found without them, and one that held it lost it to a fault. (A majority had it when it was
 * committed, C4, so that without such a voter a rule was broken.)
 */
export function isMetadataLost(ghost: Ghost, log: PartitionGhost): boolean {
  const { voters } = ghost.quorum;
  const end = log.trueHighWatermark;
  let holders = 0;
  let robbed = 0;
  for (const voter of voters) {
    const replica = log.replica(voter);
    if (replica === undefined) continue;
    if (replica.log.end >= end && replica.log.samePrefix(log.committed, end)) {
      if (ghost.quorum.member(voter).hasOriginalDisk) holders += 1;
      continue;
    }
    if (ghost.isDamaged(voter) && replica.onceSyncedEnd >= end) robbed += 1;
  }
  const majority = Math.floor(voters.length / 2) + 1;
  return voters.length - holders >= majority && robbed > 0;
}
