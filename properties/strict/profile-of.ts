import type { Fault, FaultTargets } from "../../sim/faults/fault.ts";
import type { World } from "../../sim/world.ts";
import type { Ghost } from "../ghost/ghost.ts";
import type { Plan } from "../plan/plan.ts";
import { effectiveSetting } from "../plan/settings.ts";
import { ChaosProfile } from "./chaos-profile.ts";
import { StrictProfile } from "./strict-profile.ts";
import { plannedWorld } from "./world-view.ts";

/** Says of each fault that is about to strike whether it may. */
export interface StrikeJudge {
  mayStrike(fault: Fault, targets: FaultTargets): boolean;
}

/** The judge that a plan's profile asks for. Made before the run begins, since it listens. */
export function profileOf(plan: Plan, ghost: Ghost, world: World): StrikeJudge {
  const { nodes } = plan.topology;
  const options = {
    ghost,
    world: plannedWorld(world),
    controllers: nodes.filter(({ roles }) => roles.includes("controller")).map(({ id }) => id),
    strangers: nodes.filter(({ clusterId }) => clusterId !== undefined).map(({ id }) => id),
    heartbeatIntervalMs: (broker: string): number => {
      const own = nodes.find(({ id }) => id === broker)?.settings ?? {};
      return Number(effectiveSetting(plan, "broker", own, "broker.heartbeat.interval.ms"));
    },
  };
  return plan.profile === "chaos" ? new ChaosProfile(options) : new StrictProfile(options);
}
