import type { ErrorCode } from "../../core/errors.ts";
import { Errors } from "../../core/errors.ts";
import { AlterPartitionRules } from "../../core/controller/alter-partition-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongAlterPartitionRules extends AlterPartitionRules {
  override partitionEpochError(): ErrorCode {
    return Errors.NONE;
  }
}

/**
 * The controller accepts an ISR change that was made of an older state of the partition. b1 proposes
 * to take b3 in; the request is held up, b1 gives it up and its second try is granted. b3 is cut
 * off and leaves the ISR; b1 and b2 commit records without it; b3 is cut off from the brokers only
 * and unfenced, when the first request arrives and puts it into the ISR. b1 and b2 die.
 */
export const R10: KnownBug = {
  id: "R10",
  name: "alter-partition-without-partition-epoch",
  origin: "KIP-497",
  rules: { alterPartition: WrongAlterPartitionRules },
  needs: [],
  violates: ["B9", "B3", "B2", "B1"],
  visible: ["unseen"],
  easy: true,
  schedule: schedule("R10", {
    replicas: ["b1", "b2", "b3"],
    readsAfterwards: true,
    clients: [producer("p1"), consumer("r1")],
    workload: [...sends("m", 4 * SECOND, 3), ...sends("x", 26.3 * SECOND, 3)],
    faults: [
      { id: "f1", kind: "kill", target: { node: "b3" }, at: 5 * SECOND, for: 5 * SECOND },
      // The second time, so that the connection to the controller is there.
      { id: "again", kind: "kill", target: { node: "b3" }, at: 12 * SECOND, for: 5 * SECOND },
      {
        id: "f2",
        kind: "delay",
        us: 10_000_000,
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
        id: "f3",
        kind: "block",
        target: { link: ["b3", "c100"], both: true },
        at: 21 * SECOND,
        for: 5 * SECOND,
      },
      { id: "f4", kind: "block", target: { link: ["b3", "b1"], both: true }, at: 21 * SECOND },
      { id: "f5", kind: "block", target: { link: ["b3", "b2"], both: true }, at: 21 * SECOND },
      { id: "f6", kind: "kill", target: { node: "b1" }, at: 28 * SECOND },
      { id: "f7", kind: "kill", target: { node: "b2" }, at: 28 * SECOND },
    ],
    healAt: 45 * SECOND,
  }),
};
