import type { NodeId } from "../../core/ids.ts";
import { IsrRules } from "../../core/replication/isr-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, PARTITION, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongIsrRules extends IsrRules {
  override maximalIsr(
    committed: readonly NodeId[],
    proposed: readonly NodeId[],
  ): readonly NodeId[] {
    return proposed.length > 0 ? proposed : committed;
  }
}

/**
 * A leader that has proposed to drop a follower stops waiting for it at once, before the
 * controller has agreed. b1 proposes to drop b3, the proposal is held up; b1 acknowledges what
 * b3 lacks and dies; the controller still counts b3 in the ISR and makes it leader.
 */
export const R09: KnownBug = {
  id: "R09",
  name: "hw-applies-isr-shrink-early",
  origin: "KIP-497; AsyncIsr.tla",
  rules: { isr: WrongIsrRules },
  needs: [],
  violates: ["B4", "B3", "B1"],
  visible: ["unseen"],
  easy: false,
  schedule: schedule("R09", {
    replicas: ["b1", "b3", "b2"],
    readsAfterwards: true,
    clients: [producer("p1"), producer("p2"), consumer("r1")],
    workload: [
      ...sends("m", 4 * SECOND),
      ...sends("x", 5.2 * SECOND),
      // The leader looks at its high watermark again when this one is replicated.
      ...sends("y", 9.5 * SECOND, 1, "p2"),
    ],
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["b1", "b3"], both: true },
        at: 5 * SECOND,
        for: 20 * SECOND,
      },
      {
        id: "f2",
        kind: "block",
        target: { link: ["b1", "c100"] },
        when: { event: "isr-proposed", where: { node: "b1" }, nth: 1, edge: "before" },
        for: 2 * SECOND,
      },
      {
        id: "f3",
        kind: "kill",
        target: { node: "b1" },
        when: { event: "ack-sent", where: { partition: PARTITION }, nth: 2, edge: "after" },
      },
    ],
  }),
};
