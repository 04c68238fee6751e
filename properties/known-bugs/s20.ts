import { EpochRules } from "../../core/log/epoch-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongEpochRules extends EpochRules {
  override assignmentIsWritten(): boolean {
    return false;
  }
}

/**
 * A new epoch is noted in memory and written some time later. Recovery would learn it again from
 * the batches that it reads, but it does not read below the recovery point: b2 appends more than
 * a segment in one epoch, the recovery point passes the first one, and the power goes. The epoch
 * now seems to begin in the last segment.
 */
export const S20: KnownBug = {
  id: "S20",
  name: "epoch-checkpoint-not-durable",
  origin: "LeaderEpochFileCache.java",
  rules: { epochs: WrongEpochRules },
  needs: [],
  violates: ["A2"],
  visible: [],
  easy: true,
  schedule: schedule("S20", {
    replicas: ["b1", "b2", "b3"],
    settings: { "segment.bytes": 1000, "log.flush.offset.checkpoint.interval.ms": 2000 },
    workload: sends("m", 4 * SECOND, 30),
    faults: [
      {
        id: "f1",
        kind: "power-loss",
        target: { node: "b2" },
        at: 10 * SECOND,
        for: 5 * SECOND,
      },
    ],
  }),
};
