import { RaftRules } from "../../core/raft/raft-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { quorumStory } from "./quorum-schedule.ts";
import { SECOND, sends } from "./schedule.ts";

class WrongRaftRules extends RaftRules {
  override flushesBeforeFetch(): boolean {
    return false;
  }
}

/**
 * Voters fetch on before they have synced what they got. c102 is cut off; c101 acknowledges, and
 * loses power; c100 is killed; c101 and c102 elect one of them, which lacks what was committed.
 */
export const K05: KnownBug = {
  id: "K05",
  name: "raft-follower-ack-before-fsync",
  origin: "KIP-595",
  rules: { raft: WrongRaftRules },
  needs: [],
  violates: ["C4"],
  visible: [],
  easy: false,
  schedule: quorumStory("K05", {
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
      {
        id: "f3",
        kind: "power-loss",
        target: { node: "c101" },
        keep: 0,
        at: 10 * SECOND,
        for: 0.5 * SECOND,
      },
    ],
  }),
};
