import type { LatencyOptions } from "../../sim/network/latency.ts";
import type { Draw } from "./draw.ts";
import { spread, weighted } from "./draw.ts";
import { MS } from "./time.ts";

/**
 * How long frames travel in a run. Races need delays of the size of timeouts, so that one run in
 * four is slow; the others are as networks are.
 */
export function drawLatency(draw: Draw): LatencyOptions {
  const slow = draw.chance(1, 4) ? { spreadUs: spread(draw, 5 * MS, 150 * MS) } : {};
  const crossRack = draw.chance(1, 4) ? { crossRackUs: draw.between(1, 20) * MS } : {};
  switch (
    weighted(draw, [
      ["constant", 1],
      ["uniform", 3],
      ["heavy-tail", 4],
      ["personality", 2],
      ["change-points", 2],
    ])
  ) {
    case "constant":
      return { model: "constant", ...crossRack };
    case "uniform":
      return { model: "uniform", ...slow, ...crossRack };
    case "heavy-tail":
      return { model: "heavy-tail", ...crossRack };
    case "personality":
      return { model: "personality", ...crossRack };
    default:
      return { model: "change-points", changeEveryUs: draw.between(500, 8000) * MS };
  }
}
