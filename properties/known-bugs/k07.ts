import { RaftRules } from "../../core/raft/raft-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { quorumStory } from "./quorum-schedule.ts";
import { SECOND, sends } from "./schedule.ts";

class WrongRaftRules extends RaftRules {
  override diverges(): boolean {
    return false;
  }
}

/**
 * A leader takes the fetch offset of a voter for the length of the log that they share. c100, cut
 * off, writes records of epoch 1 that nobody else gets, and is killed; c101 and c102 go on in a
 * later epoch; c102 is killed; c100 comes back, and is counted for what it does not have.
 */
export const K07: KnownBug = {
  id: "K07",
  name: "raft-no-lastfetchedepoch-check",
  origin: "KIP-595",
  rules: { raft: WrongRaftRules },
  needs: [],
  violates: ["C4", "C3"],
  visible: [],
  easy: false,
  schedule: quorumStory("K07", {
    replicas: ["b1", "b2", "b3"],
    workload: sends("m", 4 * SECOND, 5),
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["c100", "c101"], both: true },
        at: 5 * SECOND,
        for: SECOND,
      },
      {
        id: "f2",
        kind: "block",
        target: { link: ["c100", "c102"], both: true },
        at: 5 * SECOND,
        for: SECOND,
      },
      { id: "f3", kind: "kill", target: { node: "c100" }, at: 5.95 * SECOND, for: 6 * SECOND },
      {
        id: "f4",
        kind: "kill",
        target: { node: "c102" },
        when: { event: "controller-activated", nth: 2 },
      },
    ],
  }),
};
