import { EpochRules } from "../../core/log/epoch-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, producer, schedule, SECOND, sends, TOPIC } from "./schedule.ts";

class WrongEpochRules extends EpochRules {
  override removedByTruncation(): boolean {
    return false;
  }
}

/**
 * A truncation leaves the epoch cache alone. b1 dies and comes back; b2 has led epoch 1 meanwhile,
 * without a record. b1 is elected again, and its cache knows no epoch 1: it answers each fetch of b2
 * that the logs diverge, b2 has nothing to cut, its cache still ends with epoch 1, and it asks again.
 */
export const R27: KnownBug = {
  id: "R27",
  name: "epoch-cache-survives-truncation",
  origin: "LeaderEpochFileCache.truncateFromEnd; KIP-101",
  rules: { epochs: WrongEpochRules },
  needs: [],
  violates: ["L5", "L11"],
  visible: [],
  easy: false,
  schedule: schedule("R27", {
    replicas: ["b1", "b2", "b3"],
    clients: [producer("p1"), consumer("r1"), { id: "a1", kind: "admin", settings: {} }],
    workload: [
      ...sends("m", 4 * SECOND, 5),
      {
        id: "x1",
        at: 16 * SECOND,
        client: "a1",
        op: "elect-leaders",
        electionType: "preferred",
        topic: TOPIC,
        partitions: [0],
      },
    ],
    faults: [{ id: "f1", kind: "kill", target: { node: "b1" }, at: 6 * SECOND, for: 5 * SECOND }],
    healAt: 18 * SECOND,
  }),
};
