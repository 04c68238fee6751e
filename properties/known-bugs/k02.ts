import { RaftRules } from "../../core/raft/raft-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { quorumStory } from "./quorum-schedule.ts";
import { SECOND, sends } from "./schedule.ts";

class WrongRaftRules extends RaftRules {
  override mustPersistVote(): boolean {
    return false;
  }
}

/**
 * Epoch and vote are kept in memory only. c101 votes for c100 in epoch 1 and is killed; when it is
 * back it has never heard of that election, and votes in epoch 1 for c102, which could not hear of
 * it either.
 */
export const K02: KnownBug = {
  id: "K02",
  name: "raft-vote-not-durable",
  origin: "KIP-595; QuorumState.java",
  rules: { raft: WrongRaftRules },
  needs: [],
  violates: ["C2", "C1"],
  visible: [],
  easy: false,
  schedule: quorumStory("K02", {
    replicas: ["b1", "b2", "b3"],
    nodeSettings: {
      c101: { "controller.quorum.election.timeout.ms": 1500 },
      c102: { "controller.quorum.election.timeout.ms": 400 },
    },
    workload: sends("m", 10 * SECOND, 5),
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["c100", "c102"], both: true },
        at: 0,
        for: 6 * SECOND,
      },
      {
        id: "f2",
        kind: "kill",
        target: { node: "c101" },
        when: {
          event: "vote-granted",
          where: { node: "c101", candidate: 100, preVote: false },
        },
        for: 0.2 * SECOND,
      },
      {
        id: "f3",
        kind: "block",
        target: { link: ["c100", "c101"], both: true },
        when: { event: "raft-state", where: { node: "c100", state: "leader" } },
        for: 5 * SECOND,
      },
    ],
  }),
};
