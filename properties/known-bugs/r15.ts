import { ServingRules } from "../../core/replication/serving-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongServingRules extends ServingRules {
  override hasEnoughReplicas(): boolean {
    return true;
  }
}

/**
 * A leader takes acks=all writes although its ISR is smaller than min.insync.replicas. The
 * frozen high watermark masks it, so that it needs R14 too. b1 is alone and acknowledges x; b2,
 * elected uncleanly, does not have it.
 */
export const R15: KnownBug = {
  id: "R15",
  name: "acks-all-ignores-min-isr",
  origin: "KIP-966; textbook",
  rules: { serving: WrongServingRules },
  needs: ["R14"],
  violates: ["B12", "B4", "B1"],
  visible: ["unseen"],
  easy: false,
  schedule: schedule("R15", {
    replicas: ["b1", "b2", "b3"],
    readsAfterwards: true,
    settings: { "unclean.leader.election.enable": true, "delivery.timeout.ms": 12000 },
    workload: sends("x", 10 * SECOND),
    faults: [
      { id: "f1", kind: "kill", target: { node: "b2" }, at: 5 * SECOND },
      { id: "f2", kind: "kill", target: { node: "b3" }, at: 5 * SECOND },
      {
        id: "f3",
        kind: "block",
        target: { link: ["b1", "b2"], both: true },
        at: 12 * SECOND,
        for: 20 * SECOND,
      },
      { id: "f4", kind: "restart", disk: "same", target: { node: "b2" }, at: 13 * SECOND },
      { id: "f5", kind: "kill", target: { node: "b1" }, at: 17 * SECOND },
    ],
  }),
};
