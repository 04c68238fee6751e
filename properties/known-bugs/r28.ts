import { EpochRules } from "../../core/log/epoch-rules.ts";
import type { LeaderEpoch, Offset } from "../../core/ids.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongEpochRules extends EpochRules {
  override answeredEnd(
    requested: LeaderEpoch,
    latestEpoch: LeaderEpoch,
    nextEpochStart: Offset,
    _logEndOffset: Offset,
    highWatermark: Offset,
  ): Offset {
    return requested === latestEpoch ? highWatermark : nextEpochStart;
  }
}

/**
 * A leader says that its latest epoch ends at its high watermark. Every fetch beyond it then diverges:
 * followers cut what they have just fetched and fetch it again, and nothing is ever committed. No fault
 * is needed.
 */
export const R28: KnownBug = {
  id: "R28",
  name: "end-offset-for-latest-epoch-uses-hw",
  origin: "KIP-101; LeaderEpochFileCache.endOffsetFor",
  rules: { epochs: WrongEpochRules },
  needs: [],
  violates: ["L12", "L4", "L11"],
  visible: [],
  easy: true,
  schedule: schedule("R28", {
    replicas: ["b1", "b2", "b3"],
    workload: sends("m", 4 * SECOND),
    faults: [],
    healAt: 8 * SECOND,
  }),
};
