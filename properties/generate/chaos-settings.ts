/**
 * Settings for plans in which everything may be lost: from those that promise much to those that
 * promise nothing, so that every loss has somebody to blame.
 */
import type { SettingValue } from "../../core/settings/definition.ts";
import type { ProducerPlan, SettingValues } from "../plan/plan.ts";
import type { Draw } from "./draw.ts";
import { weighted } from "./draw.ts";

/** What a topic and its brokers promise. */
export function drawChaosSettings(draw: Draw): SettingValues {
  const settings: Record<string, SettingValue> = {
    "unclean.leader.election.enable": draw.chance(1, 3),
    // Kafka looks for leaderless partitions every five minutes: longer than a run.
    "unclean.leader.election.interval.ms": draw.pick([1000, 5000, 300000]),
  };
  const flush = weighted<"never" | "always" | "now and then">(draw, [
    ["never", 5],
    ["always", 2],
    ["now and then", 1],
  ]);
  if (flush === "always") settings["flush.messages"] = 1;
  if (flush === "now and then") settings["flush.messages"] = draw.between(2, 20);
  return settings;
}

export function drawMinInsyncReplicas(draw: Draw, replicationFactor: number): number {
  const most = Math.min(3, replicationFactor);
  return Math.min(most, weighted(draw, [[1, 3], [2, 5], [3, 1]] as const)); // prettier-ignore
}

export function drawReplicationFactor(draw: Draw): number {
  return weighted(draw, [[1, 1], [2, 2], [3, 5]] as const); // prettier-ignore
}

/** In each run most producers wait for all replicas, or hardly any does. */
export function drawChaosProducers(draw: Draw, producers: readonly ProducerPlan[]): ProducerPlan[] {
  const careless = draw.chance(1, 5);
  return producers.map((plan) => {
    const acks = weighted<"all" | 1 | 0>(draw, [
      ["all", careless ? 2 : 12],
      [1, careless ? 4 : 1],
      [0, careless ? 2 : 0],
    ]);
    if (acks !== "all") {
      return { ...plan, settings: { ...plan.settings, acks, "enable.idempotence": false } };
    }
    if (!draw.chance(1, 6)) return plan;
    return { ...plan, settings: { ...plan.settings, "enable.idempotence": false } };
  });
}
