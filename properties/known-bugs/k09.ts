import { RaftRules } from "../../core/raft/raft-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongRaftRules extends RaftRules {
  override hasLostQuorum(): boolean {
    return false;
  }
}

/**
 * The leader of the quorum does not resign when no majority fetches from it. It is cut off from the
 * other controllers and not from the brokers, and stays so: the others elect one of their own, while the
 * brokers go on asking the old one, which can commit nothing, and never look for another.
 */
export const K09: KnownBug = {
  id: "K09",
  name: "raft-no-check-quorum",
  origin: "KAFKA-15489",
  rules: { raft: WrongRaftRules },
  needs: [],
  violates: ["L2", "L3", "L6"],
  visible: [],
  easy: false,
  schedule: schedule("K09", {
    replicas: ["b1", "b2", "b3"],
    controllers: 3,
    // c102 leads.
    core: ["c100", "c101", "b1", "b2", "b3"],
    workload: sends("m", 4 * SECOND),
    faults: [
      { id: "f1", kind: "block", target: { link: ["c102", "c100"], both: true }, at: 5 * SECOND },
      { id: "f2", kind: "block", target: { link: ["c102", "c101"], both: true }, at: 5 * SECOND },
    ],
    healAt: 6 * SECOND,
  }),
};
