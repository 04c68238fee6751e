import { LifecycleRules } from "../../core/controller/lifecycle-rules.ts";
import type { ProducerId } from "../../core/ids.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongLifecycleRules extends LifecycleRules {
  override nextProducerId(first: ProducerId): ProducerId {
    return first;
  }
}

/**
 * The metadata log does not remember which producer ids were handed out, so that two brokers get
 * the same block. p1 has its id from b1; p2, cut off from b1 and b3 at first, has the same from
 * b2. Its first record has the sequence of p1's first one and is taken for it.
 */
export const K24: KnownBug = {
  id: "K24",
  name: "producer-id-block-reused",
  origin: "KIP-730; ProducerIdControlManager.java",
  rules: { lifecycle: WrongLifecycleRules },
  needs: [],
  violates: ["D5"],
  visible: ["lost-write", "inconsistent-offsets"],
  easy: true,
  schedule: schedule("K24", {
    replicas: ["b1", "b2", "b3"],
    clients: [producer("p1"), producer("p2"), consumer("r1")],
    workload: [...sends("m", 4 * SECOND), ...sends("x", 6 * SECOND, 1, "p2")],
    faults: [
      ...(
        [
          ["p1", "b2"],
          ["p1", "b3"],
          ["p2", "b1"],
          ["p2", "b3"],
        ] as const
      ).map(
        (link, index) =>
          ({
            id: `f${index + 1}`,
            kind: "block",
            target: { link, both: true },
            at: 0,
            for: (index < 2 ? 20 : 8) * SECOND,
          }) as const,
      ),
    ],
  }),
};
