/**
 * The profile in which nothing may be lost: says of each fault whether it may strike now. A fault that
 * can destroy bytes is let through only if every partition keeps a healthy copy of all that was
 * committed; while a replica is *struck*, whatever would endanger that copy is refused. A refused fault
 * is a counted no-op. The judgement uses the truth about the cluster, so a plan says nothing of it.
 */
import type { NodeId } from "../../core/ids.ts";
import type { Fault, FaultTargets, RotPlace } from "../../sim/faults/fault.ts";
import type { Ghost } from "../ghost/ghost.ts";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import type { NodeGhost } from "../ghost/node-ghost.ts";
import { reachesLog } from "../ghost/node-ghost.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import { QuorumGuard } from "./quorum-guard.ts";
import type { WorldView } from "./world-view.ts";

/** A fault about to strike. */
export interface Attempt {
  readonly kind: string;
  /** The nodes that it strikes; for a link, both of its ends. */
  readonly nodes: readonly string[];
  readonly isLink: boolean;
  /** The disk that a restarted node gets. */
  readonly disk: "same" | "empty" | "foreign";
  /** bit-rot: the byte; null when there is nothing that could rot. */
  readonly rot: RotPlace | null;
}

export interface StrictProfileOptions {
  readonly ghost: Ghost;
  readonly world: WorldView;
  /** Names of the nodes that vote in the metadata quorum. */
  readonly controllers: readonly string[];
  /** Names of nodes whose disks are of another cluster: as voters they are counted, but never vote. */
  readonly strangers: readonly string[];
  /** broker.heartbeat.interval.ms of a broker, by its name. */
  readonly heartbeatIntervalMs: (broker: string) => number;
}

export class StrictProfile {
  readonly #ghost: Ghost;
  readonly #world: WorldView;
  readonly #quorum: QuorumGuard;
  readonly #heartbeatIntervalMs: (broker: string) => number;
  /** Replicas that may come back with less than the leader counted on: partition -> node ids. */
  readonly #struck: Map<PartitionGhost, Set<NodeId>> = new Map();

  constructor(options: StrictProfileOptions) {
    this.#ghost = options.ghost;
    this.#world = options.world;
    this.#quorum = new QuorumGuard(options);
    this.#heartbeatIntervalMs = options.heartbeatIntervalMs;
  }

  /** Whether the fault may strike. If it may, it is taken to have struck. */
  mayStrike(fault: Fault, targets: FaultTargets): boolean {
    return this.judge(attemptOf(fault, targets, this.#world));
  }

  judge(attempt: Attempt): boolean {
    this.#forgetRecovered();
    this.#markDamaged();
    if (this.#endangersTheStruck(attempt)) return false;
    if (endsProcess(attempt) && !this.#quorum.mayEnd(attempt)) return false;
    if (!destroysBytes(attempt)) return true;
    if (attempt.nodes.some((node) => this.#goesUnnoticed(node, attempt))) return false;
    if (!this.#quorum.canSpare(attempt)) return false;
    if (!attempt.nodes.every((node) => this.#canSpare(node, attempt))) return false;
    for (const node of attempt.nodes) this.#markStruck(node, attempt);
    this.#quorum.markStruck(attempt);
    return true;
  }

  /** The replica would be taken in again with what it has, and may lead. */
  #goesUnnoticed(node: string, { kind, rot }: Attempt): boolean {
    if (kind === "power-loss") return this.#world.mayLoseSegment(node);
    return rot !== null && !this.#world.isChecked(node, rot);
  }

  /**
   * A replica is struck until it has left the ISR, or serves again with everything committed. Before
   * it serves, a fetch that it sent before it was struck may still make the leader count on it.
   */
  #forgetRecovered(): void {
    for (const [partition, nodes] of this.#struck) {
      for (const node of nodes) {
        const replica = partition.replica(node);
        const isWhole =
          replica !== undefined &&
          replica.isRunning &&
          replica.node.registered &&
          replica.node.state === "RUNNING" &&
          !this.#isDamaged(partition, replica.node) &&
          this.#ghost.holdsCommitted(partition.name, node);
        if (isWhole || !isCountedOn(partition, node)) nodes.delete(node);
      }
      if (nodes.size === 0) this.#struck.delete(partition);
    }
  }

  /** A damaged replica that the controller takes in again is one on which nobody may count. */
  #markDamaged(): void {
    for (const node of this.#ghost.nodes) {
      if (!node.damaged) continue;
      for (const { partition } of node.replicas) {
        if (partition.isMetadata || !partition.inCommittedIsr(node.nodeId)) continue;
        if (this.#isDamaged(partition, node)) this.#addStruck(partition, node.nodeId);
      }
    }
  }

  /**
   * What the replica has is not all on its disk, although the process may not know it yet; or its node
   * may not start again, for it halts at damaged metadata.
   */
  #isDamaged(partition: PartitionGhost, node: NodeGhost): boolean {
    // Most nodes never have a damaged disk; only for the others the files are looked through.
    if (!node.damaged) return false;
    return this.#world
      .damagedFiles(node.name)
      .some((path) => reachesLog(path, partition.name) || reachesLog(path, METADATA_PARTITION));
  }

  /** Would this leave a partition with a struck replica without a healthy one, or leaderless? */
  #endangersTheStruck(attempt: Attempt): boolean {
    if (this.#struck.size === 0) return false;
    const voters = attempt.nodes.filter((node) => this.#quorum.isVoter(node)).length;
    if (voters > (attempt.isLink ? 1 : 0)) return true;
    for (const [partition, struck] of this.#struck) {
      const others = partition.replicas.filter(({ node }) => !struck.has(node.nodeId));
      const isHit = others.some(({ node }) => attempt.nodes.includes(node.name));
      if (!isHit) continue;
      const staysHealthy = others.some(
        ({ node }) =>
          !attempt.nodes.includes(node.name) &&
          this.#isHealthy(partition, node.nodeId, node.name, attempt.nodes),
      );
      if (!staysHealthy) return true;
    }
    return false;
  }

  #canSpare(name: string, attempt: Attempt): boolean {
    const node = this.#ghost.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) return true;
    for (const { partition, log, syncedEnd } of node.replicas) {
      if (partition.isMetadata) continue;
      const keepsSynced = attempt.kind === "power-loss" && !this.#isDamaged(partition, node);
      const firstGone = keepsSynced ? Math.min(syncedEnd, log.end) : 0;
      // A fetch that is under way may yet make a leader commit what is lost here.
      const needed = isCountedOn(partition, node.nodeId) ? log.end : 0;
      if (firstGone >= Math.max(partition.trueHighWatermark, needed)) continue;
      const isOtherStruck = [...(this.#struck.get(partition) ?? [])].some(
        (struck) => struck !== node.nodeId,
      );
      if (isOtherStruck) return false;
      const hasHealthyOther = partition.replicas.some(
        (other) =>
          other.node !== node &&
          !attempt.nodes.includes(other.node.name) &&
          this.#isHealthy(partition, other.node.nodeId, other.node.name, attempt.nodes),
      );
      if (!hasHealthyOther) return false;
    }
    return true;
  }

  #markStruck(name: string, attempt: Attempt): void {
    const node = this.#ghost.nodes.find((candidate) => candidate.name === name);
    for (const { partition, log, syncedEnd } of node?.replicas ?? []) {
      if (partition.isMetadata || !isCountedOn(partition, node!.nodeId)) continue;
      if (attempt.kind === "power-loss" && syncedEnd >= log.end) continue;
      this.#addStruck(partition, node!.nodeId);
    }
  }

  #addStruck(partition: PartitionGhost, node: NodeId): void {
    const struck = this.#struck.get(partition);
    if (struck === undefined) this.#struck.set(partition, new Set([node]));
    else struck.add(node);
  }

  /** It holds everything committed and nothing keeps it in the ISR from going on once `struck` are. */
  #isHealthy(
    partition: PartitionGhost,
    nodeId: NodeId,
    name: string,
    struck: readonly string[],
  ): boolean {
    const world = this.#world;
    const replica = partition.replica(nodeId);
    if (replica === undefined || !replica.isRunning || replica.node.state !== "RUNNING") {
      return false;
    }
    if (!world.isUp(name) || world.isPaused(name) || world.hasStandingFault(name)) return false;
    if (world.isStopping(name)) return false;
    // What the controller has decided will be so, and one that hears nothing from it is fenced next.
    const isExpelled = partition.decided !== null && !partition.decided.isr.includes(nodeId);
    if (!partition.inCommittedIsr(nodeId) || isExpelled) return false;
    const patienceUs = 2 * 1000 * this.#heartbeatIntervalMs(name);
    if (world.sinceHeartbeatUs(name) > patienceUs) return false;
    const registration = this.#ghost.metadata.brokers.get(nodeId);
    if (registration === undefined || registration.fenced || registration.inControlledShutdown) {
      return false;
    }
    if (!this.#quorum.serves(name, struck)) return false;
    const leader = this.#ghost.leader(partition.name);
    const leaderNode = this.#ghost.nodes.find((node) => node.nodeId === leader);
    if (leaderNode !== undefined && leaderNode.name !== name) {
      if (world.hasFaultyLink(name, leaderNode.name)) return false;
    }
    if (this.#isDamaged(partition, replica.node)) return false;
    return this.#ghost.holdsCommitted(partition.name, nodeId);
  }
}

/** Whether some leader, deposed or not, may commit on the strength of what that replica has. */
function isCountedOn(partition: PartitionGhost, node: NodeId): boolean {
  if (partition.inCommittedIsr(node)) return true;
  // The controller has written that it joins, and that will be committed in a moment.
  if (partition.decided?.isr.includes(node) === true) return true;
  return partition.replicas.some(
    ({ presumesLeadership, believedIsr, proposal }) =>
      presumesLeadership && (believedIsr.includes(node) || proposal?.isr.includes(node) === true),
  );
}

/** What a fault is about to do. */
export function attemptOf(fault: Fault, targets: FaultTargets, world: WorldView): Attempt {
  return {
    kind: fault.kind,
    nodes: "link" in fault.target ? world.ends(targets) : targets.nodes,
    isLink: "link" in fault.target,
    disk: fault.disk === "empty" ? "empty" : fault.disk === "of" ? "foreign" : "same",
    rot: targets.rot ?? null,
  };
}

/** Whether it can take something that was written. */
export function destroysBytes(attempt: Attempt): boolean {
  switch (attempt.kind) {
    case "power-loss":
    case "lost-sync":
    case "bit-rot":
      return true;
    case "restart":
      return attempt.disk !== "same";
    default:
      return false;
  }
}

const endings: ReadonlySet<string> = new Set([
  "kill",
  "stop",
  "restart",
  "power-loss",
  // A server halts when its disk fails it.
  "disk-error",
  "disk-full",
]);

/** Whether processes may end by it. */
export function endsProcess({ kind }: Attempt): boolean {
  return endings.has(kind);
}
