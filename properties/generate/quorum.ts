/** Who votes in a drawn cluster, and how fast its quorum decides. */
import type { SettingValue } from "../../core/settings/definition.ts";
import type { Servers } from "./cluster-parts.ts";
import type { Draw } from "./draw.ts";
import { weighted } from "./draw.ts";

/** One, three or five voters; in one cluster of five the brokers vote themselves. */
export function drawServers(draw: Draw, brokers: number): Servers {
  const controllers = weighted(draw, [
    [1, 2],
    [3, 6],
    [5, 2],
  ]);
  const combined = draw.chance(1, 5);
  return { brokers, controllers: combined ? oddUpTo(brokers, controllers) : controllers, combined };
}

/** Timeouts of a quorum in a run in which all others are a tenth of Kafka's. */
export const shortQuorumTimeouts: Readonly<Record<string, SettingValue>> = {
  "controller.quorum.election.timeout.ms": 500,
  "controller.quorum.fetch.timeout.ms": 1000,
  "controller.quorum.request.timeout.ms": 1000,
  "controller.quorum.election.backoff.max.ms": 500,
};

/** Small numbers, so that snapshots, truncations and fetches in pieces happen in a short run. */
export function drawQuorumSettings(draw: Draw): Record<string, SettingValue> {
  const settings: Record<string, SettingValue> = {};
  const small = draw.chance(1, 2);
  if (small) {
    settings["metadata.log.max.record.bytes.between.snapshots"] = draw.between(500, 8000);
    settings["metadata.log.segment.bytes"] = draw.between(500, 8000);
    settings["metadata.max.retention.bytes"] = draw.between(1000, 20_000);
  }
  // In smaller pieces no snapshot would arrive before the next one takes its place.
  const piece = small ? draw.between(1500, 4000) : draw.between(1, 2000);
  if (draw.chance(1, 4)) settings["controller.quorum.fetch.max.bytes"] = piece;
  if (small && draw.chance(1, 3)) settings["metadata.log.max.snapshot.interval.ms"] = 2000;
  return settings;
}

/** The largest odd number of voters that so many brokers can be, at most `wanted`. */
function oddUpTo(brokers: number, wanted: number): number {
  const most = Math.min(brokers, wanted);
  return most % 2 === 1 ? most : most - 1;
}
