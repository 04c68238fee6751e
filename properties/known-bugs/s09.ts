import { DedupRules } from "../../core/log/dedup-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { PARTITION, schedule, SECOND, sends } from "./schedule.ts";

class WrongDedupRules extends DedupRules {
  override updatesState(role: "leader" | "follower"): boolean {
    return role === "leader";
  }
}

/**
 * Followers do not keep track of producers. b1 dies when it is about to acknowledge m1; the
 * producer sends it again to b2, which takes it for new.
 */
export const S09: KnownBug = {
  id: "S09",
  name: "producer-state-not-replicated",
  origin: "textbook",
  rules: { dedup: WrongDedupRules },
  needs: [],
  violates: ["D6", "D1", "D2"],
  visible: ["duplicate"],
  easy: true,
  schedule: schedule("S09", {
    replicas: ["b1", "b2", "b3"],
    workload: sends("m", 4 * SECOND),
    faults: [
      {
        id: "f1",
        kind: "kill",
        target: { node: "b1" },
        when: { event: "ack-sent", where: { partition: PARTITION }, nth: 1, edge: "before" },
      },
    ],
  }),
};
