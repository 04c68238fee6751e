import type { Offset } from "../../core/ids.ts";
import { IsrRules } from "../../core/replication/isr-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { PARTITION, schedule, SECOND, sends } from "./schedule.ts";

class WrongIsrRules extends IsrRules {
  override highWatermark(ends: readonly Offset[]): Offset {
    const sorted = [...ends].sort((a, b) => b - a);
    return sorted[Math.floor(sorted.length / 2)] ?? -1;
  }
}

/**
 * The high watermark is where the majority of the ISR is, as in Raft, and not all of it. b3 is cut
 * off from its leader b1; b1 and b2 have x, which is acknowledged; b1 dies and b3, still in the
 * ISR, leads.
 */
export const R17: KnownBug = {
  id: "R17",
  name: "ack-on-majority-of-isr",
  origin: "textbook: a Raft quorum taken for the ISR",
  rules: { isr: WrongIsrRules },
  needs: [],
  violates: ["B4", "B3", "B1"],
  visible: ["unseen"],
  easy: true,
  schedule: schedule("R17", {
    replicas: ["b1", "b3", "b2"],
    readsAfterwards: true,
    workload: sends("x", 4.2 * SECOND),
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["b1", "b3"] },
        at: 4 * SECOND,
        for: 20 * SECOND,
      },
      {
        id: "f2",
        kind: "kill",
        target: { node: "b1" },
        when: { event: "ack-sent", where: { partition: PARTITION }, nth: 1, edge: "after" },
      },
    ],
  }),
};
