import { LogRules } from "../../core/log/log-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongLogRules extends LogRules {
  override verifiesAtStart(): boolean {
    return false;
  }
}

/**
 * After an unclean stop the tail of a log is trusted. b2 loses power in the middle of a write
 * and comes back with half a batch.
 */
export const S01: KnownBug = {
  id: "S01",
  name: "recovery-skips-crc",
  origin: "textbook: torn write",
  rules: { log: WrongLogRules },
  needs: [],
  violates: ["A5"],
  visible: [],
  easy: true,
  schedule: schedule("S01", {
    replicas: ["b1", "b2", "b3"],
    workload: sends("m", 4 * SECOND, 20),
    faults: [
      {
        id: "f1",
        kind: "power-loss",
        target: { node: "b2" },
        keep: 1000,
        at: 4.5 * SECOND,
        for: 5 * SECOND,
      },
    ],
  }),
};
