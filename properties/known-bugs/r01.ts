import type { Offset } from "../../core/ids.ts";
import { ReplicaRules } from "../../core/replication/replica-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { PARTITION, schedule, SECOND, sends } from "./schedule.ts";

class WrongReplicaRules extends ReplicaRules {
  override startOffset(_endOffset: Offset, highWatermark: Offset): Offset {
    return highWatermark;
  }
}

/**
 * A follower of any new leader cuts its log to its own high watermark. b3 leads and acknowledges
 * m1 while the followers do not know yet that it is committed; b3 dies, b2 leads, b1 follows it
 * and drops m1; b2 dies before b1 has fetched it again.
 */
export const R01: KnownBug = {
  id: "R01",
  name: "truncate-to-hw",
  origin: "KAFKA-1211, fixed by KIP-101",
  rules: { replica: WrongReplicaRules },
  needs: [],
  violates: ["A4", "B2", "B1"],
  visible: ["unseen"],
  easy: false,
  schedule: schedule("R01", {
    replicas: ["b3", "b2", "b1"],
    readsAfterwards: true,
    workload: sends("m", 4 * SECOND),
    faults: [
      {
        id: "f1",
        kind: "kill",
        target: { node: "b3" },
        when: { event: "ack-sent", where: { partition: PARTITION }, nth: 1, edge: "after" },
      },
      {
        id: "f2",
        kind: "kill",
        target: { node: "b2" },
        when: {
          event: "truncated",
          where: { node: "b1", partition: PARTITION },
          nth: 1,
          edge: "after",
        },
      },
    ],
  }),
};
