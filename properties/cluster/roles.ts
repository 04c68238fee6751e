import type { Ghost } from "../ghost/ghost.ts";
import type { RoleName } from "./vocabulary.ts";

/** The node id that a role means now; -1 for nobody. */
export function resolveRole(ghost: Ghost, role: RoleName, of: string | undefined): number {
  if (role === "active-controller") return ghost.activeController;
  const partition = of === undefined ? undefined : ghost.partitions.get(of);
  const registration = partition?.registration;
  if (of === undefined || registration === undefined || registration === null) return -1;
  const { leader, isr, replicas } = registration;
  switch (role) {
    case "leader":
      return leader;
    case "presumed-leader":
      return ghost.presumedLeader(of);
    case "isr-follower":
      return isr.find((node) => node !== leader) ?? -1;
    case "lagging-replica":
      return replicas.find((node) => !isr.includes(node)) ?? -1;
    case "last-isr-member":
      return isr.length === 1 ? (isr[0] ?? -1) : -1;
  }
}
