import { hashString } from "../hash.ts";
import type { Kernel } from "../kernel.ts";
import type { Channel, Side } from "../network/link.ts";
import type { Network } from "../network/network.ts";
import type { SimNode } from "../node.ts";
import type { Vocabulary } from "../vocabulary.ts";
import type { Fault, FaultTargets, RoleTarget } from "./fault.ts";

/** Any node, as one end of a link. */
export const ANY = "*";

/** The parts of a world that faults act on. */
export interface FaultWorld {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly nodes: ReadonlyMap<string, SimNode>;
  readonly vocabulary: Vocabulary;
}

/** Whom a fault hits at this moment; null when a role is played by nobody. */
export function resolveTarget(world: FaultWorld, { target }: Fault): FaultTargets | null {
  if ("link" in target) {
    const from = resolveEnd(world, target.link[0]);
    const to = resolveEnd(world, target.link[1]);
    if (from === null || to === null || from === to) {
      return from === ANY && to === ANY ? { nodes: [], links: [[ANY, ANY]] } : null;
    }
    const there: readonly [string, string] = [from, to];
    return { nodes: [], links: target.both === true ? [there, [to, from]] : [there] };
  }
  const node = "node" in target ? target.node : resolveEnd(world, target);
  if (node === null || !world.nodes.has(node)) return null;
  const links: [string, string][] = [
    [node, ANY],
    [ANY, node],
  ];
  return { nodes: [node], links };
}

/** Where standing network faults take hold: a link, or one side of a host. */
export function sidesOf(world: FaultWorld, targets: FaultTargets): Side[] {
  const sides: Side[] = [];
  for (const [from, to] of targets.links) {
    if (from === ANY && to === ANY) {
      for (const node of world.nodes.values()) sides.push(node.outgoing);
    } else if (to === ANY) {
      sides.push(world.nodes.get(from)!.outgoing);
    } else if (from === ANY) {
      sides.push(world.nodes.get(to)!.incoming);
    } else {
      sides.push(world.network.link(world.nodes.get(from)!, world.nodes.get(to)!).side);
    }
  }
  return sides;
}

/** Whether traffic from one node to another is what the fault hits. */
export function hits(targets: FaultTargets, from: string, to: string): boolean {
  return targets.links.some(([a, b]) => (a === ANY || a === from) && (b === ANY || b === to));
}

/** Names a fault among the draws. */
export function faultKey(fault: Fault): number {
  return hashString(fault.id);
}

function resolveEnd(world: FaultWorld, end: string | RoleTarget): string | null {
  if (typeof end === "string") return end;
  return world.vocabulary.roles[end.role]?.(end.of) ?? null;
}

/** The streams of one name on the links that are hit. */
export function channelsOf(world: FaultWorld, targets: FaultTargets, name: string): Channel[] {
  const channels: Channel[] = [];
  for (const from of world.nodes.values()) {
    for (const to of world.nodes.values()) {
      if (from === to || !hits(targets, from.id, to.id)) continue;
      channels.push(world.network.link(from, to).channel(name));
    }
  }
  return channels;
}
