import { IsrRules } from "../../core/replication/isr-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongIsrRules extends IsrRules {
  override mayAdvance(): boolean {
    return true;
  }
}

/**
 * The high watermark moves although the ISR is smaller than min.insync.replicas. b1 is alone; a
 * record that only it has is read by a consumer; b2, elected uncleanly, does not have it.
 */
export const R14: KnownBug = {
  id: "R14",
  name: "hw-advances-under-min-isr",
  origin: "KIP-966",
  rules: { isr: WrongIsrRules },
  needs: [],
  violates: ["B4", "B7"],
  visible: [],
  easy: false,
  schedule: schedule("R14", {
    replicas: ["b1", "b2", "b3"],
    settings: { "unclean.leader.election.enable": true },
    clients: [producer("p1", { acks: "1", "enable.idempotence": false }), consumer("r1")],
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
