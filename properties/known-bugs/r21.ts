import { ElectionRules } from "../../core/controller/election-rules.ts";
import type { NodeId } from "../../core/ids.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongElectionRules extends ElectionRules {
  override isrOfUncleanLeader(_leader: NodeId, isr: readonly NodeId[]): readonly NodeId[] {
    return isr;
  }
}

/**
 * An unclean election leaves the old ISR as it was, without the new leader. Nothing is written
 * after b3 went, so that its unclean election loses nothing; b1 and b2 go too, b3 returns.
 */
export const R21: KnownBug = {
  id: "R21",
  name: "unclean-leader-keeps-old-isr",
  origin: "KIP-704; PartitionChangeBuilder.java",
  rules: { election: WrongElectionRules },
  needs: [],
  violates: ["B10"],
  visible: [],
  easy: false,
  schedule: schedule("R21", {
    replicas: ["b1", "b2", "b3"],
    settings: { "unclean.leader.election.enable": true },
    workload: sends("m", 4 * SECOND, 3),
    faults: [
      { id: "f1", kind: "kill", target: { node: "b3" }, at: 6 * SECOND },
      { id: "f2", kind: "kill", target: { node: "b2" }, at: 11 * SECOND },
      { id: "f3", kind: "kill", target: { node: "b1" }, at: 16 * SECOND },
      { id: "f4", kind: "restart", disk: "same", target: { node: "b3" }, at: 21 * SECOND },
    ],
  }),
};
