import { IsrRules } from "../../core/replication/isr-rules.ts";
import type { HighWatermarkCause } from "../../core/replication/isr-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongIsrRules extends IsrRules {
  override reconsiders(after: HighWatermarkCause): boolean {
    return after !== "isr-committed";
  }
}

/**
 * A leader does not look at its high watermark again when the ISR has shrunk. b3 dies; b1 has b2's fetch
 * of the last record, and waits for b3. Then b3 is dropped, and nobody appends any more: the record is
 * on every member of the ISR and is never committed. b3 stays dead, since its return would make the
 * leader look.
 */
export const R25: KnownBug = {
  id: "R25",
  name: "hw-not-recomputed-after-shrink",
  origin: "KAFKA-13091",
  rules: { isr: WrongIsrRules },
  needs: [],
  violates: ["L12"],
  visible: [],
  easy: false,
  schedule: schedule("R25", {
    replicas: ["b1", "b2", "b3"],
    core: ["c100", "b1", "b2"],
    workload: sends("m", 5.1 * SECOND),
    faults: [{ id: "f1", kind: "kill", target: { node: "b3" }, at: 5 * SECOND }],
    healAt: 12 * SECOND,
  }),
};
