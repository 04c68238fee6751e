import { hashString } from "../hash.ts";
import { Delivery, DeliveryKind } from "../network/delivery.ts";
import type { Loss } from "../network/network.ts";
import { Shaper } from "../network/link.ts";
import { isWithin } from "../disk/disk.ts";
import type { PowerLossWish } from "../disk/disk.ts";
import type { SimNode } from "../node.ts";
import type { Fault, FaultKind, FaultTargets, RotPlace } from "./fault.ts";
import { channelsOf, faultKey, hits, sidesOf } from "./targets.ts";
import type { FaultWorld } from "./targets.ts";

const ROT = hashString("bit-rot");

/** How long a running node is down that is restarted, unless the fault says otherwise. */
const RESTART_US = 100_000;

/** What a fault did. */
export interface Effect {
  /** Undoes it; null when there is nothing to undo. */
  readonly end: (() => void) | null;
  /** What was drawn. */
  readonly detail?: Readonly<Record<string, string | number>>;
}

/** What a fault that waits for frames tells its engine. */
export interface LossReport {
  /** A frame was lost. */
  lost(): void;
  /** It has lost as many as it may. */
  spent(): void;
}

/** Does what a fault says; null when it finds nothing to do. */
export type Strike = (
  world: FaultWorld,
  fault: Fault,
  targets: FaultTargets,
  report: LossReport,
) => Effect | null;

const done: Effect = { end: null };

/** What each kind of fault does. */
export const strikes: Readonly<Record<FaultKind, Strike>> = {
  kill: onNode((node, fault) => {
    if (!node.kill()) return null;
    node.cancelBoots();
    if (fault.for !== undefined) node.bootAfter(fault.for);
    return done;
  }),
  "power-loss": onNode((node, fault) => {
    if (!node.losePower(faultKey(fault), wishOf(fault))) return null;
    node.cancelBoots();
    if (fault.for !== undefined) node.bootAfter(fault.for);
    return done;
  }),
  pause: onNode((node) => {
    const { process } = node;
    if (process === null || !node.pause()) return null;
    return { end: () => node.resume(process) };
  }),
  restart: onNode((node, fault, world) => {
    const { disk = "same", of } = fault;
    const downUs = fault.for ?? (node.alive ? RESTART_US : 0);
    node.kill();
    if (disk === "empty") node.mountEmpty();
    // Not what that one happens to have in it: it might be a copy of this node's own, as it once was.
    if (disk === "of") node.mountForeign(world.nodes.get(of!)!.ownDisk);
    node.bootAfter(downUs);
    return done;
  }),
  stop: onNode((node, fault) => {
    if (!node.alive) return null;
    node.cancelBoots();
    node.terminate();
    if (fault.for !== undefined) node.bootAfter(fault.for);
    return done;
  }),
  block: (world, _fault, targets) => {
    const sides = sidesOf(world, targets);
    for (const side of sides) side.blocks++;
    return {
      end: () => {
        for (const side of sides) side.blocks--;
        world.network.releaseHeld();
      },
    };
  },
  reset: (world, fault, targets) => {
    let found = false;
    for (const node of world.nodes.values()) {
      for (const endpoint of [...(node.process?.endpoints ?? [])]) {
        const { id } = endpoint.node;
        const { peer, out } = endpoint;
        if (!hits(targets, id, peer) && !hits(targets, peer, id)) continue;
        if (fault.channel !== undefined && fault.channel !== out.channel.name) continue;
        found = true;
        endpoint.breakOff("reset");
      }
    }
    return found ? done : null;
  },
  "lose-request": (world, fault, targets, report) => lose(world, fault, targets, report, true),
  "lose-response": (world, fault, targets, report) => lose(world, fault, targets, report, false),
  delay: (world, fault, targets) => {
    const { channel } = fault;
    const delayed =
      channel === undefined ? sidesOf(world, targets) : channelsOf(world, targets, channel);
    for (const way of delayed) way.extraUs += fault.us!;
    return {
      end: () => {
        for (const way of delayed) way.extraUs -= fault.us!;
      },
    };
  },
  bandwidth: (world, fault, targets) => {
    const limited = sidesOf(world, targets).map((side) => {
      const shaper = new Shaper(fault.bytesPerSecond!);
      side.shaper = shaper;
      return { side, shaper };
    });
    return {
      end: () => {
        for (const { side, shaper } of limited) if (side.shaper === shaper) side.shaper = null;
      },
    };
  },
  "disk-full": onNode(({ health }, fault) =>
    standing(health.full, { freeBytes: fault.freeBytes ?? 0 }),
  ),
  "disk-error": onNode(({ health }, fault) =>
    standing(health.errors, [...(fault.ops ?? (["read", "write", "sync"] as const))]),
  ),
  "disk-slow": onNode(({ health }, fault, { kernel }) =>
    standing(health.slow, {
      factor: fault.factor!,
      untilUs: fault.for === undefined ? Infinity : kernel.nowUs + fault.for,
    }),
  ),
  "disk-stall": onNode((node) => {
    node.health.stalls++;
    return {
      end: () => {
        node.health.stalls--;
        if (!node.health.stalled) node.process?.unstall();
      },
    };
  }),
  "lost-sync": onNode(({ health }) => {
    health.lostSyncs++;
    return { end: () => void health.lostSyncs-- };
  }),
  "bit-rot": onNode(rot),
  "clock-offset": onNode(({ clock }, fault) => {
    clock.step(fault.offsetMs! * 1000);
    return { end: () => clock.step(-fault.offsetMs! * 1000) };
  }),
  "clock-drift": onNode((node, fault) => {
    node.setDrift(node.clock.driftPpm + fault.ppm!);
    return { end: () => node.setDrift(node.clock.driftPpm - fault.ppm!) };
  }),
  "clock-step": onNode(({ clock }, fault) => {
    clock.step(fault.stepMs! * 1000);
    return done;
  }),
};

function onNode(strike: (node: SimNode, fault: Fault, world: FaultWorld) => Effect | null): Strike {
  return (world, fault, targets) => strike(world.nodes.get(targets.nodes[0]!)!, fault, world);
}

/** Something that lasts as long as it is in the list. */
function standing<T>(list: T[], item: T): Effect {
  list.push(item);
  return { end: () => void list.splice(list.indexOf(item), 1) };
}

/** Loses the next frames of one direction of the connections that the fault hits. */
function lose(
  world: FaultWorld,
  fault: Fault,
  targets: FaultTargets,
  report: LossReport,
  requests: boolean,
): Effect {
  // A node as target means the requests sent to it, or the responses that it sends.
  const [node] = targets.nodes;
  const scope: FaultTargets =
    node === undefined ? targets : { nodes: [], links: [requests ? ["*", node] : [node, "*"]] };
  let left = fault.count ?? 1;
  const { losses } = world.network;
  const remove = (): void => {
    const index = losses.indexOf(loss);
    if (index >= 0) losses.splice(index, 1);
  };
  const loss: Loss = {
    matches: (delivery: Delivery) => {
      if (delivery.kind !== DeliveryKind.data) return false;
      const { from, to, channel } = delivery.pipe;
      if (from.isOpener !== requests || !hits(scope, from.node.id, to.node.id)) return false;
      return fault.channel === undefined || fault.channel === channel.name;
    },
    lost: () => {
      left--;
      report.lost();
      if (left > 0) return;
      remove();
      report.spent();
    },
  };
  losses.push(loss);
  return { end: remove };
}

/** Turns one bit of one file over. */
function rot(node: SimNode, fault: Fault, world: FaultWorld): Effect | null {
  const place = rotPlace(node, fault, world);
  if (place === null) return null;
  const { path, position } = place;
  const bit = world.kernel.draws.draw(ROT, faultKey(fault), node.key, 1) & 7;
  node.disk.file(path).rot(position, bit);
  node.damaged("bit-rot", path, position, position + 1);
  return { end: null, detail: { path, position, bit } };
}

/** Which byte rots: the one that the fault says, else by draw over all bytes; null for none. */
export function rotPlace(node: SimNode, fault: Fault, world: FaultWorld): RotPlace | null {
  const { disk } = node;
  const scope = fault.path;
  const paths = disk.files().filter((path) => scope === undefined || isWithin(path, scope));
  let at = 0;
  for (const path of paths) at += disk.size(path);
  if (at === 0) return null;
  at = world.kernel.draws.below(at, ROT, faultKey(fault), node.key, 0);
  for (const path of paths) {
    const size = disk.size(path);
    if (fault.position !== undefined ? fault.position < size : at < size) {
      return { path, position: fault.position ?? at };
    }
    at -= size;
  }
  return null;
}

function wishOf(fault: Fault): PowerLossWish {
  return {
    ...(fault.keep === undefined ? {} : { keepBytes: fault.keep }),
    ...(fault.keepChunks === undefined ? {} : { keepChunks: fault.keepChunks }),
    ...(fault.path === undefined ? {} : { path: fault.path }),
  };
}
