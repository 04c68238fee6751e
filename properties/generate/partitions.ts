/**
 * Partitions of the network that no single link makes: halves, a bridge between two sides that do not
 * see each other, a ring in which every majority overlaps another, a node that is heard and hears
 * nothing; and links that break again and again.
 */
import type { Fault, LinkTarget } from "../../sim/faults/fault.ts";
import type { Draw } from "./draw.ts";
import { spread, weighted } from "./draw.ts";
import { MS } from "./time.ts";

/** A fault without its id and its time: a pattern's faults begin together, a flaky link's do not. */
export type PartitionFault = Omit<Fault, "id" | "at" | "when" | "edge"> & {
  /** After the beginning of the pattern. */
  readonly afterUs: number;
};

/** `nodes`: brokers and controllers, at least three. */
export function drawPartition(
  draw: Draw,
  nodes: readonly string[],
  longestUs: number,
): PartitionFault[] {
  const shuffled = draw.shuffled(nodes);
  const duration = spread(draw, 500 * MS, longestUs);
  const cut = ([from, to]: readonly [string, string], both: boolean): PartitionFault => {
    return { kind: "block", target: { link: [from, to], both }, for: duration, afterUs: 0 };
  };
  switch (
    weighted(draw, [
      ["halves", 3],
      ["bridge", 3],
      ["ring", 2],
      ["deaf", 2],
      ["flaky", 2],
    ])
  ) {
    case "halves": {
      const [one, other] = split(draw, shuffled);
      return pairs(one, other).map((pair) => cut(pair, true));
    }
    case "bridge": {
      const [, ...rest] = shuffled;
      const [one, other] = split(draw, rest);
      return pairs(one, other).map((pair) => cut(pair, true));
    }
    case "ring":
      return ring(shuffled).map((pair) => cut(pair, true));
    case "deaf": {
      const [deaf, ...others] = shuffled as [string, ...string[]];
      const heard = draw.chance(1, 2);
      return others.map((other) => cut(heard ? [other, deaf] : [deaf, other], false));
    }
    default: {
      const [one, other] = shuffled as [string, string];
      return flaky(draw, { link: [one, other], both: true });
    }
  }
}

/** Connections of one link break, and requests or answers on it get lost, every now and then. */
function flaky(draw: Draw, target: LinkTarget): PartitionFault[] {
  return Array.from({ length: draw.between(3, 6) }, (_, index) => {
    const kind = draw.pick(["reset", "lose-request", "lose-response"] as const);
    const afterUs = index * draw.between(200, 1500) * MS;
    return { kind, target: { link: target.link }, afterUs };
  });
}

/** Two sides, neither empty. */
function split(draw: Draw, nodes: readonly string[]): readonly [string[], string[]] {
  const size = draw.between(1, nodes.length - 1);
  return [nodes.slice(0, size), nodes.slice(size)];
}

function pairs(one: readonly string[], other: readonly string[]): (readonly [string, string])[] {
  return one.flatMap((from) => other.map((to) => [from, to] as const));
}

/** All pairs but those of neighbours: whoever sees a majority sees another one than its neighbour. */
function ring(nodes: readonly string[]): (readonly [string, string])[] {
  const cuts: (readonly [string, string])[] = [];
  nodes.forEach((from, at) => {
    nodes.forEach((to, index) => {
      const distance = index - at;
      if (distance >= 2 && distance < nodes.length - 1) cuts.push([from, to]);
    });
  });
  return cuts;
}
