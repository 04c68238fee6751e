import { RaftRules } from "../../core/raft/raft-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { quorumStory } from "./quorum-schedule.ts";
import { SECOND, sends } from "./schedule.ts";

class WrongRaftRules extends RaftRules {
  override isUpToDate(): boolean {
    return true;
  }
}

/**
 * Votes, and promises of votes, go to candidates whose logs are behind. c102 is cut off and misses
 * what c100 and c101 commit; both are killed; c102 and the restarted c101 elect c102.
 */
export const K03: KnownBug = {
  id: "K03",
  name: "raft-vote-ignores-log",
  origin: "KIP-595",
  rules: { raft: WrongRaftRules },
  needs: [],
  violates: ["C2", "C4"],
  visible: [],
  easy: false,
  schedule: quorumStory("K03", {
    replicas: ["b1", "b2", "b3"],
    workload: sends("m", 4 * SECOND, 5),
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["c102", "*"], both: true },
        at: 5 * SECOND,
        for: 5.2 * SECOND,
      },
      { id: "f2", kind: "kill", target: { node: "c100" }, at: 10 * SECOND },
      { id: "f3", kind: "kill", target: { node: "c101" }, at: 10 * SECOND, for: 0.5 * SECOND },
    ],
    nodeSettings: { c102: { "controller.quorum.election.timeout.ms": 100 } },
  }),
};
