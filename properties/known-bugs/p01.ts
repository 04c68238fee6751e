import { DedupRules } from "../../core/log/dedup-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { PARTITION, schedule, SECOND, sends } from "./schedule.ts";

class WrongDedupRules extends DedupRules {
  override checksSequences(): boolean {
    return false;
  }
}

/**
 * Leaders ignore sequence numbers. The answer to m1 is lost and the producer sends it again.
 */
export const P01: KnownBug = {
  id: "P01",
  name: "no-dedup",
  origin: "KIP-98",
  rules: { dedup: WrongDedupRules },
  needs: [],
  violates: ["D1", "D2"],
  visible: ["duplicate"],
  easy: true,
  schedule: schedule("P01", {
    replicas: ["b1", "b2", "b3"],
    workload: sends("m", 4 * SECOND),
    faults: [
      {
        id: "f1",
        kind: "lose-response",
        target: { link: ["b1", "p1"] },
        when: { event: "ack-sent", where: { partition: PARTITION }, nth: 1, edge: "before" },
      },
    ],
  }),
};
