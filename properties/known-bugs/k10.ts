import { RaftRules } from "../../core/raft/raft-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongRaftRules extends RaftRules {
  override asksBeforeStanding(): boolean {
    return false;
  }
}

/**
 * A voter that hears nothing from a leader stands for election without asking whether anybody would vote
 * for it. c100 is cut off from both other controllers, and stays so: again and again it raises the epoch,
 * and would depose the leader, whom everybody else hears well, as soon as one message of it arrived.
 */
export const K10: KnownBug = {
  id: "K10",
  name: "raft-no-prevote",
  origin: "KIP-996",
  rules: { raft: WrongRaftRules },
  needs: [],
  violates: ["C11", "L11"],
  visible: [],
  easy: false,
  schedule: schedule("K10", {
    replicas: ["b1", "b2", "b3"],
    controllers: 3,
    core: ["c101", "c102", "b1", "b2", "b3"],
    // The cluster is watched for as long as something is sent.
    workload: [...sends("m", 4 * SECOND), ...sends("n", 60 * SECOND)],
    faults: [
      { id: "f1", kind: "block", target: { link: ["c102", "c100"], both: true }, at: 5 * SECOND },
      { id: "f2", kind: "block", target: { link: ["c101", "c100"], both: true }, at: 5 * SECOND },
    ],
    healAt: 6 * SECOND,
  }),
};
