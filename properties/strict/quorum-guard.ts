/**
 * The strict profile's rule for voters: a fault that may destroy what a voter has strikes only while a
 * majority of voters without it holds all committed metadata on disks that no fault has touched. What a
 * voter must remember of elections has no copy elsewhere (one that votes twice in an epoch may elect two
 * leaders), so nothing may take that.
 */
import type { Ghost } from "../ghost/ghost.ts";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import { isQuorumState, reachesLog } from "../ghost/node-ghost.ts";
import type { NodeGhost } from "../ghost/node-ghost.ts";
import type { Attempt, StrictProfileOptions } from "./strict-profile.ts";
import type { WorldView } from "./world-view.ts";

export class QuorumGuard {
  readonly #ghost: Ghost;
  readonly #world: WorldView;
  /** Names of the voters. */
  readonly #voters: readonly string[];
  /** Voters that may have lost something, by the incarnation in which they were struck. */
  readonly #struck: Map<string, number> = new Map();

  readonly #strangers: readonly string[];

  constructor({ ghost, world, controllers, strangers }: StrictProfileOptions) {
    this.#ghost = ghost;
    this.#world = world;
    this.#voters = controllers;
    this.#strangers = strangers;
  }

  isVoter(name: string): boolean {
    return this.#voters.includes(name);
  }

  /** Whether the voters among the nodes that are struck may lose what the fault can take. */
  canSpare(attempt: Attempt): boolean {
    const { kind, nodes } = attempt;
    const struck = this.#voters.filter((name) => nodes.includes(name));
    if (struck.some((name) => this.#mayForgetVotes(name, attempt))) return false;
    if (nodes.some((name) => this.#goesUnnoticed(name, attempt))) return false;
    // A voter syncs what it acknowledges: a loss of power takes nothing that anybody counted.
    const keepsAll = (name: string): boolean => kind === "power-loss" && !this.#isDamaged(name);
    if (struck.every(keepsAll)) return true;
    const left = this.#voters.filter((name) => !nodes.includes(name) && this.#holdsAll(name));
    return left.length > this.#voters.length / 2;
  }

  /**
   * Whether the processes of the voters among the nodes may end. A damaged voter that runs on still
   * counts for what it commits; what it has lost shows once it starts again. Until a majority without it
   * has everything, its process is as dear as its disk.
   */
  mayEnd(attempt: Attempt): boolean {
    const ends = this.#voters.filter((name) => attempt.nodes.includes(name));
    if (!ends.some((name) => this.#isDamaged(name))) return true;
    return this.canSpare(attempt);
  }

  /** The fault strikes: what those voters have is in doubt until they have looked at their disks. */
  markStruck({ kind, nodes }: Attempt): void {
    for (const name of this.#voters) {
      if (!nodes.includes(name)) continue;
      if (kind === "power-loss" && !this.#isDamaged(name)) continue;
      this.#struck.set(name, this.#nodeNamed(name)?.incarnation ?? 0);
    }
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
    if (!world.isUp(name) || world.isPaused(name) || world.hasStandingFault(name)) return false;
    return this.#hasVote(name) && !world.isStopping(name);
  }

  /** With another disk than the quorum knows it by it only follows. */
  #hasVote(name: string): boolean {
    if (this.#strangers.includes(name)) return false;
    const node = this.#nodeNamed(name);
    return node !== undefined && this.#ghost.quorum.member(node.nodeId).hasOriginalDisk;
  }

  #holdsAll(name: string): boolean {
    const log = this.#ghost.partitions.get(METADATA_PARTITION);
    const node = this.#nodeNamed(name);
    if (node === undefined || this.#isDamaged(name) || !this.#hasVote(name)) return false;
    const replica = log?.replica(node.nodeId);
    if (log === undefined || replica === undefined) return false;
    if (this.#isInDoubt(name, node, replica.isRunning)) return false;
    const end = log.trueHighWatermark;
    return replica.syncedEnd >= end && replica.log.samePrefix(log.committed, end);
  }

  /** It was struck, and its log was not opened since: nobody knows what is left of it. */
  #isInDoubt(name: string, node: NodeGhost, isOpen: boolean): boolean {
    const since = this.#struck.get(name);
    if (since === undefined) return false;
    if (!isOpen || node.incarnation === since) return true;
    this.#struck.delete(name);
    return false;
  }

  #isDamaged(name: string): boolean {
    if (this.#nodeNamed(name)?.damaged !== true) return false;
    return this.#world.damagedFiles(name).some((path) => reachesLog(path, METADATA_PARTITION));
  }

  /** Only a new disk, which makes it no voter, takes them harmlessly. */
  #mayForgetVotes(name: string, { kind, rot }: Attempt): boolean {
    if (rot !== null) return isQuorumState(rot.path);
    return kind === "power-loss" && this.#world.damagedFiles(name).some(isQuorumState);
  }

  /**
   * No CRC covers where a batch lies and whose epoch it is of: a server believes in what it reads, and a
   * broker acts on metadata that nobody ever wrote.
   */
  #goesUnnoticed(name: string, { rot }: Attempt): boolean {
    if (rot === null || !reachesLog(rot.path, METADATA_PARTITION)) return false;
    return !this.#world.isChecked(name, rot);
  }

  #nodeNamed(name: string): NodeGhost | undefined {
    return this.#ghost.nodes.find((candidate) => candidate.name === name);
  }

  #nameOf(nodeId: number): string | null {
    return this.#ghost.nodes.find((node) => node.nodeId === nodeId)?.name ?? null;
  }
}
