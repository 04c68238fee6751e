import type { FactOf } from "../../core/facts.ts";
import type { RaftStateName } from "../../core/raft/raft-facts.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/** From a state of a running process to the states that may follow it (QuorumState.java, KIP-996). */
const successors: Readonly<Record<RaftStateName, readonly RaftStateName[]>> = {
  unattached: ["unattached", "follower", "prospective", "candidate"],
  follower: ["follower", "unattached", "prospective", "candidate"],
  prospective: ["prospective", "candidate", "unattached", "follower"],
  candidate: ["candidate", "leader", "prospective", "unattached", "follower"],
  leader: ["leader", "resigned", "unattached", "follower"],
  resigned: ["resigned", "unattached", "follower"],
};

/**
 * C6, states and roles: an observer only follows, or looks for whom to follow; a state is followed by
 * one that Kafka lets follow; a leader was elected, that is, it was a candidate of the same epoch; a
 * follower knows whom it follows; and only a leader has a vote and an epoch of its own making.
 *
 * Broken by: a node that leads again in the epoch in which it resigned.
 *   1. K1 leads in epoch 3 and resigns   2. it becomes a candidate of epoch 3 instead of waiting
 */
export class QuorumStates extends Check {
  readonly id = "C6";

  override readonly before: Handlers = {
    "raft-state": (fact, moment) => {
      this.evaluations += 1;
      const wrong = this.#wrong(fact, moment);
      if (wrong !== null) this.fail(moment, `${moment.node} in epoch ${fact.epoch}: ${wrong}`);
    },
  };

  #wrong(fact: FactOf<"raft-state">, moment: Moment): string | null {
    const { state, epoch, leader, voted, isVoter } = fact;
    const member = this.ghost.quorum.member(moment.nodeId);
    if (!isVoter && state !== "unattached" && state !== "follower") {
      return `an observer is ${state}`;
    }
    if (state === "follower" && leader < 0) return "a follower of nobody";
    if (state === "leader" && leader !== moment.nodeId) return `a leader that names ${leader}`;
    if (state === "candidate" && voted !== moment.nodeId) return `a candidate voted for ${voted}`;
    const before = member.state;
    if (before === null) return null;
    // The only voter need not wait for anybody else's election.
    const standsAlone = state === "candidate" && fact.voters.length === 1;
    if (!successors[before].includes(state) && !standsAlone) return `${before} became ${state}`;
    const keepsEpoch = state === "leader" || state === "resigned" || state === "prospective";
    if (keepsEpoch && epoch !== member.epoch) {
      return `${before} of epoch ${member.epoch} became ${state}`;
    }
    return null;
  }
}
