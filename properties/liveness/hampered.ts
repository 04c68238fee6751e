/** What faults that stand do to a node, and to the way between two. */
import type { FaultTargets, StandingFault } from "../../sim/faults/fault.ts";
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

/** One of these faults holds back what goes from one node to the other, or the other way. */
export function cuts(faults: readonly StandingFault[], one: string, other: string): boolean {
  return faults.some((standing) => standing.fault.kind === "block" && joins(standing, one, other));
}

/** The fault is on what goes from one node to the other, or the other way. */
export function joins({ links }: FaultTargets, one: string, other: string): boolean {
  const isEnd = (end: string, node: string): boolean => end === ANY || end === node;
  return links.some(
    ([from, to]) =>
      (isEnd(from, one) && isEnd(to, other)) || (isEnd(from, other) && isEnd(to, one)),
  );
}

/** Servers that the fault is on; one on all links is on none of them. */
export function nodesOf({ nodes, links }: FaultTargets): string[] {
  return [...new Set([...nodes, ...links.flat()])].filter((node) => node !== ANY);
}
