/**
 * L1: the metadata quorum has a functional leader: a controller that is up, that became active in the
 * highest epoch, and that has committed something since the heal. It need not be in the core.
 *
 * Broken by a voter that does not begin an election when its leader is gone, e.g. (KIP-996):
 *   1. the leader c100 dies; c101 and c102 ask each other for pre-votes
 *   2. both are "prospective" and grant none: a follower that has fetched from c100 once refuses
 *   3. nobody ever stands
 */
import { quorumExcuse } from "./excuses.ts";
import type { HealView } from "./heal-view.ts";
import type { Pending } from "./pending.ts";
import { LivenessCheck } from "./pending.ts";

export class QuorumLeader extends LivenessCheck {
  readonly id = "L1";

  *pending(view: HealView): Iterable<Pending> {
    this.evaluations += 1;
    if (isFunctional(view)) return;
    yield {
      object: "__cluster_metadata-0",
      partition: null,
      nodes: view.voters.map(({ name }) => name),
      waitsFor: () => describe(view),
      excuse: () => quorumExcuse(view),
    };
  }
}

function isFunctional(view: HealView): boolean {
  const { active, committedAt } = view.watch;
  if (active === null) return false;
  const { alive, paused } = view.world.node(view.name(active.node));
  if (!alive || paused) return false;
  return !view.quorumSpeaks || committedAt >= view.healedAt;
}

function describe(view: HealView): string {
  const roles = view.voters.map(({ name, nodeId }) => {
    if (!view.isUp(nodeId)) return `${name} is down`;
    const { state, epoch } = view.ghost.quorum.member(nodeId);
    return `${name} is ${state ?? "starting"} in epoch ${epoch}`;
  });
  return `no controller that commits leads the quorum: ${roles.join(", ")}`;
}
