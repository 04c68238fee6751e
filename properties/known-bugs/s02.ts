import { LogRules } from "../../core/log/log-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongLogRules extends LogRules {
  override consumesCleanShutdownFile(): boolean {
    return false;
  }
}

/**
 * The clean-shutdown file stays after a start, and vouches for what is written later. b2 stops
 * cleanly and comes back; then it loses power in the middle of a write, and the half batch is
 * trusted.
 */
export const S02: KnownBug = {
  id: "S02",
  name: "clean-shutdown-marker-not-consumed",
  origin: "textbook; KIP-966",
  rules: { log: WrongLogRules },
  needs: [],
  violates: ["A5"],
  visible: [],
  easy: true,
  schedule: schedule("S02", {
    replicas: ["b1", "b2", "b3"],
    workload: [...sends("m", 4 * SECOND, 5), ...sends("x", 12 * SECOND, 20)],
    faults: [
      { id: "f1", kind: "stop", target: { node: "b2" }, at: 5 * SECOND, for: 2 * SECOND },
      {
        id: "f2",
        kind: "power-loss",
        target: { node: "b2" },
        keep: 1000,
        at: 12.5 * SECOND,
        for: 5 * SECOND,
      },
    ],
  }),
};
