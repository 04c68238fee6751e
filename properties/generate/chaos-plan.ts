/** Plans of the flagship in which every fault strikes, settings promise less, and disasters happen. */
import type { Plan } from "../plan/plan.ts";
import { healDeadlineUs } from "../liveness/deadline.ts";
import { brokerNames } from "./cluster-parts.ts";
import { drawDisasters } from "./chaos-faults.ts";
import {
  drawChaosProducers,
  drawChaosSettings,
  drawMinInsyncReplicas,
  drawReplicationFactor,
} from "./chaos-settings.ts";
import type { Draw } from "./draw.ts";
import type { InputEvent } from "./input-event.ts";
import { drawOrderEventsPlan } from "./order-events-plan.ts";
import type { Pace } from "./pace.ts";
import { brisk } from "./pace.ts";
import { SECOND } from "./time.ts";

const DISASTERS_FROM = 3 * SECOND;
/** Disasters begin so long before the heal, to have time for what comes last in them. */
const BEFORE_HEAL = 5 * SECOND;

export function drawChaosPlan(
  draw: Draw,
  seed: string,
  events: readonly InputEvent[],
  ownPace: Pace | null = null,
): Plan {
  const size = draw.fork("chaos-size");
  const brokers = size.pick([3, 3, 3, 4, 5]);
  const partitions = size.between(1, 4);
  const replicationFactor = drawReplicationFactor(size);
  const minInsyncReplicas = drawMinInsyncReplicas(size, replicationFactor);
  const shape = { brokers, partitions, replicationFactor, minInsyncReplicas };
  const plan = drawOrderEventsPlan(draw, seed, events, shape, ownPace);
  const pace = ownPace ?? brisk;
  const shorter = brisk.longestFaultUs / pace.longestFaultUs;
  const producers = plan.clients.filter((client) => client.kind === "producer");
  const others = plan.clients.filter((client) => client.kind !== "producer");
  const [topic] = plan.topics;
  const disasters = drawDisasters(draw.fork("disasters"), {
    brokers: brokerNames(brokers),
    controllers: plan.topology.nodes
      .filter(({ roles }) => roles.includes("controller"))
      .map(({ id }) => id),
    partitions: Array.from({ length: partitions }, (_, index) => `${topic?.name}-${index}`),
    fromUs: ownPace?.faultsFromUs ?? DISASTERS_FROM,
    untilUs: pace.healAtUs - BEFORE_HEAL / shorter,
    shorter,
  });
  const settings = { ...plan.settings, ...drawChaosSettings(draw.fork("chaos-settings")) };
  const clients = [...drawChaosProducers(draw.fork("chaos-producers"), producers), ...others];
  // These settings may take their time: unclean elections come with intervals of their own.
  const deadline = healDeadlineUs({ settings, clients, topology: plan.topology });
  return {
    ...plan,
    profile: "chaos",
    settings,
    horizon: plan.heal.at + deadline,
    clients,
    faults: [...plan.faults, ...disasters],
    heal: { ...plan.heal, deadline },
  };
}
