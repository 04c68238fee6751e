/**
 * Faults for a cluster with one stream through it. Each run takes some kinds only and its own rates,
 * since faults can hide each other's effects; half of the faults wait for something to happen instead
 * of a time, and most aim at whoever matters for a partition then.
 */
import type { Fault, FaultKind, LinkTarget, RoleTarget, Target } from "../../sim/faults/fault.ts";
import type { Draw } from "./draw.ts";
import { spread, weighted } from "./draw.ts";
import { drawDestruction } from "./destruction.ts";
import { drawPartition } from "./partitions.ts";
import { drawTrigger } from "./triggers.ts";
import { MS, SECOND } from "./time.ts";

export interface FaultSpace {
  readonly brokers: readonly string[];
  /** Voters of the metadata quorum; some may be brokers too. */
  readonly controllers: readonly string[];
  readonly clients: readonly string[];
  /** "order-events-0" ... */
  readonly partitions: readonly string[];
  /** Records that the run sends: how often events of traffic occur depends on it. */
  readonly sends: number;
  readonly fromUs: number;
  readonly untilUs: number;
  /** Faults that last do so for this long at most; default 9 s. */
  readonly longestUs?: number;
  /** Least and most faults of a run that has many; default 10 to 24. */
  readonly many?: readonly [number, number];
}

/** A fault without its id and without what says when it strikes. */
type Blow = Omit<Fault, "id" | "at" | "when" | "edge">;

/** How often a kind is drawn in a run that has all kinds. */
const rates: readonly (readonly [FaultKind, number])[] = [
  ["kill", 10],
  ["power-loss", 8],
  ["pause", 8],
  ["stop", 3],
  ["block", 10],
  ["reset", 4],
  ["lose-request", 4],
  ["lose-response", 6],
  ["delay", 6],
  ["bandwidth", 3],
  ["disk-full", 3],
  ["disk-error", 3],
  ["disk-slow", 3],
  ["disk-stall", 3],
  ["clock-offset", 2],
  ["clock-drift", 2],
  ["clock-step", 2],
];

/** Without one of these nothing much happens to a cluster. */
const shakers: readonly FaultKind[] = ["kill", "power-loss", "pause", "block", "stop"];

export function drawFaults(draw: Draw, space: FaultSpace): Fault[] {
  const count = drawCount(draw, space.many ?? [10, 24]);
  const kinds = drawKinds(draw);
  const faults: Fault[] = [];
  const isCut = kinds.some(([kind]) => kind === "block");
  while (faults.length < count) {
    if (isCut && draw.chance(1, 16)) {
      faults.push(...partition(draw, space, faults.length));
      continue;
    }
    const kind = weighted(draw, kinds);
    const blow = drawBlow(draw, kind, space);
    const id = `f${faults.length + 1}`;
    if (draw.chance(1, 2)) {
      faults.push({ id, ...blow, when: drawTrigger(draw, space) });
      continue;
    }
    const at = draw.between(space.fromUs, space.untilUs);
    faults.push(withCrashPoint(draw, { id, ...blow, at }));
    const restart = laterRestart(draw, `f${faults.length + 1}`, blow, at, space);
    if (restart !== null) faults.push(restart);
  }
  if (count > 0) faults.push(...drawDestruction(draw.fork("destruction"), space, faults.length));
  return faults;
}

/** Faults that make a partition of several links. */
function partition(draw: Draw, space: FaultSpace, before: number): Fault[] {
  const nodes = [...new Set([...space.brokers, ...space.controllers])];
  const at = draw.between(space.fromUs, space.untilUs);
  return drawPartition(draw, nodes, longest(space)).map(({ afterUs, ...blow }, index) => ({
    id: `f${before + index + 1}`,
    ...blow,
    at: Math.min(at + afterUs, space.untilUs),
  }));
}

/** One run in twenty has no fault at all: bugs have been found in healthy clusters. */
function drawCount(draw: Draw, [least, most]: readonly [number, number]): number {
  const density = weighted(draw, [
    ["none", 1],
    ["sparse", 2],
    ["dense", 17],
  ]);
  if (density === "none") return 0;
  return density === "sparse" ? draw.between(3, least) : draw.between(least, most);
}

/** Each kind is in or out, with a rate of its own; at least one that shakes the cluster is in. */
function drawKinds(draw: Draw): (readonly [FaultKind, number])[] {
  const sure = draw.pick(shakers);
  return rates
    .filter(([kind]) => kind === sure || draw.chance(2, 3))
    .map(([kind, rate]) => [kind, kind === sure ? 2 * rate : rate * draw.pick([1, 1, 2])] as const);
}

function drawBlow(draw: Draw, kind: FaultKind, space: FaultSpace): Blow {
  switch (kind) {
    case "kill":
    case "stop":
      return { kind, target: serverTarget(draw, space), ...outage(draw, space) };
    case "power-loss":
      return { kind, target: serverTarget(draw, space), ...outage(draw, space), ...keep(draw) };
    case "pause":
      return { kind, target: anyTarget(draw, space), for: spread(draw, 50 * MS, longest(space)) };
    case "block":
      return { kind, target: cut(draw, space), for: spread(draw, 200 * MS, longest(space)) };
    case "reset":
      return { kind, target: link(draw, space) };
    case "lose-request":
    case "lose-response":
      return { kind, target: link(draw, space), count: draw.pick([1, 1, 2, 5]) };
    case "delay":
      return {
        kind,
        target: { ...link(draw, space), both: draw.chance(1, 3) },
        for: spread(draw, 500 * MS, longest(space)),
        us: spread(draw, 5 * MS, 3 * SECOND),
      };
    case "bandwidth":
      return {
        kind,
        target: brokerTarget(draw, space),
        for: spread(draw, 500 * MS, longest(space)),
        bytesPerSecond: spread(draw, 2_000, 500_000),
      };
    default:
      return drawOwnTrouble(draw, kind, space);
  }
}

/** What befalls a host by itself: its disk, its clock. */
function drawOwnTrouble(draw: Draw, kind: FaultKind, space: FaultSpace): Blow {
  const lasting = { for: spread(draw, 200 * MS, longest(space)) };
  const sign = draw.chance(1, 2) ? 1 : -1;
  switch (kind) {
    case "disk-full":
      return { kind, target: brokerTarget(draw, space), ...lasting, freeBytes: draw.below(20_000) };
    case "disk-error":
      return { kind, target: brokerTarget(draw, space), ...lasting };
    case "disk-slow":
      return { kind, target: brokerTarget(draw, space), ...lasting, factor: spread(draw, 2, 200) };
    case "disk-stall":
      return { kind, target: brokerTarget(draw, space), ...lasting };
    case "clock-offset": {
      const offsetMs = sign * spread(draw, 1, 600_000);
      return { kind, target: anyTarget(draw, space), ...lasting, offsetMs };
    }
    case "clock-drift": {
      const ppm = sign * spread(draw, 100, 50_000);
      return { kind, target: anyTarget(draw, space), ...lasting, ppm };
    }
    case "clock-step":
      return { kind, target: anyTarget(draw, space), stepMs: sign * spread(draw, 1, 600_000) };
    default:
      throw new RangeError(`no plan is drawn with ${kind}`);
  }
}

/** Short enough to come back within the session, or long enough to be missed. */
function outage(draw: Draw, space: FaultSpace): { readonly for: number } {
  return { for: spread(draw, 100 * MS, longest(space)) };
}

function longest({ longestUs = 9 * SECOND }: FaultSpace): number {
  return longestUs;
}

/** What a power loss leaves of unsynced bytes is the world's draw, unless a plan pins it. */
function keep(draw: Draw): { readonly keep?: number } {
  return draw.chance(1, 3) ? { keep: draw.pick([0, 0, -1, 100]) } : {};
}

/** A kill or power loss inside a handler, at one of its next calls that change something. */
function withCrashPoint(draw: Draw, fault: Fault): Fault {
  const canDieInside = fault.kind === "kill" || fault.kind === "power-loss";
  if (!canDieInside || !draw.chance(1, 3)) return fault;
  return { ...fault, call: draw.between(1, 40), edge: draw.chance(1, 2) ? "before" : "after" };
}

/** A broker halts when its only log directory fails; somebody starts it again. */
function laterRestart(
  draw: Draw,
  id: string,
  blow: Blow,
  at: number,
  space: FaultSpace,
): Fault | null {
  if (blow.kind !== "disk-full" && blow.kind !== "disk-error") return null;
  const later = Math.min(at + (blow.for ?? 0) + draw.between(10, 3000) * MS, space.untilUs);
  const target = "node" in blow.target ? blow.target : { node: draw.pick(space.brokers) };
  return { id, kind: "restart", target, at: later, disk: "same" };
}

// ---- targets ----------------------------------------------------------------------------------

const roles = ["leader", "leader", "presumed-leader", "isr-follower", "lagging-replica"];

export function brokerTarget(draw: Draw, space: FaultSpace): Target {
  if (draw.chance(1, 2)) return { node: draw.pick(space.brokers) };
  const role = draw.chance(1, 8) ? "last-isr-member" : draw.pick(roles);
  return { role, of: draw.pick(space.partitions) };
}

function serverTarget(draw: Draw, space: FaultSpace): Target {
  // The more voters there are, the more it takes to shake the quorum.
  const often = space.controllers.length > 1 ? 2 : 1;
  return draw.chance(often, 8) ? controller(draw, space) : brokerTarget(draw, space);
}

/** Whoever leads the quorum then, or a certain voter. */
export function controller(
  draw: Draw,
  { controllers }: FaultSpace,
): RoleTarget | { readonly node: string } {
  if (controllers.length > 1 && draw.chance(1, 2)) return { role: "active-controller" };
  return { node: draw.pick(controllers) };
}

/** The same as one end of a link. */
function controllerEnd(draw: Draw, space: FaultSpace): string | RoleTarget {
  const target = controller(draw, space);
  return "node" in target ? target.node : target;
}

function anyTarget(draw: Draw, space: FaultSpace): Target {
  return draw.chance(1, 6) ? { node: draw.pick(space.clients) } : serverTarget(draw, space);
}

/** A connection's way: who asks, then who answers. */
function link(draw: Draw, space: FaultSpace): LinkTarget {
  const of = draw.pick(space.partitions);
  const [first, second] = draw.shuffled(space.brokers) as [string, string];
  switch (
    weighted(draw, [
      ["client to leader", 4],
      ["follower to leader", 4],
      ["leader to controller", 2],
      ["two brokers", 2],
      ["broker to controller", 1],
      ["two controllers", space.controllers.length > 1 ? 4 : 0],
    ])
  ) {
    case "client to leader":
      return { link: [draw.pick(space.clients), { role: "leader", of }] };
    case "follower to leader":
      return {
        link: [
          { role: "isr-follower", of },
          { role: "leader", of },
        ],
      };
    case "leader to controller":
      return { link: [{ role: "leader", of }, controllerEnd(draw, space)] };
    case "two brokers":
      return { link: [first, second] };
    case "two controllers": {
      const [voter, other] = draw.shuffled(space.controllers) as [string, string];
      return { link: draw.chance(1, 2) ? [voter, other] : [voter, { role: "active-controller" }] };
    }
    default:
      return { link: [first, controllerEnd(draw, space)] };
  }
}

/** One way or both ways of a link, or a node cut off from everybody. */
function cut(draw: Draw, space: FaultSpace): Target {
  if (draw.chance(1, 3)) return serverTarget(draw, space);
  return { ...link(draw, space), both: draw.chance(1, 2) };
}
