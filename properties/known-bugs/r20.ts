import { ElectionRules } from "../../core/controller/election-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongElectionRules extends ElectionRules {
  override mayLead(_isInIsr: boolean, isAcceptable: boolean): boolean {
    return isAcceptable;
  }
}

/**
 * Any live replica may be elected, in the ISR or not. b3 is out of the ISR and behind; b1 and b2
 * die; b3 returns.
 */
export const R20: KnownBug = {
  id: "R20",
  name: "elect-outside-isr",
  origin: "textbook",
  rules: { election: WrongElectionRules },
  needs: [],
  violates: ["B13", "B10", "B1"],
  visible: ["unseen"],
  easy: true,
  schedule: schedule("R20", {
    replicas: ["b1", "b2", "b3"],
    readsAfterwards: true,
    workload: sends("m", 9 * SECOND, 3),
    faults: [
      { id: "f1", kind: "kill", target: { node: "b3" }, at: 4 * SECOND },
      { id: "f2", kind: "kill", target: { node: "b1" }, at: 12 * SECOND },
      { id: "f3", kind: "kill", target: { node: "b2" }, at: 12 * SECOND },
      { id: "f4", kind: "restart", disk: "same", target: { node: "b3" }, at: 13 * SECOND },
    ],
  }),
};
