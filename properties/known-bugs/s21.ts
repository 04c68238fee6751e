import type { LeaderEpoch } from "../../core/ids.ts";
import { LogRules } from "../../core/log/log-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongLogRules extends LogRules {
  override stampedEpoch(_leaderEpoch: LeaderEpoch, given: LeaderEpoch): LeaderEpoch {
    return given;
  }
}

/**
 * A leader stores the epoch that came with the producer's batch, which is none. No fault is
 * needed.
 */
export const S21: KnownBug = {
  id: "S21",
  name: "batch-epoch-not-stamped",
  origin: "KIP-101",
  rules: { log: WrongLogRules },
  needs: [],
  violates: ["A2"],
  visible: [],
  easy: true,
  schedule: schedule("S21", {
    replicas: ["b1", "b2", "b3"],
    workload: sends("m", 4 * SECOND, 3),
    faults: [],
  }),
};
