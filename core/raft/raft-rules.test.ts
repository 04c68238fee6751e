import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import type { RaftStateName } from "./raft-facts.ts";
import { RaftRules } from "./raft-rules.ts";

const rules = new RaftRules();
const STATES: readonly RaftStateName[] = [
  "unattached",
  "follower",
  "prospective",
  "candidate",
  "leader",
  "resigned",
];

describe("RaftRules", () => {
  it("give a vote once an epoch, and only where no leader is known", () => {
    const granting = (voted: "nobody" | "candidate" | "another", leader: boolean): string[] =>
      STATES.filter((state) => rules.mayGrantVote(state, false, true, voted, leader, false));
    expect(granting("nobody", false)).toEqual(["unattached", "prospective"]);
    expect(granting("nobody", true)).toEqual([]);
    expect(granting("another", false)).toEqual([]);
    expect(granting("candidate", true)).toEqual(["unattached", "prospective"]);
    // Again to the same one, however its log looks now.
    expect(rules.mayGrantVote("unattached", false, false, "candidate", false, false)).toBe(true);
    expect(rules.mayGrantVote("unattached", false, false, "nobody", false, false)).toBe(false);
  });

  it("promise a vote wherever no leader answers", () => {
    const promising = (hasFetched: boolean): string[] =>
      STATES.filter((state) => rules.mayGrantVote(state, true, true, "another", true, hasFetched));
    expect(promising(false)).toEqual([
      "unattached",
      "follower",
      "prospective",
      "candidate",
      "resigned",
    ]);
    expect(promising(true)).toEqual(["unattached", "prospective", "candidate", "resigned"]);
  });

  it("refuse votes of old epochs, and of logs that are ahead of their own epoch", () => {
    expect(rules.voteError(false, 5, 4, 10, 5)).toBe(Errors.NONE);
    expect(rules.voteError(false, 5, 5, 10, 5)).toBe(Errors.INVALID_REQUEST);
    expect(rules.voteError(true, 5, 5, 10, 5)).toBe(Errors.NONE);
    expect(rules.voteError(true, 5, 6, 10, 5)).toBe(Errors.INVALID_REQUEST);
    expect(rules.voteError(false, 4, 3, 10, 5)).toBe(Errors.FENCED_LEADER_EPOCH);
  });

  it("let successors stand one after the other, whoever is not listed last", () => {
    const waits = [0, 1, 2, -1].map((position) => rules.successorBackoffMs(position, 3, 1000));
    expect(waits).toEqual([0, 500, 1000, 1000]);
  });

  it("begin where the disk says", () => {
    expect(rules.stateAtStart(3, 4, true, true, true)).toBe("unattached");
    expect(rules.stateAtStart(4, 4, true, true, true)).toBe("resigned");
    expect(rules.stateAtStart(4, 3, false, true, false)).toBe("candidate");
    expect(rules.stateAtStart(4, 3, false, false, true)).toBe("follower");
    expect(rules.stateAtStart(4, 3, false, false, false)).toBe("unattached");
  });

  it("count a majority for commits, elections and the quorum's presence alike", () => {
    for (const [voters, others] of [
      [1, 0],
      [2, 1],
      [3, 1],
      [4, 2],
      [5, 2],
      [7, 3],
    ] as const) {
      expect(rules.hasMajorityFetched(others, voters)).toBe(true);
      expect(rules.isElected(others + 1, voters)).toBe(true);
      expect(rules.isElected(others, voters)).toBe(false);
      // So many others hold what lies at that index.
      expect(rules.committedIndex(voters)).toBe(others);
      if (others > 0) expect(rules.hasMajorityFetched(others - 1, voters)).toBe(false);
    }
    expect(rules.hasLostQuorum(100000, 600, 1)).toBe(false);
    expect(rules.hasLostQuorum(899, 600, 3)).toBe(false);
    expect(rules.hasLostQuorum(900, 600, 3)).toBe(true);
  });
});
