import { ReplicaRules } from "../../core/replication/replica-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongReplicaRules extends ReplicaRules {
  override takesHighWatermark(): boolean {
    return true;
  }
}

/**
 * A follower takes over the leader's high watermark from an answer that tells it to truncate. b1
 * has three records that nobody else has; it is cut off and b2 commits others in their place; b1
 * follows b2 and calls its own three committed, just before it drops them. Clients that read from
 * followers would see them; ours read from leaders only.
 */
export const R06: KnownBug = {
  id: "R06",
  name: "follower-high-watermark-before-truncation",
  origin: "KAFKA-14704",
  rules: { replica: WrongReplicaRules },
  needs: [],
  violates: ["B6"],
  visible: [],
  easy: true,
  schedule: schedule("R06", {
    replicas: ["b1", "b2", "b3"],
    clients: [producer("p1"), producer("p2"), consumer("r1")],
    workload: [
      ...sends("m", 4 * SECOND),
      ...sends("x", 5.2 * SECOND, 3),
      ...sends("y", 10 * SECOND, 5, "p2"),
    ],
    faults: [
      ...["b2", "b3", "c100"].map(
        (other, index) =>
          ({
            id: `f${index + 1}`,
            kind: "block",
            target: { link: ["b1", other], both: true },
            at: 5 * SECOND,
            for: 7 * SECOND,
          }) as const,
      ),
    ],
  }),
};
