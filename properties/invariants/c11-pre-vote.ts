import type { FactOf } from "../../core/facts.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * C11, pre-vote (KIP-996): a voter raises the epoch only after a majority, itself included, has
 * promised to vote for it; and a follower that its leader has answered promises nothing. So a voter
 * that is cut off from the leader alone cannot depose it.
 *
 * Broken by: a voter that stands for election as soon as its fetch timeout is over.
 *   1. K3 is cut off from leader K1, K2 is not   2. K3 raises the epoch, and K1 has to resign
 */
export class PreVote extends Check {
  readonly id = "C11";

  override readonly before: Handlers = {
    "raft-state": (fact, moment) => {
      if (fact.state === "candidate") this.#judgeCandidate(fact, moment);
    },
    "vote-granted": (fact, moment) => {
      if (fact.preVote && fact.candidate !== moment.nodeId) this.#judgePromise(fact, moment);
    },
  };

  #judgeCandidate(fact: FactOf<"raft-state">, moment: Moment): void {
    const member = this.ghost.quorum.member(moment.nodeId);
    // One that starts as a candidate stands in the epoch in which it stood before.
    if (member.state === null || fact.epoch === member.epoch || fact.voters.length === 1) return;
    this.evaluations += 1;
    const promises = member.state === "prospective" ? member.promises.size : 0;
    if (promises > fact.voters.length / 2) return;
    const message = `${moment.node} stands for election in epoch ${fact.epoch} with the promises of ${promises} of ${fact.voters.length} voters`;
    this.fail(moment, message);
  }

  #judgePromise(fact: FactOf<"vote-granted">, moment: Moment): void {
    const { state, heardLeader, leader } = this.ghost.quorum.member(moment.nodeId);
    this.evaluations += 1;
    if (state !== "follower" || !heardLeader) return;
    const message = `${moment.node} promised its vote to ${fact.candidate} though it follows ${leader}, which has answered it`;
    this.fail(moment, message);
  }
}
