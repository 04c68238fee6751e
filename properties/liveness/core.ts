/**
 * Who is well after the heal. A *viable* core is drawn: a majority of the voters and, for each
 * partition, a replica that may be elected and as many as min.insync.replicas asks for, members of the
 * ISR first. Everybody else stays as the faults left it.
 *
 * A server outside the core may hold power and be of no use: a leader that the controller hears and its
 * clients do not keeps its leadership for ever, legally. So a server that is neither down nor cut off
 * nor free of faults is taken into the core where it leads, or may be elected.
 */
import type { NodeId } from "../../core/ids.ts";
import { hashString } from "../../sim/hash.ts";
import type { World } from "../../sim/world.ts";
import type { Ghost } from "../ghost/ghost.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { Plan } from "../plan/plan.ts";
import { nodeIdOf } from "../plan/plan.ts";
import { cuts, nodesOf, touches } from "./hampered.ts";
import { minIsrOf, partitionsOf } from "./planned.ts";

const CORE = hashString("heal-core");
/** Of four viable cores one is the whole cluster. */
const WHOLE_ONE_IN = 4;
/** Of three servers that the core does not need one is in it all the same. */
const EXTRA_ONE_IN = 3;

export interface Core {
  /** Servers, in the order of the plan. */
  readonly servers: readonly string[];
  readonly isWhole: boolean;
}

export interface CoreContext {
  readonly plan: Plan;
  readonly ghost: Ghost;
  readonly world: World;
}

export function resolveCore(context: CoreContext): Core {
  const { plan } = context;
  const all = plan.topology.nodes.map(({ id }) => id);
  const { core } = plan.heal;
  if (core === "all") return { servers: all, isWhole: true };
  const chosen = core === "viable" ? new Drawn(context).servers() : new Set(core);
  const servers = all.filter((id) => chosen.has(id));
  return { servers, isWhole: servers.length === all.length };
}

class Drawn {
  readonly #context: CoreContext;
  readonly #chosen: Set<string> = new Set();
  #draws = 0;

  constructor(context: CoreContext) {
    this.#context = context;
  }

  servers(): ReadonlySet<string> {
    const { plan, ghost } = this.#context;
    const all = plan.topology.nodes.map(({ id }) => id);
    const partitions = partitionsOf(plan).map((name) => ghost.partitions.get(name));
    // A topic that is still to be made may need everybody.
    const isYoung = partitions.some((partition) => (partition?.registration ?? null) === null);
    const isHurt = all.some((id) => this.#isDamaged(id));
    const isWhole = this.#below(WHOLE_ONE_IN) === 0 && !isHurt;
    if (isWhole || isYoung) return new Set(all);
    this.#drawVoters();
    for (const partition of ghost.partitions.values()) this.#drawReplicas(partition);
    for (const id of all) {
      if (this.#below(EXTRA_ONE_IN) === 0 && !this.#isDamaged(id)) this.#chosen.add(id);
    }
    this.#takeInThePowerful();
    return this.#chosen;
  }

  /** Bytes of its disk are, or were, not what was written: it may have to halt over them. */
  #isDamaged(server: string): boolean {
    return this.#context.ghost.nodes.find(({ name }) => name === server)?.damaged === true;
  }

  /** In a drawn order, those last whose disk is damaged. */
  #ranked(servers: readonly string[]): string[] {
    const order = this.#shuffled(servers);
    return [
      ...order.filter((id) => !this.#isDamaged(id)),
      ...order.filter((id) => this.#isDamaged(id)),
    ];
  }

  #drawVoters(): void {
    const voters = this.#voters();
    const majority = Math.floor(voters.length / 2) + 1;
    const order = this.#ranked(voters.filter((id) => this.#hasVote(id)));
    for (const voter of order.slice(0, majority)) this.#chosen.add(voter);
  }

  /** A voter is (id, directory id): on another disk than the quorum's it is an observer (KIP-853). */
  #hasVote(voter: string): boolean {
    const { ghost, plan } = this.#context;
    const node = plan.topology.nodes.find(({ id }) => id === voter);
    return node?.clusterId === undefined && ghost.quorum.member(nodeIdOf(voter)).hasOriginalDisk;
  }

  #drawReplicas(partition: PartitionGhost): void {
    const { registration, topic } = partition;
    if (registration === null) return;
    const { isr, replicas } = registration;
    const needed = Math.min(minIsrOf(this.#context.plan, topic), replicas.length);
    const others = replicas.filter((id) => !isr.includes(id));
    const names = (ids: readonly NodeId[]): string[] => ids.map((id) => this.#name(id));
    const order = [...this.#ranked(names(isr)), ...this.#ranked(names(others))];
    // Without ELR only a member of the ISR may be elected.
    const members = order.slice(0, isr.length);
    const electable = members.find((id) => this.#chosen.has(id)) ?? members[0];
    if (electable !== undefined) this.#chosen.add(electable);
    for (const id of order) {
      if (order.filter((one) => this.#chosen.has(one)).length >= needed) return;
      this.#chosen.add(id);
    }
  }

  #takeInThePowerful(): void {
    const { plan } = this.#context;
    for (;;) {
      const wanted = plan.topology.nodes.find(
        ({ id }) => !this.#chosen.has(id) && this.#holdsPower(id),
      );
      if (wanted === undefined) return;
      // What stood between it and the core is healed with it: others may be heard now.
      this.#chosen.add(wanted.id);
    }
  }

  /** It leads, or may, although faults stand on it that the heal of this core does not end. */
  #holdsPower(server: string): boolean {
    const { world, ghost, plan } = this.#context;
    const { alive, paused } = world.node(server);
    if (!alive || paused) return false;
    const servers = plan.topology.nodes.map(({ id }) => id);
    const staying = world
      .standingFaults()
      .filter((one) => nodesOf(one).some((id) => servers.includes(id) && !this.#chosen.has(id)));
    if (!staying.some((one) => touches(one, server))) return false;
    const voters = this.#voters();
    const heard = voters.filter(
      (voter) =>
        voter === server ||
        (!cuts(staying, voter, server) && (this.#chosen.has(voter) || world.node(voter).alive)),
    );
    if (voters.includes(server) && heard.length > voters.length / 2) return true;
    if (heard.length === 0) return false;
    const id = nodeIdOf(server);
    return [...ghost.partitions.values()].some(({ registration, decided }) => {
      if (registration === null) return false;
      return (
        registration.isr.includes(id) ||
        registration.replicas[0] === id ||
        decided?.isr.includes(id) === true
      );
    });
  }

  #voters(): string[] {
    return this.#context.plan.topology.nodes
      .filter(({ roles }) => roles.includes("controller"))
      .map(({ id }) => id);
  }

  #name(nodeId: number): string {
    const found = this.#context.plan.topology.nodes.find(({ id }) => nodeIdOf(id) === nodeId);
    return found?.id ?? "";
  }

  #below(bound: number): number {
    return this.#context.world.draws.below(bound, CORE, this.#draws++, 0, 0);
  }

  #shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items];
    const result: T[] = [];
    while (rest.length > 0) result.push(...rest.splice(this.#below(rest.length), 1));
    return result;
  }
}
