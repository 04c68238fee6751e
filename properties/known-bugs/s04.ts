import { LifecycleRules } from "../../core/controller/lifecycle-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongLifecycleRules extends LifecycleRules {
  override leavesIsrs(): boolean {
    return false;
  }
}

/**
 * A new incarnation of a broker keeps its leaderships and its places in ISRs, whatever its disk
 * has lost. It is masked by the refusal of a second registration while the session lasts, so
 * that it needs K27 too. b1 loses power and half its log, and is back before its session has
 * ended.
 */
export const S04: KnownBug = {
  id: "S04",
  name: "restart-keeps-isr-membership",
  origin: "KIP-966",
  rules: { lifecycle: WrongLifecycleRules },
  needs: ["K27"],
  // B10: the new incarnation is registered fenced and yet in an ISR with others.
  violates: ["B10", "B2", "A4", "B1"],
  visible: ["unseen"],
  easy: false,
  schedule: schedule("S04", {
    replicas: ["b1", "b2", "b3"],
    readsAfterwards: true,
    workload: sends("m", 4 * SECOND, 10),
    faults: [
      {
        id: "f1",
        kind: "power-loss",
        target: { node: "b1" },
        keep: 500,
        at: 6 * SECOND,
        for: 0.3 * SECOND,
      },
    ],
  }),
};
