import { DedupRules } from "../../core/log/dedup-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { PARTITION, schedule, SECOND, sends } from "./schedule.ts";

class WrongDedupRules extends DedupRules {
  override restoresState(why: "start" | "truncation"): boolean {
    return why !== "start";
  }
}

/**
 * A broker starts without what its logs say of producers. The only replica dies when it is about
 * to acknowledge m1; the producer sends it again to the next process, which takes it for new.
 */
export const S10: KnownBug = {
  id: "S10",
  name: "producer-state-lost-on-restart",
  origin: "textbook",
  rules: { dedup: WrongDedupRules },
  needs: [],
  violates: ["A8", "D6", "D1", "D2"],
  visible: ["duplicate"],
  easy: true,
  schedule: schedule("S10", {
    replicas: ["b1"],
    workload: sends("m", 4 * SECOND),
    faults: [
      {
        id: "f1",
        kind: "kill",
        target: { node: "b1" },
        when: { event: "ack-sent", where: { partition: PARTITION }, nth: 1, edge: "before" },
        for: 4 * SECOND,
      },
    ],
  }),
};
