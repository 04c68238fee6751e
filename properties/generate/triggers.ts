import type { FactKind } from "../../core/facts.ts";
import type { Trigger } from "../../sim/faults/fault.ts";
import type { Draw } from "./draw.ts";
import { weighted } from "./draw.ts";

/** What a trigger may be drawn from. */
export interface TriggerSpace {
  readonly partitions: readonly string[];
  /** More than one of them: their elections are events too. */
  readonly controllers: readonly string[];
  /** Records that the run sends. */
  readonly sends: number;
}

/** Events that say something changed in the cluster: which occurrence is worth waiting for. */
const changes: readonly (readonly [FactKind, number, number])[] = [
  // The first ones of each are those of a starting cluster.
  ["became-leader", 4, 12],
  ["became-follower", 7, 20],
  ["partition-decided", 4, 16],
  ["broker-unfenced", 4, 8],
  ["broker-registered", 4, 8],
  ["fetcher-added", 7, 24],
  ["broker-fenced", 1, 4],
  ["isr-proposed", 1, 8],
  ["isr-committed", 1, 8],
  ["alter-partition-handled", 1, 8],
  ["truncated", 1, 4],
  ["log-loaded", 1, 9],
  ["stale-epoch-refused", 1, 6],
  ["duplicate-found", 1, 3],
];

/** Events of a quorum that elects. */
const elections: readonly (readonly [FactKind, number, number])[] = [
  ["vote-granted", 4, 16],
  ["controller-activated", 1, 4],
  ["controller-resigned", 1, 3],
  ["raft-state", 14, 40],
  ["voter-fetched", 20, 200],
  ["metadata-committed", 20, 80],
  ["snapshot-generated", 1, 6],
  ["snapshot-installed", 1, 2],
];

/** Events that follow the traffic, each with how many there are for a record, about. */
const traffic: readonly (readonly [FactKind, number])[] = [
  ["appended", 3],
  ["ack-sent", 1],
  ["high-watermark", 3],
  ["follower-fetched", 2],
  ["batch-sent", 1],
  ["polled", 1],
];

/** Whether a trigger counts what follows the traffic: one record less, and it strikes elsewhere. */
export function countsTraffic({ event }: Trigger): boolean {
  return traffic.some(([kind]) => kind === event);
}

/** Event, how often, and just before or just after it takes effect. */
export function drawTrigger(draw: Draw, space: TriggerSpace): Trigger {
  const edge = draw.chance(1, 3) ? "before" : "after";
  if (space.controllers.length > 1 && draw.chance(1, 4)) {
    const [event, least, most] = draw.pick(elections);
    return { event, nth: draw.between(least, most), edge };
  }
  if (draw.chance(2, 3)) {
    const [event, least, most] = draw.pick(changes);
    return { event, nth: draw.between(least, most), edge };
  }
  const [event, perRecord] = draw.pick(traffic);
  const total = Math.max(20, space.sends * perRecord);
  // Batching makes events fewer than records: what is far off may never come.
  const percent = weighted(draw, [
    [draw.between(8, 25), 2],
    [draw.between(25, 60), 1],
  ]);
  const nth = Math.ceil((total * percent) / 100);
  if (draw.chance(1, 2)) return { event, nth, edge };
  const where = { partition: draw.pick(space.partitions) };
  return { event, where, nth: Math.ceil(nth / space.partitions.length), edge };
}
