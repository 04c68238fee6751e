/**
 * L3: every broker of the core is up, RUNNING, and unfenced by the controller.
 *
 * Broken by a quorum leader that does not resign when no majority fetches from it
 * (`RaftRules.hasLostQuorum`, KAFKA-15489):
 *   1. c100 leads and is cut off from c101 and c102, but not from the brokers
 *   2. c101 is elected; the brokers go on sending heartbeats to c100, which answers none
 *   3. c101 fences them all, and they never learn of it
 */
import { controllerExcuse, firstOf, serverExcuse } from "./excuses.ts";
import type { HealView, Server } from "./heal-view.ts";
import type { Pending } from "./pending.ts";
import { LivenessCheck } from "./pending.ts";

export class BrokersRun extends LivenessCheck {
  readonly id = "L3";

  *pending(view: HealView): Iterable<Pending> {
    for (const broker of view.brokers) {
      this.evaluations += 1;
      const trouble = troubleOf(view, broker);
      if (trouble === null) continue;
      yield {
        object: broker.name,
        partition: null,
        nodes: [broker.name],
        waitsFor: () => describe(view, broker, trouble),
        excuse: () =>
          firstOf(
            () => serverExcuse(view, broker.nodeId),
            () => controllerExcuse(view),
          ),
      };
    }
  }
}

type Trouble = "down" | "state" | "unregistered" | "fenced" | "leaving";

function troubleOf(view: HealView, { nodeId }: Server): Trouble | null {
  if (!view.isUp(nodeId)) return "down";
  if (view.ghost.nodes.find((node) => node.nodeId === nodeId)?.state !== "RUNNING") return "state";
  const registration = view.ghost.metadata.brokers.get(nodeId);
  if (registration === undefined) return "unregistered";
  if (registration.fenced) return "fenced";
  return registration.inControlledShutdown ? "leaving" : null;
}

function describe(view: HealView, { nodeId, name }: Server, trouble: Trouble): string {
  const { exits, active } = view.watch;
  const controller = active === null ? "no controller" : `the controller ${view.name(active.node)}`;
  switch (trouble) {
    case "down":
      return `its process has ended (${exits.get(nodeId) ?? "killed"})`;
    case "state": {
      const state = view.ghost.nodes.find((node) => node.nodeId === nodeId)?.state ?? "STARTING";
      return `it is ${state}, and waits for ${controller}`;
    }
    case "unregistered":
      return `${controller} has not registered it`;
    case "fenced":
      return `${controller} has fenced it and hears no heartbeat of ${name}`;
    case "leaving":
      return `${controller} takes it for leaving`;
  }
}
