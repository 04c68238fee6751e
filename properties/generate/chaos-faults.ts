/**
 * Disasters: faults that take copies, several at once or one after the other, as no cluster is built
 * to survive. They come on top of the faults that any plan has.
 */
import type { Fault, FaultKind } from "../../sim/faults/fault.ts";
import type { Draw } from "./draw.ts";
import { spread, subset, weighted } from "./draw.ts";
import { MS, SECOND } from "./time.ts";

export interface DisasterSpace {
  readonly brokers: readonly string[];
  readonly controllers: readonly string[];
  readonly partitions: readonly string[];
  readonly fromUs: number;
  readonly untilUs: number;
  /** By this factor less lasts than with timeouts of a tenth of Kafka's. */
  readonly shorter: number;
}

/** A fault that has no id yet. */
type Blow = Omit<Fault, "id">;

/** A disaster that begins at that time. */
type Disaster = (draw: Draw, space: DisasterSpace, at: number) => Blow[];

/** Most take copies that a setting would have kept; a few take what nothing can keep. */
const disasters: readonly (readonly [Disaster, number])[] = [
  [blackout, 10],
  [lastOneStanding, 10],
  [lyingDisk, 1],
  [rottenDisk, 1],
  [emptyDisk, 1],
  [foreignDisk, 1],
  [sickDisks, 3],
  [controllerLoss, 3],
];

/** None in one run of four, else up to four; ids are d1, d2 ... */
export function drawDisasters(draw: Draw, space: DisasterSpace): Fault[] {
  const blows: Blow[] = [];
  for (let n = draw.pick([0, 1, 1, 2, 2, 3, 4, 0]); n > 0; n -= 1) {
    const disaster = weighted(draw, disasters);
    const start = draw.between(space.fromUs, space.untilUs);
    blows.push(...disaster(draw, space, start).map((blow) => hastened(blow, start, space)));
  }
  return blows.map((blow, index) => ({ ...blow, id: `d${index + 1}` }));
}

/** Where timeouts are shorter, so are disasters. */
function hastened(blow: Blow, start: number, { shorter }: DisasterSpace): Blow {
  if (shorter === 1) return blow;
  const at = start + Math.round(((blow.at ?? start) - start) / shorter);
  return blow.for === undefined
    ? { ...blow, at }
    : { ...blow, at, for: Math.ceil(blow.for / shorter) };
}

/** A rack, a room, the whole house is without power. */
function blackout(draw: Draw, { brokers }: DisasterSpace, at: number): Blow[] {
  const hit = subset(draw, brokers, draw.between(2, brokers.length));
  return hit.map((node) => ({ ...powerLoss(draw), target: { node }, at: at + draw.below(3) }));
}

/** All others are away for longer than a session; then the last member of the ISR loses power. */
function lastOneStanding(draw: Draw, { brokers, partitions }: DisasterSpace, at: number): Blow[] {
  const [survivor, ...others] = draw.shuffled(brokers) as [string, ...string[]];
  const gone: Blow[] = others.map((node) => ({
    kind: draw.pick<FaultKind>(["kill", "pause", "block", "stop"]),
    target: { node },
    at: at + draw.below(500 * MS),
    for: draw.between(6, 11) * SECOND,
  }));
  const target = draw.chance(1, 2)
    ? { node: survivor }
    : { role: "last-isr-member", of: draw.pick(partitions) };
  const then = at + draw.between(3500, 6000) * MS;
  return [...gone, { ...powerLoss(draw), target, at: then }];
}

/** A disk that says it has synced, and then the power goes. */
function lyingDisk(draw: Draw, space: DisasterSpace, at: number): Blow[] {
  const target = { node: draw.pick(space.brokers) };
  const lasting = spread(draw, 500 * MS, 8 * SECOND);
  const lie: Blow = { kind: "lost-sync", target, at, for: lasting };
  if (draw.chance(1, 4)) return [lie];
  return [lie, { ...powerLoss(draw), target, at: at + draw.below(lasting) }];
}

/** A bit of a segment turns over; a restart may find it. */
function rottenDisk(draw: Draw, { brokers, partitions }: DisasterSpace, at: number): Blow[] {
  const target = { node: draw.pick(brokers) };
  const path = `data/${draw.pick(partitions)}/00000000000000000000.log`;
  const rot: Blow = { kind: "bit-rot", target, at, path };
  if (draw.chance(1, 2)) return [rot];
  const then = at + spread(draw, 10 * MS, 4 * SECOND);
  return [rot, { kind: "kill", target, at: then, for: spread(draw, 100 * MS, 6 * SECOND) }];
}

function emptyDisk(draw: Draw, { brokers }: DisasterSpace, at: number): Blow[] {
  const target = { node: draw.pick(brokers) };
  const away = spread(draw, 100 * MS, 8 * SECOND);
  return [{ kind: "restart", target, at, for: away, disk: "empty" }];
}

function foreignDisk(draw: Draw, { brokers }: DisasterSpace, at: number): Blow[] {
  const [node, of] = draw.shuffled(brokers) as [string, string];
  return [{ kind: "restart", target: { node }, at, disk: "of", of }];
}

/** The same trouble with all disks at once; who halted is started again when it is over. */
function sickDisks(draw: Draw, { brokers }: DisasterSpace, at: number): Blow[] {
  const lasting = spread(draw, 200 * MS, 5 * SECOND);
  const trouble = draw.pick<Pick<Blow, "kind" | "factor" | "freeBytes">>([
    { kind: "disk-full", freeBytes: draw.below(20_000) },
    { kind: "disk-error" },
    { kind: "disk-slow", factor: spread(draw, 10, 500) },
    { kind: "disk-stall" },
  ]);
  const halts = trouble.kind === "disk-full" || trouble.kind === "disk-error";
  return brokers.flatMap((node) => {
    const target = { node };
    const sick: Blow = { ...trouble, target, at, for: lasting };
    if (!halts) return [sick];
    const back = at + lasting + draw.between(10, 2000) * MS;
    return [sick, { kind: "restart", target, at: back, disk: "same" }];
  });
}

/** Nobody can elect anybody for a while. */
function controllerLoss(draw: Draw, { controllers }: DisasterSpace, at: number): Blow[] {
  const kind = draw.pick<FaultKind>(["kill", "power-loss", "pause", "block"]);
  const majority = Math.floor(controllers.length / 2) + 1;
  const hit = subset(draw, controllers, draw.between(majority, controllers.length));
  const away = draw.between(3, 12) * SECOND;
  return hit.map((node) => ({ kind, target: { node }, at: at + draw.below(300 * MS), for: away }));
}

function powerLoss(draw: Draw): Pick<Blow, "kind" | "for" | "keep"> {
  const away = spread(draw, 100 * MS, 8 * SECOND);
  const keep = draw.chance(1, 3) ? { keep: draw.pick([0, 0, -1, 100]) } : {};
  return { kind: "power-loss", for: away, ...keep };
}
