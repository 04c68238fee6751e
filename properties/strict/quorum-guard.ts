/**
 * The strict profile's rule for voters: a fault that may destroy what a voter has strikes only while a
 * majority of voters without it holds all committed metadata on disks that no fault has touched.
 */
import type { Ghost } from "../ghost/ghost.ts";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import type { Attempt, WorldView } from "./strict-profile.ts";

export class QuorumGuard {
  readonly #ghost: Ghost;
  readonly #world: WorldView;
  /** Names of the voters. */
  readonly #voters: readonly string[];

  constructor(ghost: Ghost, world: WorldView, voters: readonly string[]) {
    this.#ghost = ghost;
    this.#world = world;
    this.#voters = voters;
  }

  isVoter(name: string): boolean {
    return this.#voters.includes(name);
  }

  /** Whether the voters among the nodes that are struck may lose what the fault can take. */
  canSpare({ kind, nodes }: Attempt): boolean {
    const struck = this.#voters.filter((name) => nodes.includes(name));
    // A voter syncs what it acknowledges: a loss of power takes nothing that anybody counted.
    const keepsAll = (name: string): boolean => kind === "power-loss" && !this.#isDamaged(name);
    if (struck.every(keepsAll)) return true;
    const left = this.#voters.filter((name) => !nodes.includes(name) && this.#holdsAll(name));
    return left.length > this.#voters.length / 2;
  }

  /**
   * Whether a quorum goes on for that broker once the nodes `without` are struck: a majority of voters
   * is up, undisturbed and seen by the broker; and the active controller, or each one that could follow
   * it, sees a majority of them.
   */
  serves(broker: string, without: readonly string[]): boolean {
    const isNear = (one: string, other: string): boolean =>
      one === other || !this.#world.hasFaultyLink(one, other);
    const sound = this.#voters.filter(
      (name) => !without.includes(name) && this.#isSound(name) && isNear(name, broker),
    );
    const active = this.#nameOf(this.#ghost.activeController);
    if (active === null) return false;
    if (!sound.includes(active) && !without.includes(active)) return false;
    const leaders = sound.includes(active) ? [active] : sound;
    const isMajority = (count: number): boolean => count > this.#voters.length / 2;
    return (
      isMajority(sound.length) &&
      leaders.every((leader) => isMajority(sound.filter((name) => isNear(name, leader)).length))
    );
  }

  #isSound(name: string): boolean {
    const world = this.#world;
    return world.isUp(name) && !world.isPaused(name) && !world.hasStandingFault(name);
  }

  #holdsAll(name: string): boolean {
    const { quorum, partitions } = this.#ghost;
    const log = partitions.get(METADATA_PARTITION);
    const node = this.#ghost.nodes.find((candidate) => candidate.name === name);
    if (node === undefined || this.#isDamaged(name)) return false;
    if (!quorum.member(node.nodeId).hasOriginalDisk) return false;
    const replica = log?.replica(node.nodeId);
    if (log === undefined || replica === undefined) return false;
    const end = log.trueHighWatermark;
    return replica.syncedEnd >= end && replica.log.samePrefix(log.committed, end);
  }

  #isDamaged(name: string): boolean {
    const node = this.#ghost.nodes.find((candidate) => candidate.name === name);
    if (node?.damaged !== true) return false;
    return this.#world.damagedFiles(name).some((path) => path.includes(METADATA_PARTITION));
  }

  #nameOf(nodeId: number): string | null {
    return this.#ghost.nodes.find((node) => node.nodeId === nodeId)?.name ?? null;
  }
}
