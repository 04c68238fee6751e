/** What faults that stand do to a node, and to the way between two. */
import type { FaultTargets } from "../../sim/faults/fault.ts";
import type { World } from "../../sim/world.ts";

const ANY = "*";

/** A fault stands on the node or on one of its links. */
export function isHampered(world: World, node: string): boolean {
  return world.standingFaults().some((standing) => touches(standing, node));
}

/** Whether the fault is on that node or one of its links; one on all links is on everybody's. */
export function touches({ nodes, links }: FaultTargets, node: string): boolean {
  if (nodes.includes(node)) return true;
  return links.some(([from, to]) => {
    if (from === ANY && to === ANY) return true;
    return from === node || to === node;
  });
}

/** Both run, and nothing holds back what they say to each other. */
export function hears(world: World, one: string, other: string): boolean {
  if (one === other) return true;
  for (const node of [one, other]) {
    const { alive, paused } = world.node(node);
    if (!alive || paused) return false;
  }
  return !world.isBlocked(one, other) && !world.isBlocked(other, one);
}
