import type { FactOf } from "../../core/facts.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * C1, election safety of the metadata quorum: in one epoch at most one node leads, and all who name a
 * leader of that epoch name that one (KIP-595).
 *
 * Broken by: a voter that forgets its vote when it restarts.
 *   1. K2 votes for K1 in epoch 5 and restarts   2. K3 asks for a vote in epoch 5 and gets it
 *   3. K1, by its own vote and K2's, and K3, by its own and K2's, lead in epoch 5
 */
export class OneQuorumLeaderPerEpoch extends Check {
  readonly id = "C1";

  override readonly before: Handlers = {
    "raft-state": (fact, moment) => this.#judge(fact, moment),
  };

  #judge(fact: FactOf<"raft-state">, moment: Moment): void {
    const { state, epoch, leader } = fact;
    const named = state === "leader" ? moment.nodeId : leader;
    if (named < 0) return;
    const elected = this.ghost.quorum.leaderIn[epoch];
    if (elected === undefined) return;
    this.evaluations += 1;
    if (elected === named) return;
    const claim = state === "leader" ? "leads" : `takes ${named} for the leader`;
    this.fail(moment, `${moment.node} ${claim} in epoch ${epoch}, in which ${elected} was elected`);
  }
}
