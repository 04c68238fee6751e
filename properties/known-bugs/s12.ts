import type { Offset } from "../../core/ids.ts";
import { LogRules } from "../../core/log/log-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongLogRules extends LogRules {
  override highWatermarkAtStart(checkpoint: Offset): Offset {
    return checkpoint;
  }
}

/**
 * The high watermark is taken from its checkpoint as it stands there. b2 writes the checkpoint,
 * loses power and half its log, and opens with a high watermark beyond the end.
 */
export const S12: KnownBug = {
  id: "S12",
  name: "hw-checkpoint-not-clamped",
  origin: "UnifiedLog.java updateHighWatermark",
  rules: { log: WrongLogRules },
  needs: [],
  violates: ["B16", "A8"],
  visible: [],
  easy: true,
  schedule: schedule("S12", {
    replicas: ["b1", "b2", "b3"],
    workload: sends("m", 4 * SECOND, 20),
    faults: [
      {
        id: "f1",
        kind: "power-loss",
        target: { node: "b2" },
        keep: 500,
        at: 12 * SECOND,
        for: 5 * SECOND,
      },
    ],
  }),
};
