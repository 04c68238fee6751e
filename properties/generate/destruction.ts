/**
 * Faults that destroy what a node counts on: syncs that do nothing, bits that turn over, new disks. On
 * brokers and voters alike, at a low rate, and with draws of their own, so that they leave the rest of a
 * plan alone. The strict profile refuses those that would take the last good copy of something.
 */
import { METADATA_TOPIC } from "../../core/ids.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import type { Draw } from "./draw.ts";
import { spread, weighted } from "./draw.ts";
import type { FaultSpace } from "./faults.ts";
import { brokerTarget, controller } from "./faults.ts";
import { MS, SECOND } from "./time.ts";
import { drawTrigger } from "./triggers.ts";

/** log.dir of every node, unless a plan says otherwise. */
const LOG_DIRECTORY = "data";
const METADATA_PARTITION = `${METADATA_TOPIC}-0`;
const FIRST_SEGMENT = "00000000000000000000.log";

/** Of a plan. */
const counts: readonly (readonly [number, number])[] = [
  [0, 3],
  [1, 2],
  [2, 1],
];

/** Their ids are numbered on from `before`. */
export function drawDestruction(draw: Draw, space: FaultSpace, before: number): Fault[] {
  const faults: Fault[] = [];
  const add = (fault: Omit<Fault, "id">): void => {
    faults.push({ id: `f${before + faults.length + 1}`, ...fault });
  };
  for (let left = weighted(draw, counts); left > 0; left -= 1) {
    const blow = drawBlow(draw, space);
    if (draw.chance(1, 2)) {
      add({ ...blow, when: drawTrigger(draw, space) });
      continue;
    }
    const at = draw.between(space.fromUs, space.untilUs);
    add({ ...blow, at });
    // A lost sync shows only when the power goes; rot only when the bytes are read again.
    if (blow.kind === "restart" || !draw.chance(2, 3)) continue;
    const { target } = blow;
    const later = Math.min(at + draw.between(10, 6000) * MS, space.untilUs);
    const down = { target, at: later, for: spread(draw, 100 * MS, 4 * SECOND) };
    if (blow.kind === "lost-sync") add({ kind: "power-loss", ...down });
    else add({ kind: "kill", ...down });
  }
  return faults;
}

function drawBlow(draw: Draw, space: FaultSpace): Omit<Fault, "id"> {
  const target = draw.chance(1, 2) ? controller(draw, space) : brokerTarget(draw, space);
  switch (draw.pick(["lost-sync", "bit-rot", "restart"] as const)) {
    case "lost-sync":
      return { kind: "lost-sync", target, for: spread(draw, 500 * MS, 8 * SECOND) };
    case "bit-rot":
      return { kind: "bit-rot", target, ...rotten(draw) };
    case "restart":
      return { kind: "restart", target, for: spread(draw, 100 * MS, 3 * SECOND), disk: "empty" };
  }
}

/**
 * Of the metadata, mostly in its log. A partition's leader that rots serves nobody what lies there until
 * another leads, which only a story can see to.
 */
function rotten(draw: Draw): { readonly path: string } {
  const name = draw.chance(1, 3) ? "" : `/${FIRST_SEGMENT}`;
  return { path: `${LOG_DIRECTORY}/${METADATA_PARTITION}${name}` };
}
