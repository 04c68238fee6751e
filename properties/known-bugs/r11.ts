import type { ErrorCode } from "../../core/errors.ts";
import { Errors } from "../../core/errors.ts";
import { AlterPartitionRules } from "../../core/controller/alter-partition-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongAlterPartitionRules extends AlterPartitionRules {
  override leadershipError(): ErrorCode {
    return Errors.NONE;
  }
}

/**
 * The controller accepts an ISR change from a broker that leads no more. Its stale partition
 * epoch masks it, so that it needs R10 too. b1 proposes to take b3 in, the proposal is held up;
 * b2 becomes leader and commits records with b1 only; the old proposal is accepted and puts b3
 * into the ISR.
 */
export const R11: KnownBug = {
  id: "R11",
  name: "alter-partition-without-leader-epoch",
  origin: "textbook: zombie leader",
  rules: { alterPartition: WrongAlterPartitionRules },
  needs: ["R10"],
  violates: ["B9", "B3", "B2", "B1"],
  visible: ["unseen"],
  easy: false,
  schedule: schedule("R11", {
    replicas: ["b2", "b1", "b3"],
    readsAfterwards: true,
    clients: [producer("p1"), consumer("r1"), { id: "a1", kind: "admin", settings: {} }],
    workload: [
      ...sends("m", 4 * SECOND, 3),
      ...sends("n", 18 * SECOND, 3),
      {
        id: "election",
        at: 20.6 * SECOND,
        client: "a1",
        op: "elect-leaders",
        electionType: "preferred",
        topic: "story",
        partitions: [0],
      },
      ...sends("x", 21.5 * SECOND, 3),
    ],
    faults: [
      { id: "f0", kind: "block", target: { link: ["a1", "b1"], both: true }, at: 0 },
      { id: "f1", kind: "kill", target: { node: "b2" }, at: 5 * SECOND, for: 5 * SECOND },
      { id: "f2", kind: "kill", target: { node: "b3" }, at: 13 * SECOND, for: 6.5 * SECOND },
      {
        id: "f3",
        kind: "delay",
        us: 2_500_000,
        channel: "alter-partition",
        target: { link: ["b1", "c100"] },
        when: {
          event: "isr-proposed",
          where: { node: "b1", change: "expand", proposedIsr: 3 },
          nth: 2,
          edge: "before",
        },
        for: 1 * SECOND,
      },
      {
        id: "f4",
        kind: "block",
        target: { link: ["b2", "b3"], both: true },
        at: 12 * SECOND,
        for: 20 * SECOND,
      },
      { id: "f5", kind: "kill", target: { node: "b1" }, at: 23.3 * SECOND },
      { id: "f6", kind: "kill", target: { node: "b2" }, at: 23.3 * SECOND },
    ],
    healAt: 40 * SECOND,
  }),
};
