/** What liveness is judged by: the truth about the cluster, the core, and how long it has been. */
import type { NodeId } from "../../core/ids.ts";
import type { World } from "../../sim/world.ts";
import type { Ghost } from "../ghost/ghost.ts";
import type { PartitionGhost, Registration } from "../ghost/partition-ghost.ts";
import type { Plan } from "../plan/plan.ts";
import { nodeIdOf } from "../plan/plan.ts";
import { effectiveSetting } from "../plan/settings.ts";
import type { Core } from "./core.ts";
import { isHampered } from "./hampered.ts";
import type { LivenessWatch } from "./liveness-watch.ts";
import { partitionsOf } from "./planned.ts";

export interface Server {
  readonly name: string;
  readonly nodeId: NodeId;
}

/** A partition that the controllers have made. */
export interface LivePartition {
  readonly partition: PartitionGhost;
  readonly registration: Registration;
}

export interface HealViewOptions {
  readonly plan: Plan;
  readonly ghost: Ghost;
  readonly world: World;
  readonly watch: LivenessWatch;
  readonly core: Core;
}

export class HealView {
  readonly plan: Plan;
  readonly ghost: Ghost;
  readonly world: World;
  readonly watch: LivenessWatch;
  /** When the core was healed and no operation was left to begin, in microseconds. */
  readonly healedAt: number;
  /** Of the core. */
  readonly brokers: readonly Server[];
  readonly controllers: readonly Server[];
  /** All voters of the plan. */
  readonly voters: readonly Server[];
  /** Controllers write no-op records; without them a quorum is silent while nothing changes. */
  readonly quorumSpeaks: boolean;
  readonly #names: Map<NodeId, string> = new Map();
  readonly #inCore: ReadonlySet<NodeId>;
  readonly #coreNames: ReadonlySet<string>;
  readonly #planned: readonly string[];

  constructor({ plan, ghost, world, watch, core }: HealViewOptions) {
    this.plan = plan;
    this.ghost = ghost;
    this.world = world;
    this.watch = watch;
    this.healedAt = world.nowUs;
    const servers = plan.topology.nodes.map(({ id, roles }) => ({
      name: id,
      nodeId: nodeIdOf(id),
      roles,
      isInCore: core.servers.includes(id),
    }));
    for (const { name, nodeId } of servers) this.#names.set(nodeId, name);
    const members = servers.filter(({ isInCore }) => isInCore);
    this.#inCore = new Set(members.map(({ nodeId }) => nodeId));
    this.#coreNames = new Set(core.servers);
    this.brokers = members.filter(({ roles }) => roles.includes("broker"));
    this.controllers = members.filter(({ roles }) => roles.includes("controller"));
    this.voters = servers.filter(({ roles }) => roles.includes("controller"));
    this.#planned = partitionsOf(plan);
    const idleMs = effectiveSetting(plan, "broker", {}, "metadata.max.idle.interval.ms");
    this.quorumSpeaks = Number(idleMs) > 0;
  }

  get nowUs(): number {
    return this.world.nowUs;
  }

  name(nodeId: NodeId): string {
    return this.#names.get(nodeId) ?? String(nodeId);
  }

  names(nodeIds: readonly NodeId[]): string[] {
    return nodeIds.map((nodeId) => this.name(nodeId));
  }

  isInCore(nodeId: NodeId): boolean {
    return this.#inCore.has(nodeId);
  }

  isInCoreByName(name: string): boolean {
    return this.#coreNames.has(name);
  }

  /** Its process runs, be it paused. */
  isUp(nodeId: NodeId): boolean {
    return this.world.node(this.name(nodeId)).alive;
  }

  isHampered(nodeId: NodeId): boolean {
    return isHampered(this.world, this.name(nodeId));
  }

  /** Partitions of the plan that the controllers have not made. */
  missing(): readonly string[] {
    return this.#planned.filter(
      (name) => (this.ghost.partitions.get(name)?.registration ?? null) === null,
    );
  }

  *partitions(): Iterable<LivePartition> {
    for (const partition of this.ghost.partitions.values()) {
      const { registration } = partition;
      if (registration !== null) yield { partition, registration };
    }
  }

  /** "3.2 s ago", of a time since the heal; of an earlier one that it was not since. */
  ago(at: number | undefined): string {
    if (at === undefined) return "not since the heal";
    return `${((this.nowUs - at) / 1_000_000).toFixed(1)} s ago`;
  }
}
