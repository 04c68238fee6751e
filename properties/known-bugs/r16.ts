import { ServingRules } from "../../core/replication/serving-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { PARTITION, schedule, SECOND, sends } from "./schedule.ts";

class WrongServingRules extends ServingRules {
  override isReplicated(): boolean {
    return true;
  }
}

/**
 * acks=all is acknowledged as soon as the leader has the record. Nothing gets from b1 to its
 * followers; it acknowledges x and dies.
 */
export const R16: KnownBug = {
  id: "R16",
  name: "ack-on-leader-append",
  origin: "textbook",
  rules: { serving: WrongServingRules },
  needs: [],
  violates: ["B12", "B1"],
  visible: ["unseen"],
  easy: true,
  schedule: schedule("R16", {
    replicas: ["b1", "b2", "b3"],
    readsAfterwards: true,
    workload: sends("x", 4.2 * SECOND),
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["b1", "b2"] },
        at: 4 * SECOND,
        for: 20 * SECOND,
      },
      {
        id: "f2",
        kind: "block",
        target: { link: ["b1", "b3"] },
        at: 4 * SECOND,
        for: 20 * SECOND,
      },
      {
        id: "f3",
        kind: "kill",
        target: { node: "b1" },
        when: { event: "ack-sent", where: { partition: PARTITION }, nth: 1, edge: "after" },
      },
    ],
  }),
};
